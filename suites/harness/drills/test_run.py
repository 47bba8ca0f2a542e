"""Runs of drills: consent, selection, the order of a run, and the verdicts at its end."""

import re
import subprocess
import sys
from argparse import ArgumentTypeError
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from deploy import catalogue
from deploy.catalogue import Promise
from deploy.errors import StepFailed
from fixtures.drills import summary
from fixtures.drills.drill import UNHURRIED, Drill
from fixtures.drills.errors import Refused
from fixtures.drills.faults.fault import Moments
from fixtures.drills.faults.power import Power
from fixtures.drills.options import _budgets, judged
from fixtures.drills.result import Judged, Result, load
from fixtures.drills.run import runner
from fixtures.probes.catalogued import SignedIn
from fixtures.probes.judging.pressure import Pressure
from fixtures.probes.judging.quiet import UNKNOWN
from fixtures.probes.probe import Probe
from fixtures.probes.subject import Part, Subject, Way
from suites.harness.clusters import with_every_feature
from suites.harness.watched import drill as kept

ROOT = Path(__file__).parents[3]
KEYSTONE, KEPT = Subject("keystone"), Subject("keystone", Way.KEPT)


@pytest.fixture(scope="session")
def known():
    """The catalogue with a budget for the two promises of the stored recordings only."""
    promises = tuple(Promise(name, name, {"node-loss": 5}) for name in ("keystone", "glance"))
    return replace(catalogue.load().of(with_every_feature()), promises=promises)


@pytest.fixture
def results(tmp_path):
    """A folder of results with a recording per drill and case."""

    def make(**drills: list[str]) -> Path:
        for name, cases in drills.items():
            for number, case in enumerate(cases, 1):
                place = tmp_path / summary.FOLDER / name / str(number)
                place.mkdir(parents=True)
                kept(case).save(place)
        return tmp_path

    return make


def run(*options: str) -> subprocess.CompletedProcess:
    words = [sys.executable, "-m", "pytest", "suites/failover", "-q", "-p", "no:cacheprovider", *options]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--inventory=lab"], "does not confirm"),
        (["--inventory=lab", "--confirm=two-node"], "--confirm=lab"),
        (["--inventory=production.example", "--confirm=production"], "does not consent to drills"),
    ],
)
def test_nothing_is_broken_without_consent(tmp_path, options, why):
    ended = run(*options, "-k", "standby", f"--results={tmp_path}")
    assert why in ended.stdout
    assert "error" in ended.stdout.splitlines()[-1]
    assert " passed" not in ended.stdout
    assert ended.returncode == 1


def test_an_earlier_run_s_drills_are_renamed_and_not_judged_again(results):
    folder = results(standby_and_back=["good"])
    ended = run("--inventory=lab", "-k", "standby", f"--results={folder}")
    assert "GO     standby" not in ended.stdout
    assert "NO-GO: 0 of" not in ended.stdout
    assert [path.name for path in folder.glob("drills-before-*/*")] == ["standby_and_back"]


def test_drills_are_selected_by_the_names_of_their_results():
    options = ("--inventory=lab", "--collect-only")
    ended = run(*options, "--drills=process_killed-keystone,standby_and_back")
    files = {line.partition("::")[0] for line in ended.stdout.splitlines() if "::" in line}
    assert files == {"suites/failover/test_process_killed.py", "suites/failover/test_standby_and_back.py"}
    assert "is_whole_again[keystone]" in ended.stdout
    assert "is_whole_again[glance]" not in ended.stdout
    ended = run(*options, "--drills=process_killed-swift")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no drill is called process_killed-swift" in ended.stderr
    ended = run(*options, "--drills=standby_and_back", "--budgets=quiet:standby_and_front")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--budgets: no drill is called standby_and_front" in ended.stderr


def test_the_drills_that_tox_runs_exist():
    (wanted,) = re.findall(r"--drills=(\S+)", (ROOT / "tox.ini").read_text())
    ended = run("--inventory=lab", "--collect-only", f"--drills={wanted}")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("test_the_cluster_is_whole_again") == len(wanted.split(",")) == 2


def test_the_readme_command_rehearses_one_failure():
    ended = run("--inventory=lab", "--collect-only", "-m", "drill", "-k", "vip")
    files = {line.partition("::")[0] for line in ended.stdout.splitlines() if "::" in line}
    assert files == {"suites/failover/test_vip_holder_power_loss.py"}


