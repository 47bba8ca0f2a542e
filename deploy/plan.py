"""Plan: the steps in the order their `requires` give, run one after the other and told to the journal."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from deploy.errors import InventoryError, StackproofError, StageMissing, StepFailed
from deploy.host import Hosts
from deploy.journal import JOURNAL, Event
from deploy.site import Site
from deploy.step import Step


@dataclass(frozen=True)
class Outcome:
    """What one step came to: its time in seconds and what it changed, as (host, what)."""

    step: str
    seconds: float
    changes: tuple[tuple[str, str], ...]


def order(steps: Iterable[Step]) -> list[Step]:
    """The steps so that each comes after what it requires; InventoryError on a circle or an unknown name."""
    by_name = {step.name: step for step in steps}
    for step in by_name.values():
        for name in step.requires:
            if name not in by_name:
                raise InventoryError(f"step {step.name} requires {name}, which does not exist")
    try:
        names = list(TopologicalSorter({name: step.requires for name, step in by_name.items()}).static_order())
    except CycleError as error:
        raise InventoryError(f"steps require each other in a circle: {' -> '.join(error.args[1])}") from None
    return [by_name[name] for name in names]


def of(site: Site, steps: Iterable[Step]) -> list[Step]:
    """The steps that this cluster has, in order."""
    return [step for step in order(steps) if step.applies(site)]


def apply(site: Site, step: Step) -> Outcome:
    """Make the step so, then verify it; StepFailed or what the step raised."""
    with _told(step) as changes:
        started = time.monotonic()
        hosts = site.hosts.role(*step.roles)
        step.prepare(site)
        _apply_on(site, step, hosts)
        step.complete(site)
        _verify(site, step, hosts)
        return Outcome(step.name, time.monotonic() - started, tuple(changes))


def verify(site: Site, step: Step) -> Outcome:
    """Only read; StageMissing, in one line, where the step's result is not there."""
    with _told(step) as changes:
        started = time.monotonic()
        try:
            _verify(site, step, site.hosts.role(*step.roles))
        except StackproofError as error:
            raise StageMissing(
                f"stage {step.name} is missing or broken: {error.what.splitlines()[0]}",
                expected=error.expected,
                seen=error.seen,
                hint="build it with `pytest -m deploy`, which applies; this run only verifies",
            ) from None
        return Outcome(step.name, time.monotonic() - started, tuple(changes))


def _apply_on(site: Site, step: Step, hosts: Hosts) -> None:
    if step.order == "parallel":
        hosts.each(lambda host: step.apply(site, host))
        return
    if step.order == "serial":
        for host in hosts.values():
            step.apply(site, host)
        return
    step.apply(site, hosts.first)
    hosts.without(hosts.first.name).each(lambda host: step.apply(site, host))


def _verify(site: Site, step: Step, hosts: Hosts) -> None:
    hosts.each(lambda host: step.verify(site, host))
    step.verify_whole(site)


@contextmanager
def _told(step: Step) -> Iterator[list[tuple[str, str]]]:
    """Tell the journal when a step begins and ends; collect its changes."""
    changes: list[tuple[str, str]] = []
    lock = threading.Lock()

    def collect(event: Event) -> None:
        if event.kind == "change":
            with lock:
                changes.append((event.host, event.text))

    JOURNAL.emit("step", f"{step.title} ...", step=step.name)
    unsubscribe = JOURNAL.subscribe(collect)
    started = time.monotonic()
    try:
        yield changes
    except StepFailed:
        raise
    except StackproofError as error:
        raise type(error)(
            f"step {step.name}: {error.what}",
            expected=error.expected,
            seen=error.seen,
            evidence=error.evidence,
            hint=error.hint,
        ) from None
    finally:
        unsubscribe()
    count = f"{len(changes)} change{'' if len(changes) == 1 else 's'}"
    JOURNAL.emit("step", f"done, {count}", step=step.name, seconds=time.monotonic() - started)
