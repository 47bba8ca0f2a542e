"""Recordings: each stored recording has a known verdict, and one that proves nothing never passes."""

import json
from dataclasses import replace

import pytest

from fixtures.probes.errors import ProbeError, Unproven
from fixtures.probes.judging import recording
from fixtures.probes.judging.judgement import Verdict, judge, masked, restless
from fixtures.probes.judging.ledger import Ledger
from fixtures.probes.judging.recording import Recording
from fixtures.probes.judging.table import table, text
from fixtures.probes.judging.timeline import Timeline
from fixtures.probes.judging.trends import compare, summary
from fixtures.probes.sample import Sample
from fixtures.probes.subject import CLUSTER, PROCESS, VIP, Part, Subject, Way
from suites.harness.watched import DRILLS, drill, pinged

ALLOWED = {"keystone": 5.0, "glance": 5.0}
KEYSTONE, GLANCE, SQL = Subject("keystone"), Subject("glance"), Subject("sql", part=Part.LEDGER)


def was_broken(verdict):
    """Return whether any judgement is FAILED."""
    return any(each.outcome == "FAILED" for each in verdict.judgements)


def judged(case: str) -> Verdict:
    return judge(drill(case), ALLOWED)


def longer(kept: Recording, subject: Subject, seconds: float) -> Recording:
    """Return the recording with one promise away for `seconds` longer."""

    def later(sample: Sample) -> Sample:
        bad = 510.0 <= sample.at < 510.6 + seconds
        return replace(sample, ok=False, took=1.0) if bad else sample

    line = kept.timelines[subject]
    changed = replace(line, samples=tuple(map(later, line.samples)))
    return replace(kept, timelines={**kept.timelines, subject: changed})


def test_a_member_that_could_not_be_read_leaves_its_ledger_unproven(tmp_path):
    kept = drill("good")
    entry = kept.ledgers["sql"]
    silent = replace(kept, ledgers={"sql": entry.read_back(entry.found, {"controller02"})})
    silent.save(tmp_path)
    found = judge(recording.load(tmp_path), ALLOWED).of(SQL)
    assert (found.outcome, "controller02" in found.reason) == ("ERROR", True)


@pytest.mark.parametrize(
    ("within", "timed", "outcome"), [(10.0, True, "PASSED"), (9.9, True, "FAILED"), (9.9, False, "NOTED")]
)
def test_a_killed_process_must_run_again_in_time(within, timed, outcome):
    kept = replace(drill("good"), back_within=within)
    assert kept.undone_at - kept.injected_at == 10
    found = judge(kept, ALLOWED, timed=timed).of(PROCESS)
    assert (found.outcome, found.reason) == (outcome, f"runs again 10.0 s after the fault, {within:g} s allowed")


def test_a_process_that_never_ran_again_is_an_error():
    found = judge(replace(drill("not-undone"), back_within=10.0), ALLOWED).of(PROCESS)
    assert (found.outcome, found.reason) == ("ERROR", "the fault was not undone")


def test_the_cluster_is_whole_some_time_after_the_return():
    assert judge(drill("good"), ALLOWED).of(CLUSTER).reason == "whole again 9.5 s after the return"


def test_the_last_finding_is_the_reason_where_the_cluster_is_not_whole():
    kept = replace(drill("never-whole"), amiss="controller02: etcd is not whole")
    assert judge(kept, ALLOWED).of(CLUSTER).reason == "never whole again: controller02: etcd is not whole"


@pytest.mark.parametrize("case", sorted(path.stem for path in DRILLS.glob("*.json")))
def test_a_recording_is_read_as_it_was_saved(case, tmp_path):
    kept = drill(case)
    kept.save(tmp_path)
    assert recording.load(tmp_path) == kept


def test_whether_a_fault_is_masked_is_stored_under_the_key_of_earlier_recordings(tmp_path):
    path = replace(drill("good"), masked=True).save(tmp_path)
    assert json.loads(path.read_text())["spares"] is True
    assert recording.load(path).masked