def test_a_run_is_go_only_with_every_drill(results, known):
    assert summary.go(summary.drilled(results(one=["good"]), known))
    assert not summary.go(summary.drilled(results(two=["good", "lost-write"]), known))
    assert not summary.go({})


def test_a_drill_that_was_refused_is_no_go(results, known):
    folder = results(one=["good"])
    (folder / summary.FOLDER / "one" / summary.ERROR).write_text("the cluster is not healthy: x\n  seen y")
    found = summary.drilled(folder, known)
    assert not summary.go(found)
    assert "NO-GO  one: the cluster is not healthy: x" in list(summary.verdicts(found))


def test_the_verdicts_name_the_run_and_the_reason(results, known):
    found = summary.drilled(results(vip=["good", "lost-write"], web=["good"]), known)
    first, second, last = summary.verdicts(found)
    assert first.startswith("NO-GO  vip: run 2: ledger sql: 1 acknowledged and lost")
    assert second == "GO     web"
    assert last == "NO-GO: 1 of 2 drills"


def test_unjudged_outages_are_noted_and_the_last_line_says_so(results, known):
    folder = results(vip=["over-budget"], web=["good"])
    assert not summary.go(summary.drilled(folder, known))
    found = summary.drilled(folder, known, lambda _: Judged.NEVER)
    assert summary.go(found)
    first, second, last = summary.verdicts(found)
    assert first.startswith("GO     vip: noted: ")
    assert (second, last) == ("GO     web", "GO (outages not judged): 2 of 2 drills")


CALM, BUSY = Pressure(0.4, 0.5, 0.0), Pressure(0.9, 0.5, 0.0)


@pytest.mark.parametrize(
    ("pressure", "go", "word"),
    [
        (CALM, False, "NO-GO  vip: keystone: away for"),
        (BUSY, True, "GO     vip: noted: keystone: away for"),
        (None, True, "GO     vip: noted: keystone: away for"),
    ],
)
def test_an_outage_over_its_budget_is_a_no_go_only_on_a_quiet_machine(results, known, pressure, go, word):
    folder = results(vip=["over-budget"], web=["good"])
    replace(kept("over-budget"), pressure=pressure).save(folder / summary.FOLDER / "vip" / "1")
    found = summary.drilled(folder, known, lambda drill: Judged.QUIET if drill == "vip" else Judged.NEVER)
    first, why, second, last = summary.verdicts(found)
    assert first.startswith(word)
    assert second == "GO     web"
    if pressure is CALM:
        assert why == f"       outages judged, because the machine was quiet: {pressure}"
        assert last == "NO-GO (outages of 1 not judged): 1 of 2 drills"
    else:
        assert why == f"       outages not judged: {pressure or UNKNOWN}"
        assert last == "GO (outages not judged): 2 of 2 drills"


def options(budgets: str) -> SimpleNamespace:
    return SimpleNamespace(getoption={"--budgets": budgets, "--plan": False, "--repeat": 1}.get)


@pytest.mark.parametrize(
    ("budgets", "found"),
    [
        ("judge", [Judged.ALWAYS, Judged.ALWAYS]),
        ("note", [Judged.NEVER, Judged.NEVER]),
        ("quiet", [Judged.QUIET, Judged.QUIET]),
        ("quiet:web,vip", [Judged.QUIET, Judged.QUIET]),
        ("quiet:vip", [Judged.QUIET, Judged.NEVER]),
    ],
)
def test_budgets_are_chosen_for_all_drills_or_for_those_that_are_named(budgets, found):
    assert [judged(options(_budgets(budgets)), drill) for drill in ("vip", "web")] == found


@pytest.mark.parametrize("value", ["", "no", "quiet:", "note:vip", "judge:", "Quiet"])
def test_other_budgets_are_refused(value):
    with pytest.raises(ArgumentTypeError, match="expected judge, note, quiet or quiet:NAME"):
        _budgets(value)


@pytest.mark.parametrize(
    ("budgets", "found"), [("judge", (True, 1.0)), ("note", (False, UNHURRIED)), ("quiet", (False, UNHURRIED))]
)
def test_only_a_drill_whose_outages_are_judged_in_any_case_attempts_at_full_pace(
    site_of, monkeypatch, tmp_path, budgets, found
):
    asked = []

    def ran(self, name, make, place):
        asked.append((self.timed, self.pace))
        raise Refused("seen enough")

    monkeypatch.setattr(runner.Runner, "run", ran)
    monkeypatch.setattr(runner.Runner, "alone", lambda _: nullcontext())
    monkeypatch.setattr("fixtures.drills.drill.folder", lambda _: tmp_path)
    request = SimpleNamespace(config=options(budgets), module=SimpleNamespace(FAULT="moved"), path=Path("test_vip.py"))
    with pytest.raises(pytest.fail.Exception, match="seen enough"):
        Drill(request, runner.Runner(site_of("lab")))(lambda: None)
    assert asked == [found]


