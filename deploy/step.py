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
"""Yields the step's findings. It reads and never waits; a StackproofError that it raises counts as a finding."""


def _nothing(*_: object) -> None:
    """Do nothing: the default of a step's functions."""


def _well(_: Snapshot) -> Iterator[Finding]:
    """Return no findings: the default of `amiss`."""
    return iter(())


@dataclass(frozen=True)
class Step:
    """One step: its functions, the roles of its hosts, and the steps that it requires.

    The plan calls `prepare` once, `apply` on every host in `order`, and `complete` once; each may raise
    StackproofError. Then the plan waits until `amiss` yields nothing.
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
    """Seconds that findings may remain after `complete` before the step fails."""

    def __str__(self) -> str:
        return self.name