def test_the_same_drill_is_judged_the_same_in_either_format():
    first, second = (DRILLS / f"{case}.json" for case in ("good", "good-format-2"))
    assert [json.loads(path.read_text())["format"] for path in (first, second)] == [1, 2]
    assert recording.load(first) == recording.load(second)
    assert judged("good") == judged("good-format-2")


FORMER = {
    "neutron-l3-agent/ping": "floating-ip/ping",
    "neutron-l3-agent/page": "floating-ip/page",
    "neutron-linuxbridge-agent/page": "floating-ip/page",
    "neutron-linuxbridge-agent/east-west": "east-west",
    "neutron-dhcp-agent/lease": "lease",
    "neutron-metadata-agent/metadata": "metadata",
    "keystone/token": "token",
    "keystone/write": "objects",
    "galera/read": "sql",
    "galera/write": "rows",
    "rabbitmq/write": "messages",
    "vip/ping": "vip/ping",
    "nova-api": "nova-api",
    "nova-api/kept": "nova-api/kept",
}


@pytest.mark.parametrize("name", FORMER)
def test_a_probe_of_format_1_is_found_by_its_promise(tmp_path, name):
    content = json.loads((DRILLS / "good.json").read_text())
    content["timelines"] = {name: content["timelines"]["sql"]}
    content["ledgers"] = {name: content["ledgers"]["sql"]}
    (tmp_path / "recording.json").write_text(json.dumps(content))
    read = recording.load(tmp_path)
    (subject,) = read.timelines
    assert str(subject) == FORMER[name]
    assert list(read.ledgers) == [subject.promise]


def test_a_promise_with_a_budget_and_no_probe_is_an_error_in_each_part():
    kept = replace(drill("good"), returns=True, masked=True)
    lease = Subject("lease")
    verdict = judge(kept, {**ALLOWED, "lease": 10.0}, {"lease": 10.0})
    for part in (Part.OUTAGE, Part.RETURN, Part.MEANWHILE):
        found = verdict.of(lease.of(part))
        assert (found.outcome, found.reason) == ("ERROR", "no probe watched it")
    assert not verdict.go
    assert not judge(kept, ALLOWED, {"lease": 10.0}).go
    assert not judge(kept, {**ALLOWED, "lease": 10.0}, timed=False).go


def test_a_good_drill_is_a_go():
    verdict = judged("good")
    assert (verdict.go, verdict.word, verdict.reasons) == (True, "GO", ())
    assert [str(each.subject) for each in verdict.judgements] == [
        "keystone",
        "keystone/kept",
        "glance",
        "ledger sql",
        "vip",
        "cluster",
    ]


@pytest.mark.parametrize(
    ("case", "subject", "why"),
    [
        ("lost-write", SQL, "1 acknowledged and lost: 24"),
        ("diverged", SQL, "1 not on every member: 24"),
        ("never-recovers", GLANCE, "5 s allowed"),
        ("over-budget", KEYSTONE, "5 s allowed"),
        ("second-outage-on-return", KEYSTONE, "after the return, 5 s allowed"),
        ("never-whole", CLUSTER, "never whole again"),
        ("vip-twice", VIP, "on controller01 and controller02 at once, 12.0 s after the fault"),
    ],
)
def test_a_broken_promise_is_a_failure(case, subject, why):
    verdict = judged(case)
    assert verdict.of(subject).outcome == "FAILED"
    assert why in verdict.of(subject).reason
    assert (verdict.word, was_broken(verdict)) == ("NO-GO", True)
    assert len(verdict.reasons) == 1