def test_repeated_drills_have_median_worst_and_what_became_slower(results, known):
    found = summary.drilled(results(vip=["good", "over-budget"]), known)
    text = "\n".join(summary.lines(found, found))
    assert "over 2 runs" in text
    assert "nothing became slower" in text


@pytest.mark.parametrize(
    ("cases", "outcome"),
    [(["good"], "PASSED"), (["good", "no-effect"], "ERROR"), (["no-effect", "over-budget"], "FAILED")],
)
def test_the_worst_run_counts(results, known, cases, outcome):
    result = load(results(vip=cases) / summary.FOLDER / "vip", known)
    assert result.worst("keystone", Part.OUTAGE).outcome == outcome


def test_a_kept_promise_reports_the_probe_with_the_longest_outage(known):
    good = kept("good")
    worse = good.timelines[KEYSTONE]
    brief = replace(worse, samples=tuple(replace(s, ok=True) for s in good.timelines[Subject("glance")].samples))
    for first, second in ((KEYSTONE, KEPT), (KEPT, KEYSTONE)):
        lines = {first: replace(brief, subject=first), second: replace(worse, subject=second)}
        judgement = Result("x", known, (replace(good, timelines=lines),)).worst("keystone", Part.OUTAGE)
        assert judgement.outcome == "PASSED"
        assert judgement.subject == second
        assert judgement.seconds == good[KEYSTONE].outage


def test_a_promise_that_was_not_recorded_is_an_error(known):
    result = Result("x", known, (kept("good"),))
    assert result.worst("cinder", Part.OUTAGE).outcome == "ERROR"
    assert result.worst("keystone", Part.RETURN).outcome == "ERROR"
    assert Result("x", known, ()).go is False


@pytest.mark.parametrize(("pace", "interval"), [(1.0, 0.25), (UNHURRIED, 0.5)])
def test_every_probe_from_outside_has_the_pace(site_of, monkeypatch, tmp_path, pace, interval):
    begun = []

    def watch(probes, _):
        begun.extend(probe.interval for probe in probes)
        raise Refused("seen enough")

    monkeypatch.setattr(runner, "Watch", watch)
    monkeypatch.setattr(runner.clients, "signed_in", lambda *_: SignedIn("t", "p1"))
    monkeypatch.setattr(runner.clients, "probes", lambda *_: (Probe("keystone", "http", 0.25),))
    monkeypatch.setattr(runner.calls, "probes", lambda *_: ())
    running = runner.Runner(site_of("lab"), also=(Probe("floating-ip", "http", 0.25),), pace=pace)
    fault = SimpleNamespace(victims=("controller02",))
    with pytest.raises(Refused, match="seen enough"):
        running._watched("drill", fault, tmp_path, running._probes(fault, "run"), [])
    assert begun == [interval, interval, 0.1 * pace]


@pytest.mark.parametrize(("failing", "ended"), [(0, False), (3, False), (1_000, False), (0, True), (1, True)])
def test_a_fault_waits_for_calm_promises_and_is_given_up_without(site_of, monkeypatch, failing, ended):
    asked = []

    def restless(_, allowed):
        asked.append(allowed)
        return ["token (away for 3.3 s)"] if len(asked) <= failing else []

    waited = []
    clock = SimpleNamespace(monotonic=lambda: float(sum(waited)), sleep=waited.append)
    monkeypatch.setattr(runner.judgement, "restless", restless)
    monkeypatch.setattr(runner, "until", partial(runner.until, clock=clock))
    fault = SimpleNamespace(kind="node-loss", victim="controller02")
    watch = SimpleNamespace(ended=ended, timelines=dict)
    waits = runner.Runner(site_of("lab"))._until_calm
    if ended or failing > runner.STEADY:
        with pytest.raises(StepFailed, match="before the node-loss of controller02"):
            waits(fault, watch)
    else:
        waits(fault, watch)
        assert len(asked) == failing + 1
    assert asked[0]["keystone"] == 5.0


