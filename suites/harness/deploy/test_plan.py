"""Running a plan: every step once, in parallel where possible, and a failure stops only its dependants."""

import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from deploy import plan
from deploy.errors import CommandFailed, InventoryError, StackproofError, StageMissing
from deploy.finding import Finding
from deploy.host import Host, Result
from deploy.journal import JOURNAL
from deploy.plan import Outcome
from deploy.site import Site
from deploy.step import Step

PATIENCE = 5
"""Seconds to wait for work that must run in parallel."""


@pytest.fixture
def site(site_of) -> Site:
    return site_of("lab")


def step(name: str, *requires: str, **parts: object) -> Step:
    return Step(name, f"title of {name}", roles=("controller",), requires=requires, **parts)


class Log:
    """Records each call of a step's part and its host."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def part(self, name: str):
        return lambda *given: self.calls.append((name, given[-1].name if isinstance(given[-1], Host) else "")) or ()


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def whole(log) -> Step:
    """A step whose parts only record their calls."""
    names = ("prepare", "apply", "complete", "amiss")
    return step("galera", **{name: log.part(name) for name in names})


# -- one step ------------------------------------------------------------------------------------------


def test_parts_of_a_step_run_in_order(site, whole, log):
    plan.apply(site, whole)
    assert list(dict.fromkeys(part for part, _ in log.calls)) == [
        "prepare",
        "apply",
        "complete",
        "amiss",
    ]


def test_apply_runs_once_on_each_host_of_the_roles(site, whole, log):
    plan.apply(site, whole)
    hosts = {f"controller0{number}" for number in (1, 2, 3)}
    assert Counter(host for part, host in log.calls if part == "apply") == dict.fromkeys(hosts, 1)


def test_verify_only_reads(site, whole, log):
    plan.verify(site, whole)
    assert log.calls == [("amiss", "")]


def test_parallel_order_runs_all_hosts_at_once(site):
    together = threading.Barrier(3, timeout=PATIENCE)
    plan.apply(site, step("a", apply=lambda *_: together.wait()))


def test_serial_order_runs_hosts_one_by_one_in_inventory_order(site, log):
    alone = threading.Lock()

    def apply(_: Site, host: Host) -> None:
        assert alone.acquire(blocking=False), "two hosts at once"
        time.sleep(0.02)
        log.part("apply")(host)
        alone.release()

    plan.apply(site, step("a", order="serial", apply=apply))
    assert [host for _, host in log.calls] == ["controller01", "controller02", "controller03"]


def test_first_then_rest_order_ends_the_first_host_before_the_others(site, log):
    rest = threading.Barrier(2, timeout=PATIENCE)

    def apply(_: Site, host: Host) -> None:
        if host.name != "controller01":
            assert ("done", "controller01") in log.calls
            rest.wait()
        log.part("done")(host)

    plan.apply(site, step("a", order="first-then-rest", apply=apply))
    assert len(log.calls) == 3


def test_outcome_has_the_changes_of_its_step_only(site):
    def apply(_: Site, host: Host) -> None:
        host.changed("did it")
        JOURNAL.emit("note", "looked", host=host.name)

    outcome = plan.apply(site, step("a", apply=apply))
    assert sorted(outcome.changes) == [(f"controller0{number}", "did it") for number in (1, 2, 3)]
    assert outcome.step == "a"
    assert outcome.seconds >= 0


def test_journal_gets_begin_end_and_number_of_changes(site, events):
    plan.apply(site, step("a", apply=lambda _, host: host.changed("did it")))
    journalled = [(event.kind, event.text, event.step) for event in events if event.kind == "step"]
    assert journalled == [("step", "title of a ...", "a"), ("step", "done, 3 changes", "a")]
    assert {event.step for event in events} == {"a"}


def test_error_names_the_step_once_and_keeps_its_type_and_fields(site):
    def fail(*_: object) -> None:
        raise CommandFailed("it failed", expected="e", seen="s", hint="h")

    with pytest.raises(CommandFailed) as caught:
        plan.apply(site, step("a", complete=fail))
    error = caught.value
    assert (error.what, error.expected, error.seen, error.hint) == ("step a: it failed", "e", "s", "h")


def test_every_failed_host_is_named(site):
    def fail(_: Site, host: Host) -> None:
        if host.name != "controller02":
            raise CommandFailed(f"{host.name}: it failed")

    with pytest.raises(CommandFailed, match="2 hosts failed: controller0") as caught:
        plan.apply(site, step("a", apply=fail))
    assert "controller01: it failed" in str(caught.value)
    assert "controller03: it failed" in str(caught.value)


def test_failed_step_is_journalled_at_once(site, events):
    with pytest.raises(CommandFailed):
        plan.apply(site, step("a", prepare=failing))
    assert [event.text for event in events] == ["title of a ...", "failed: it failed"]
    assert {event.step for event in events} == {"a"}


def failing(*_: object) -> None:
    raise CommandFailed("it failed", seen="exit code 1")


def down(now) -> Iterator[Finding]:
    """Report MariaDB as inactive on every controller."""
    yield from (Finding("mariadb is inactive", name) for name in now.site.controllers)


def test_missing_stage_error_says_how_to_build_it(site):
    with pytest.raises(StageMissing) as caught:
        plan.verify(site, step("galera", amiss=down))
    missing = "step galera: stage galera is missing or broken: controller01: mariadb is inactive (and 2 more)"
    assert caught.value.what == missing
    assert "controller03: mariadb is inactive" in caught.value.seen
    assert "pytest -m deploy" in caught.value.hint


def test_missing_stage_error_has_the_units_last_journal_lines(site, monkeypatch):
    monkeypatch.setattr(Host, "run", lambda host, *_, **__: Result(host.name, "", 0, "mariadb:\nits last words", ""))
    with pytest.raises(StageMissing) as caught:
        plan.verify(site, step("galera", amiss=lambda _: iter([Finding("it failed", "controller03", "mariadb")])))
    assert "controller03, mariadb:\nits last words" in str(caught.value)


def test_unreadable_stage_counts_as_missing(site):
    with pytest.raises(StageMissing, match="stage a is missing or broken: it failed: exit code 1"):
        plan.verify(site, step("a", amiss=failing))


@pytest.mark.parametrize(("count", "text"), [(0, "0 changes"), (1, "1 change"), (2, "2 changes")])
def test_changes_are_counted_in_english(count, text):
    assert plan.count([()] * count) == text


# -- many steps ----------------------------------------------------------------------------------------


def doing(log: Log, *failures: str):
    """Return a function that records each step, and fails the named ones."""

    def do(_: Site, step: Step) -> Outcome:
        log.calls.append(("do", step.name))
        if step.name in failures:
            raise CommandFailed(f"{step.name} failed")
        return Outcome(step.name, 0.0, ())

    return do


def test_every_step_runs_once_after_its_required_steps(site, log):
    outcomes = plan.run(site, [step("d", "b", "c"), step("c", "a"), step("b", "a"), step("a")], doing(log))
    order = [name for _, name in log.calls]
    assert (order[0], sorted(order[1:3]), order[3]) == ("a", ["b", "c"], "d")
    assert set(outcomes) == {"a", "b", "c", "d"}


def test_independent_steps_run_in_parallel(site):
    together = threading.Barrier(3, timeout=PATIENCE)

    def do(_: Site, step: Step) -> Outcome:
        together.wait()
        return Outcome(step.name, 0.0, ())

    outcomes = plan.run(site, [step("a"), step("b"), step("c")], do)
    assert all(isinstance(outcome, Outcome) for outcome in outcomes.values())


def test_step_waits_only_for_its_required_steps(site):
    begun = threading.Event()

    def do(_: Site, step: Step) -> Outcome:
        if step.name == "slow":
            assert begun.wait(PATIENCE), "b did not begin before slow ended"
        if step.name == "b":
            begun.set()
        return Outcome(step.name, 0.0, ())

    plan.run(site, [step("slow"), step("a"), step("b", "a")], do)
    assert begun.is_set()


def test_failure_stops_only_dependent_steps(site, log):
    all_steps = [step("a"), step("b", "a"), step("c", "b"), step("d", "c", "other"), step("other"), step("e", "other")]
    outcomes = plan.run(site, all_steps, doing(log, "b"))
    assert {name for _, name in log.calls} == {"a", "b", "other", "e"}
    assert {name for name, outcome in outcomes.items() if isinstance(outcome, StackproofError)} == {"b", "c", "d"}
    assert str(outcomes["b"]) == "b failed"
    assert str(outcomes["c"]) == "step c was not tried, because step b was not done"
    assert str(outcomes["d"]) == "step d was not tried, because step c was not done"


def test_verify_ignores_findings_of_operators_and_tenants(site):
    left = Finding("constraint cli-ban-vip", foreign=True)
    plan.verify(site, step("pacemaker", amiss=lambda _: iter([left])))


def test_empty_plan_has_no_outcomes(site, log):
    assert plan.run(site, [], doing(log)) == {}


def test_programming_error_ends_the_run_and_its_connections(site, monkeypatch):
    ended = []
    monkeypatch.setattr(type(site.hosts), "disconnect", lambda _: ended.append(True))

    def do(*_: object) -> Outcome:
        raise KeyError("typo")

    with pytest.raises(KeyError, match="typo"):
        plan.run(site, [step("a"), step("b", "a")], do)
    assert ended == [True]


def test_events_of_parallel_steps_keep_their_step_s_name(site, events):
    together = threading.Barrier(6, timeout=PATIENCE)

    def apply(_: Site, host: Host) -> None:
        together.wait()  # the three hosts of both steps at once
        host.changed("did it")

    outcomes = plan.run(site, [step("a", apply=apply), step("b", apply=apply)], plan.apply)
    changes = Counter(event.step for event in events if event.kind == "change")
    assert changes == {"a": 3, "b": 3}
    assert [len(outcome.changes) for outcome in outcomes.values()] == [3, 3]


# -- part of a build -----------------------------------------------------------------------------------


def test_named_steps_run_with_their_required_steps():
    every = [step("d", "c"), step("c", "b"), step("b", "a"), step("a"), step("other", "a")]
    assert [each.name for each in plan.only(every, ["c"])] == ["a", "b", "c"]
    assert [each.name for each in plan.only(every, ["other", "b"])] == ["a", "b", "other"]
    assert plan.only(every, []) == []


def test_unknown_step_name_is_refused_with_the_known_names():
    with pytest.raises(InventoryError, match="no step named x, y") as caught:
        plan.only([step("b", "a"), step("a")], ["y", "a", "x"])
    assert "one of: a, b" in str(caught.value)