@pytest.mark.parametrize(
    ("case", "subject", "why"),
    [
        ("no-effect", KEYSTONE, "no confirmed effect"),
        ("no-effect", SQL, "no confirmed effect"),
        ("no-effect", CLUSTER, "no confirmed effect"),
        ("not-undone", GLANCE, "not undone"),
        ("no-baseline", KEYSTONE, "not steady before the fault"),
        ("stalled-probe", KEYSTONE, "did not run for 3.0 s"),
        ("prober-ended", GLANCE, "did not run for"),
        ("empty-ledger", SQL, "not one write was acknowledged"),
        ("unwatched", GLANCE, "no probe watched it"),
    ],
)
def test_a_recording_that_proves_nothing_is_an_error_and_never_a_pass(case, subject, why):
    verdict = judged(case)
    assert verdict.of(subject).outcome == "ERROR"
    assert why in verdict.of(subject).reason
    assert (verdict.word, was_broken(verdict)) == ("NO-GO", False)


def line(subject: Subject, failed: range, interval: float = 0.25) -> Timeline:
    """Return a timeline of 30 s in which the attempts numbered `failed` fail."""
    samples = (Sample(place * interval, 0.01, place not in failed) for place in range(int(30 / interval)))
    return Timeline(subject, interval, tuple(samples), 0.0, 30.0)


@pytest.mark.parametrize(
    ("failed", "found"),
    [
        (range(100, 112), ["keystone/kept (away for 3.3 s in the last 10 s, 5 s allowed)"]),
        (range(100, 107), []),  # away for less than half of what is allowed
        (range(40, 70), []),  # long ago
        (range(70, 120), ["keystone/kept (away for 10.0 s in the last 10 s, 5 s allowed)"]),
    ],
)
def test_a_promise_away_for_half_of_its_budget_is_reported_before_a_fault(failed, found):
    kept, vip = Subject("keystone", Way.KEPT), Subject("vip", Way.PING)
    lines = {kept: line(kept, failed), vip: line(vip, range(100, 119))}
    assert restless(lines, {"keystone": 5.0}) == found


def test_a_seldom_probe_that_never_fails_is_calm():
    assert restless({KEYSTONE: line(KEYSTONE, range(0), interval=2.0)}, {"keystone": 3.0}) == []


def test_a_lost_write_fails_even_where_the_drill_proves_nothing_else():
    verdict = judge(replace(drill("lost-write"), confirmed_at=None), ALLOWED)
    assert verdict.of(SQL).outcome == "FAILED"
    assert was_broken(verdict)


@pytest.mark.parametrize(
    ("allowed", "outcome", "why"),
    [
        (2.0, "FAILED", "away for 2.2"),
        (2.6, "FAILED", "not shown to be within"),
        (3.0, "PASSED", "3 s allowed"),
        (0.2, "FAILED", "away for"),
    ],
)
def test_an_outage_passes_only_where_its_upper_bound_is_within_budget(allowed, outcome, why):
    found = judge(drill("good"), {"keystone": allowed}).of(KEYSTONE)
    assert (found.outcome, why in found.reason) == (outcome, True), found.reason


def test_a_probe_that_tries_too_seldom_proves_nothing():
    slow = Subject("slow")
    calm = Timeline(slow, 10.0, tuple(Sample(at, 0.01, True) for at in range(0, 300, 10)), 0.0, 300.0)
    kept = replace(drill("good"), timelines={slow: calm}, injected_at=150.0, undone_at=200.0, whole_at=210.0)
    found = judge(kept, {"slow": 3.0}).of(slow)
    assert (found.outcome, "probed too seldom" in found.reason) == ("ERROR", True)


def test_a_service_still_away_in_the_end_fails_however_short_that_was():
    kept = drill("good")
    line = kept.timelines[GLANCE]
    last = replace(line.samples[-1], ok=False)
    changed = replace(line, samples=(*line.samples[:-1], last))
    found = judge(replace(kept, timelines={GLANCE: changed}), {"glance": 5.0}).of(GLANCE)
    assert (found.outcome, "had not come back" in found.reason) == ("FAILED", True)


