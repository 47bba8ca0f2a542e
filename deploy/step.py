"""Step: one idempotent piece of the deployment. `apply` changes, `amiss` only reads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from deploy.finding import Finding
from deploy.host import Host
from deploy.site import Site
from deploy.snapshot import Snapshot

Order = Literal["parallel", "serial", "first-then-rest"]
Amiss = Callable[[Snapshot], Iterator[Finding]]
"""Yields what is amiss. It reads and never waits; it may raise StackproofError, which counts as a finding."""


def _nothing(*_: object) -> None:
    """A part of a step that has nothing to do."""


def _well(_: Snapshot) -> Iterator[Finding]:
    """A step that cannot be amiss."""
    return iter(())


@dataclass(frozen=True)
class Step:
    """What one step does, on which roles, after which others.

    The runner calls `prepare` once, `apply` on every host in `order` and `complete` once; any of them raises
    StackproofError. Then it waits until `amiss` yields nothing.
    """

    name: str
    title: str
    roles: tuple[str, ...]
    requires: tuple[str, ...] = ()
    order: Order = "parallel"
    prepare: Callable[[Site], None] = _nothing
    apply: Callable[[Site, Host], None] = _nothing
    complete: Callable[[Site], None] = _nothing
    amiss: Amiss = _well
    settles: float = 0.0
    """Seconds in which what is amiss after `complete` may pass by itself."""

    def __str__(self) -> str:
        return self.name
