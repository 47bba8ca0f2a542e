"""Step: one idempotent piece of the deployment. `apply` changes, `verify` only reads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from deploy.host import Host
from deploy.site import Site

Order = Literal["parallel", "serial", "first-then-rest"]


def _nothing(*_: object) -> None:
    """A part of a step that has nothing to do."""


@dataclass(frozen=True)
class Step:
    """What one step does, on which roles, after which others.

    The runner calls `prepare` once, `apply` on every host in `order`, `complete` once, and then
    `verify` on every host at once, and `verify_whole` once. Any of them raises StackproofError.
    """

    name: str
    title: str
    roles: tuple[str, ...]
    requires: tuple[str, ...] = ()
    order: Order = "parallel"
    prepare: Callable[[Site], None] = _nothing
    apply: Callable[[Site, Host], None] = _nothing
    complete: Callable[[Site], None] = _nothing
    verify: Callable[[Site, Host], None] = _nothing
    verify_whole: Callable[[Site], None] = _nothing

    def __str__(self) -> str:
        return self.name