def test_a_probe_without_a_budget_must_recover_if_it_worked_before():
    kept = drill("good")
    line = kept.timelines[GLANCE]
    cut = tuple(replace(sample, ok=sample.at < kept.injected_at) for sample in line.samples)
    broken = replace(kept, timelines={**kept.timelines, GLANCE: replace(line, samples=cut)})
    found = judge(broken, {"keystone": 5.0}).of(CLUSTER)
    assert (found.outcome, found.reason) == ("FAILED", "glance had not come back when the watch ended")
    never = tuple(replace(sample, ok=False) for sample in line.samples)
    unwell = replace(kept, timelines={**kept.timelines, GLANCE: replace(line, samples=never)})
    assert judge(unwell, {"keystone": 5.0}).go


def test_an_empty_timeline_is_an_error_only_with_a_budget():
    kept = drill("good")
    line = kept.timelines[GLANCE]
    lease = Subject("lease")
    nothing = Timeline(lease, 2.0, (), line.start, line.end)
    kept = replace(kept, timelines={**kept.timelines, lease: nothing})
    assert judge(kept, ALLOWED).go
    found = judge(kept, {**ALLOWED, "lease": 10.0}, {"lease": 10.0}).of(lease)
    assert (found.outcome, "nothing was recorded" in found.reason) == ("ERROR", True)
    assert "unproven" in text(table(kept, judge(kept, ALLOWED), ALLOWED))


def test_with_unjudged_outages_all_else_still_counts():
    over = judge(drill("over-budget"), ALLOWED, timed=False)
    assert {each.outcome for each in over.judgements} == {"PASSED", "NOTED"}
    assert (over.go, over.word, over.reasons) == (True, "GO (outages not judged)", ())
    assert "s allowed" in over.noted[0]
    cases = {path.stem for path in DRILLS.glob("*.json")}
    go = {case for case in cases if judge(drill(case), ALLOWED, timed=False).go}
    assert go == {"good", "good-format-2", "over-budget", "second-outage-on-return", "stalled-probe"}


def test_the_return_has_a_budget_of_its_own():
    kept = pinged(replace(drill("second-outage-on-return"), returns=True), (508.0, 518.0))
    allowed = {"keystone": 60.0}
    verdict = judge(kept, allowed, {"keystone": 1.0})
    assert verdict.of(KEYSTONE).kept
    assert verdict.of(KEYSTONE.of(Part.RETURN)).outcome == "FAILED"
    assert judge(replace(kept, returns=False), allowed, {"keystone": 1.0}).go
    kept = pinged(replace(drill("good"), returns=True), (508.0, 518.0))
    assert judge(kept, allowed, {"keystone": 1.0}).of(KEYSTONE.of(Part.RETURN)).kept


def test_failures_after_the_budget_are_judged_apart_from_the_outage():
    kept = replace(drill("good"), masked=True)
    line = kept.timelines[KEYSTONE]
    late = kept.confirmed_at + ALLOWED["keystone"]
    (third, *_) = (sample for sample in line.samples if late <= sample.at < kept.undone_at)
    assert judge(kept, ALLOWED).of(KEYSTONE.of(Part.MEANWHILE)).kept
    samples = tuple(replace(sample, ok=False) if sample is third else sample for sample in line.samples)
    kept = replace(kept, timelines={**kept.timelines, KEYSTONE: replace(line, samples=samples)})
    verdict = judge(kept, ALLOWED)
    assert (verdict.of(KEYSTONE).outcome, verdict.of(KEYSTONE.of(Part.MEANWHILE)).outcome) == ("PASSED", "FAILED")
    assert "meanwhile FAILED" in text(table(kept, verdict, ALLOWED), width=160)
    assert judge(kept, ALLOWED, timed=False).of(KEYSTONE.of(Part.MEANWHILE)).outcome == "NOTED"
    assert judge(replace(kept, masked=False), ALLOWED).go


def test_requests_through_the_queue_are_not_masked():
    assert masked({"keystone": 3.0, "consoles": 24.0}) == {"keystone": 3.0}