@pytest.mark.parametrize(("timed", "before"), [(True, ["settled", "calm", "fault"]), (False, ["settled", "fault"])])
def test_a_fault_waits_for_calm_only_where_outages_are_judged(site_of, monkeypatch, tmp_path, timed, before):
    done = []

    def inflicted(*_):
        done.append("fault")
        raise Refused("seen enough")

    class Settles(nullcontext):
        def until_settled(self, _):
            done.append("settled")

    monkeypatch.setattr(runner, "Watch", lambda *_: Settles())
    monkeypatch.setattr(runner, "Holders", lambda *_: nullcontext())
    monkeypatch.setattr(runner.Claims, "of", lambda *_: nullcontext())
    monkeypatch.setattr(runner, "Stalls", nullcontext)
    monkeypatch.setattr(runner, "inflicted", inflicted)
    running = runner.Runner(site_of("lab"), timed=timed)
    monkeypatch.setattr(running, "_until_calm", lambda *_: done.append("calm"))
    with pytest.raises(Refused, match="seen enough"):
        running._watched("drill", SimpleNamespace(victims=("controller02",)), tmp_path, (), [])
    assert done == before


def test_a_recording_has_who_looked_for_the_vip_and_whether_the_victim_boots(site_of, monkeypatch, tmp_path):
    looks, claims = {"controller01": ((1.0, 1.1),)}, ((2.0, frozenset({"controller03"})),)
    holders = SimpleNamespace(observations=lambda: claims, looks=lambda: looks)
    heard = nullcontext()
    heard.claims, heard.listeners, heard.notes = (lambda: claims), ("compute02",), ("compute01 could not listen",)
    watch = nullcontext()
    watch.until_settled, watch.stop = (lambda _: None), dict
    monkeypatch.setattr(runner, "Watch", lambda *_: watch)
    monkeypatch.setattr(runner, "Holders", lambda *_: nullcontext(holders))
    monkeypatch.setattr(runner.Claims, "of", lambda _, victims: heard if victims == ("controller02",) else None)
    stalls = SimpleNamespace(notes=lambda _: (), pressure=lambda _: None)
    monkeypatch.setattr(runner, "Stalls", lambda: nullcontext(stalls))
    monkeypatch.setattr(runner, "inflicted", lambda *_: nullcontext(Moments()))
    monkeypatch.setattr(runner.Runner, "_whole", lambda *_: 9.0)
    fault = Power(site := site_of("lab")).off(site.hosts["controller02"])
    found = runner.Runner(site, timed=False)._watched("drill", fault, tmp_path, (), [])
    assert (found.holders, found.looks, found.claims, found.listeners) == (claims, looks, claims, ("compute02",))
    assert (found.returns, found.reboots, found.unpowered, found.victims) == (True, True, True, ("controller02",))
    assert "compute01 could not listen" in found.notes


@pytest.mark.parametrize(
    ("whole_at", "limbo", "amiss"),
    [(9.0, "", ""), (9.0, "volume v1 is creating", "in limbo: volume v1 is creating"), (None, "volume v1", "")],
)
def test_what_a_drill_leaves_in_limbo_fails_it_and_stops_no_other(emptied, whole_at, limbo, amiss):
    running, recording = emptied(limbo, whole_at)
    assert (recording.whole_at is None, recording.amiss) == (whole_at is None or bool(limbo), amiss)
    assert running.broken == ("" if whole_at else "drill d left the cluster broken: it became whole too late")


@pytest.fixture
def emptied(site_of, monkeypatch, tmp_path):
    """Runs a drill in which nothing happens, and after which something is in limbo; returns runner and recording."""
    monkeypatch.setattr(runner.gate, "check", lambda *_: None)
    monkeypatch.setattr(runner.gate, "Lookout", lambda _: SimpleNamespace(amiss=str))
    monkeypatch.setattr(runner.clients, "accounts", lambda _: nullcontext())
    monkeypatch.setattr(runner.clients, "visitor", lambda _: nullcontext(()))
    monkeypatch.setattr(runner.Runner, "_probes", lambda *_: iter(()))
    monkeypatch.setattr(runner.clients, "read_back", lambda *_: {})
    monkeypatch.setattr(runner.evidence, "journals", lambda *_: None)
    monkeypatch.setattr(runner, "tidy", lambda _: None)

    def run_with(limbo, whole_at):
        done = replace(kept("good"), whole_at=whole_at, amiss="", ledgers={})
        monkeypatch.setattr(runner.Runner, "_watched", lambda *_: done)
        running = runner.Runner(site_of("lab"), actions=SimpleNamespace(tidy=lambda: limbo))
        return running, running.run("d", lambda: SimpleNamespace(victim="controller02"), tmp_path)

    return run_with
