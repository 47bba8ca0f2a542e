"""Plan: runs the steps in the order of their `requires`, in parallel where possible, and journals them."""

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from deploy.errors import InventoryError, StackproofError, StageMissing, StepFailed
from deploy.host import Hosts
from deploy.interrupt import stop_for
from deploy.journal import JOURNAL, Event, within
from deploy.making import settle
from deploy.site import Site
from deploy.step import Step


@dataclass(frozen=True)
class Outcome:
    """The result of one step: its duration in seconds, and its changes as (host, change)."""

    step: str
    seconds: float
    changes: tuple[tuple[str, str], ...]


def order(steps: Iterable[Step]) -> list[Step]:
    """Return the steps, each after its required steps; InventoryError for a circle, an unknown or a repeated name."""
    by_name: dict[str, Step] = {}
    for step in steps:
        if step.name in by_name:
            raise InventoryError(f"two steps are named {step.name}")
        by_name[step.name] = step
    for step in by_name.values():
        for name in step.requires:
            if name not in by_name:
                raise InventoryError(f"step {step.name} requires {name}, which does not exist")
    try:
        names = list(TopologicalSorter({name: step.requires for name, step in by_name.items()}).static_order())
    except CycleError as error:
        raise InventoryError(f"steps require each other in a circle: {' -> '.join(error.args[1])}") from None
    return [by_name[name] for name in names]


def only(steps: Iterable[Step], names: Iterable[str]) -> list[Step]:
    """Return the named steps and all steps that they require, in order; InventoryError lists the unknown names."""
    ordered, wanted = order(steps), set(names)
    if unknown := sorted(wanted - {step.name for step in ordered}):
        known = ", ".join(step.name for step in ordered)
        raise InventoryError(f"the cluster has no step named {', '.join(unknown)}", expected=f"one of: {known}")
    for step in reversed(ordered):
        if step.name in wanted:
            wanted |= set(step.requires)
    return [step for step in ordered if step.name in wanted]


def apply(site: Site, step: Step) -> Outcome:
    """Apply the step, then wait until it has no findings; StepFailed, or the error of the step's own functions."""
    with _journalled(step) as changes:
        started = time.monotonic()
        hosts = site.hosts.role(*step.roles)
        step.prepare(site)
        _apply_on(site, step, hosts)
        step.complete(site)
        _verify(site, step)
        return Outcome(step.name, time.monotonic() - started, tuple(changes))


def verify(site: Site, step: Step) -> Outcome:
    """Wait until the step has no findings, and change nothing; StageMissing where findings remain."""
    with _journalled(step) as changes:
        started = time.monotonic()
        try:
            _verify(site, step)
        except StackproofError as error:
            raise StageMissing(
                f"stage {step.name} is missing or broken: {error.what}",
                expected=error.expected,
                seen=error.seen,
                evidence=error.evidence,
                hint="build it with `pytest -m deploy`, which applies; this run only verifies",
            ) from None
        return Outcome(step.name, time.monotonic() - started, tuple(changes))


Outcomes = dict[str, Outcome | StackproofError]


def run(
    site: Site,
    steps: Iterable[Step],
    do: Callable[[Site, Step], Outcome],
) -> Outcomes:
    """Run every step once its required steps are done, in parallel with independent steps.

    `do` is `apply` or `verify`. After a failed step, the steps that require it are not tried. Returns the outcome or
    the error of each step, by name.
    """
    waiting = order(steps)
    outcomes: Outcomes = {}
    running: dict[Future[Outcome], Step] = {}
    pool = ThreadPoolExecutor(len(waiting) or 1, thread_name_prefix="step")
    try:
        while waiting or running:
            for step in [step for step in waiting if _due(step, waiting, running)]:
                waiting.remove(step)
                cause = next((name for name in step.requires if isinstance(outcomes.get(name), StackproofError)), None)
                if cause:
                    outcomes[step.name] = StepFailed(
                        f"step {step.name} was not tried, because step {cause} was not done"
                    )
                else:
                    running[pool.submit(do, site, step)] = step
            if not running:
                continue
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                step = running.pop(future)
                outcomes[step.name] = _outcome(future)
    except BaseException as error:
        stop_for(error)
        site.hosts.disconnect()  # commands of other threads end with their connection
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return outcomes


def _due(step: Step, waiting: list[Step], running: dict[Future[Outcome], Step]) -> bool:
    unfinished = {other.name for other in [*waiting, *running.values()]}
    return not unfinished & set(step.requires)


def _outcome(future: Future[Outcome]) -> Outcome | StackproofError:
    try:
        return future.result()
    except StackproofError as error:
        return error


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


def _verify(site: Site, step: Step) -> None:
    settle.until_well(site, step.name, step.amiss, timeout=step.settles)


@contextmanager
def _journalled(step: Step) -> Iterator[list[tuple[str, str]]]:
    """Journal the begin, the end or the failure of a step; yield a list that collects its changes."""
    changes: list[tuple[str, str]] = []

    def collect(event: Event) -> None:
        if event.kind == "change" and event.step == step.name:
            changes.append((event.host, event.text))

    unsubscribe = JOURNAL.subscribe(collect)
    started = time.monotonic()
    try:
        with within(step.name):
            JOURNAL.emit("step", f"{step.title} ...")
            yield changes
            JOURNAL.emit("step", f"done, {count(changes)}", seconds=time.monotonic() - started)
    except StackproofError as error:
        # Journalled at once, since other steps may run on for minutes.
        with within(step.name):
            JOURNAL.emit("step", f"failed: {error.what.splitlines()[0]}", seconds=time.monotonic() - started)
        if error.what.startswith(f"step {step.name}: "):
            raise
        raise type(error)(
            f"step {step.name}: {error.what}",
            expected=error.expected,
            seen=error.seen,
            evidence=error.evidence,
            hint=error.hint,
        ) from None
    finally:
        unsubscribe()


def count(changes: Sized) -> str:
    """Return `0 changes`, `1 change` and so on."""
    return f"{len(changes)} change{'' if len(changes) == 1 else 's'}"