def test_a_masked_fault_shorter_than_its_budget_proves_nothing():
    kept = drill("good")
    kept = replace(kept, masked=True, undone_at=kept.confirmed_at + 1)
    assert judge(kept, ALLOWED).of(KEYSTONE.of(Part.MEANWHILE)).outcome == "ERROR"


def test_without_budgets_there_is_nothing_to_pass():
    verdict = judge(drill("good"), {})
    assert not verdict.go
    assert not was_broken(verdict)


def test_without_any_host_the_vip_is_gone():
    kept = drill("good")
    nobody = (530.0, frozenset())
    found = judge(replace(kept, holders=(*kept.holders, nobody), claims=(*kept.claims, nobody)), ALLOWED).of(VIP)
    assert (found.outcome, found.reason) == ("FAILED", "on no host in the end")


def test_a_recording_gives_timelines_from_the_fault_on():
    assert drill("good")[KEYSTONE].start == 508.0
    assert 2.5 < drill("good")[KEYSTONE].outage < 3.0


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 1, "drill": "x"}', '{"format": 99}'])
def test_a_file_that_is_no_recording_is_an_error(tmp_path, content):
    (tmp_path / "recording.json").write_text(content)
    with pytest.raises(ProbeError, match="not a recording"):
        recording.load(tmp_path)


def with_ledger(kept: Recording, entry: Ledger) -> Recording:
    return replace(kept, ledgers={"sql": entry})


def test_refused_writes_that_every_member_has_are_a_failure():
    kept = drill("good")
    entry, refused = kept.ledgers["sql"], range(1000, 1460)
    entry = replace(entry, refused=entry.refused | set(refused))
    assert judge(with_ledger(kept, entry), ALLOWED).of(SQL).outcome == "PASSED"
    found = {member: [*numbers, *refused] for member, numbers in entry.found.items()}
    judgement = judge(with_ledger(kept, entry.read_back(found)), ALLOWED).of(SQL)
    assert judgement.outcome == "FAILED"
    assert "460 refused or never sent, and done all the same: 1000, 1001" in judgement.reason


def test_a_write_that_was_never_attempted_and_is_there_is_a_failure():
    kept = drill("good")
    entry = kept.ledgers["sql"]
    entry = entry.read_back({member: [*numbers, 9999] for member, numbers in entry.found.items()})
    assert judge(with_ledger(kept, entry), ALLOWED).of(SQL).outcome == "FAILED"


def test_a_write_without_an_answer_may_be_there_or_not():
    kept = drill("good")
    entry = kept.ledgers["sql"]
    (unknown,) = entry.unknown
    absent = entry.read_back({member: numbers - {unknown} for member, numbers in entry.found.items()})
    assert judge(with_ledger(kept, absent), ALLOWED).of(SQL).outcome == "PASSED"
    assert unknown in next(iter(entry.found.values()))
    assert judge(kept, ALLOWED).of(SQL).outcome == "PASSED"


def test_a_write_that_is_there_twice_is_a_failure(tmp_path):
    kept = drill("good")
    entry = kept.ledgers["sql"]
    entry = entry.read_back({**entry.found, "controller02": [*entry.found["controller02"], 7]})
    with_ledger(kept, entry).save(tmp_path)
    judgement = judge(recording.load(tmp_path), ALLOWED).of(SQL)
    assert judgement.outcome == "FAILED"
    assert judgement.reason == "1 acknowledged or sent once, and there more than once: 7"


PHASES = {"before": (0, 508.0), "during": (508.0, 518.0), "after": (518.0, 999.0)}


def without_writes(phase: str, **changed: object) -> Recording:
    """Return the good recording without an acknowledged write in one phase of the fault."""
    kept = drill("good")
    begin, end = PHASES[phase]
    plain = Subject("sql")
    line = kept.timelines[plain]
    samples = tuple(replace(each, ok=each.ok and not begin <= each.at < end) for each in line.samples)
    entry = kept.ledgers["sql"]
    still = frozenset(each.number for each in samples if each.ok)
    entry = replace(entry, acknowledged=still, unknown=entry.unknown | entry.acknowledged - still)
    lines = {**kept.timelines, plain: replace(line, samples=samples)}
    return replace(kept, timelines=lines, ledgers={"sql": entry}, **changed)


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_without_an_acknowledged_write_leaves_the_ledger_unproven(phase):
    judgement = judge(without_writes(phase), ALLOWED).of(SQL)
    assert judgement.outcome == "ERROR"
    assert judgement.reason.startswith(f"no write was acknowledged {phase} the fault (")


@pytest.mark.parametrize(
    ("done", "outcome", "why"),
    [
        (True, "FAILED", "460 refused or never sent, and done all the same: 1000, 1001"),
        (False, "ERROR", "no write was acknowledged during the fault (16 before, 0 during and 24 after the fault)"),
    ],
)
def test_a_database_that_refuses_every_write_of_a_fault_keeps_no_promise_done_or_not(done, outcome, why):
    kept = without_writes("during")
    entry, refused = kept.ledgers["sql"], range(1000, 1460)
    members = {member: [*numbers, *refused] if done else numbers for member, numbers in entry.found.items()}
    entry = replace(entry, refused=entry.refused | set(refused)).read_back(members)
    judgement = judge(with_ledger(kept, entry), ALLOWED).of(SQL)
    assert judgement.outcome == outcome
    assert why in judgement.reason


@pytest.mark.parametrize("fault", ["quorum-loss", "cold-start"])
def test_no_write_is_required_during_a_fault_that_must_stop_writes(fault):
    assert judge(without_writes("during", fault=fault), ALLOWED).of(SQL).outcome == "PASSED"
    assert judge(without_writes("after", fault=fault), ALLOWED).of(SQL).outcome == "ERROR"


@pytest.mark.parametrize(("budget", "outcome"), [(5.0, "ERROR"), (10.0, "PASSED")])
def test_a_write_is_required_during_a_fault_only_after_the_budget(budget, outcome):
    judgement = judge(without_writes("during"), {**ALLOWED, "sql": budget}).of(SQL)
    assert judgement.outcome == outcome


def test_with_unjudged_outages_missing_writes_during_the_fault_are_noted():
    assert judge(without_writes("during"), ALLOWED, timed=False).of(SQL).outcome == "NOTED"
    assert judge(without_writes("before"), ALLOWED, timed=False).of(SQL).outcome == "ERROR"


def test_a_kept_ledger_says_how_many_writes_each_phase_had():
    reason = judged("good").of(SQL).reason
    assert reason == (
        "57 acknowledged (16 before, 16 during and 24 after the fault), none lost or repeated; 2 refused, none done; "
        "1 unknown, of which 1 done"
    )


def ledger(acknowledged: set, unknown: set = frozenset(), **found: set) -> Ledger:
    return Ledger("sql", frozenset(acknowledged), frozenset(), frozenset(unknown)).read_back(found)


def test_a_write_acknowledged_and_on_no_member_is_lost():
    assert ledger({1, 2, 3}, a={1, 2}, b={1, 2}).lost == [3]


def test_a_write_on_some_members_is_diverged_and_not_lost():
    read = ledger({1, 2, 3}, a={1, 2, 3}, b={1, 2})
    assert (read.lost, read.diverged) == ([], [3])


def test_an_unknown_write_is_on_all_members_or_on_none():
    assert ledger({1}, {2, 3}, a={1, 2}, b={1, 2}).diverged == []
    assert ledger({1}, {2, 3}, a={1, 2}, b={1, 2}).uncertain == (1, 1)
    assert ledger({1}, {2, 3}, a={1, 2}, b={1}).diverged == [2]


@pytest.mark.parametrize("empty", [ledger(set(), a={1}), ledger(set(), {1}, a={1}), ledger({1})])
def test_an_empty_ledger_does_not_prove_that_nothing_was_lost(empty):
    with pytest.raises(Unproven):
        _ = empty.lost


def test_an_outcome_follows_from_what_was_sent_and_answered():
    samples = (
        Sample(1, 0.1, True, "", 1, True),
        Sample(2, 0.1, False, "connection refused", 2),
        Sample(3, 0.1, False, "no answer in time", 3, True),
        Sample(4, 0.1, True),
    )
    written = Ledger.of("sql", samples)
    assert (written.acknowledged, written.refused, written.unknown) == ({1}, {2}, {3})


def test_slower_means_longer_beyond_both_resolutions():
    good = drill("good")
    assert compare(good, good) == ()
    assert compare(good, longer(good, KEYSTONE, 0.4)) == ()
    (little,) = compare(good, longer(good, KEYSTONE, 1.2))
    assert 0.0 < little.by < 1.0
    (slower,) = compare(good, longer(good, KEYSTONE, 2.0))
    assert slower.subject == KEYSTONE
    assert 1.0 < slower.by < 2.0
    assert compare(longer(good, KEYSTONE, 2.0), good) == ()


def test_repeated_drills_have_a_median_and_a_worst_outage():
    good = drill("good")
    repeated = {each.subject: each for each in summary([good, longer(good, KEYSTONE, 4.0), good, drill("unwatched")])}
    assert (repeated[KEYSTONE].runs, repeated[KEYSTONE].unproven) == (4, 0)
    assert repeated[KEYSTONE].median == good[KEYSTONE].outage
    assert repeated[KEYSTONE].worst > good[KEYSTONE].outage + 3
    assert (repeated[GLANCE].runs, repeated[GLANCE].unproven) == (3, 1)


def test_the_table_has_figures_and_outcome_of_each_probe():
    kept = drill("never-recovers")
    shown = text(table(kept, judge(kept, ALLOWED), ALLOWED))
    assert "node-loss of controller01: NO-GO" in shown
    (keystone,) = [line for line in shown.splitlines() if " keystone " in line]
    assert "2.7" in keystone
    assert "PASSED" in keystone
    assert "FAILED" in next(line for line in shown.splitlines() if " glance " in line)
    assert "not judged" in next(line for line in shown.splitlines() if " sql " in line)


def test_the_table_has_no_figure_where_nothing_is_proven():
    kept = drill("good")
    line = kept.timelines[GLANCE]
    dead = replace(line, samples=tuple(replace(sample, ok=False) for sample in line.samples))
    kept = replace(kept, timelines={GLANCE: dead})
    assert "unproven" in text(table(kept, judge(kept, ALLOWED), ALLOWED))


def rows(kept: Recording, verdict: Verdict) -> dict[str, list[str]]:
    """Return the cells of the drill's table, by promise."""
    shown = table(kept, verdict, ALLOWED)
    assert [column.header for column in shown.columns][::8] == ["promise", "verdict"]
    assert [column.justify for column in shown.columns] == ["left", *["right"] * 7, "left"]
    cells = zip(*(column.cells for column in shown.columns), strict=True)
    return {str(first): list(map(str, rest)) for first, *rest in cells}


def test_the_table_has_the_outage_on_return_where_the_victim_came_back():
    kept = drill("good")
    found = rows(kept, judge(kept, ALLOWED))
    back = kept.timelines[KEYSTONE].window(kept.undone_at).outage
    assert found["keystone"][5] == f"{back:.2f}" != found["keystone"][0]
    kept = replace(kept, undone_at=None)
    assert rows(kept, judge(kept, ALLOWED))["keystone"][5] == "-"


def test_the_table_has_a_row_for_each_judgement_without_figures():
    kept = drill("good")
    found = rows(kept, judge(kept, ALLOWED))
    assert found[str(SQL)] == ["-"] * 7 + ["PASSED"]
    assert found[str(CLUSTER)] == ["-"] * 7 + ["PASSED"]
    assert found[str(VIP)] == ["-"] * 7 + ["PASSED"]
    assert found["sql"][6:] == ["-", "not judged"]
    assert found["keystone"][6:] == ["5", "PASSED"]
