"""Proof: a drill of a process is no GO where nothing tested what the process does."""

from dataclasses import replace

import pytest

from fixtures.probes.judging import recording
from fixtures.probes.judging.judgement import Judgement, judge
from fixtures.probes.judging.timeline import Timeline
from fixtures.probes.sample import Sample
from fixtures.probes.subject import PROOF, Part, Subject
from suites.harness.probes.test_quality import ALLOWED, KEYSTONE, drill, failing, quick

CONSOLES = Subject("consoles")


def proven(proofs, timelines=None):
    done = drill(quick)
    done = replace(done, proofs=proofs, timelines={**done.timelines, **(timelines or {})})
    return judge(done, ALLOWED)


def watched(*, works):
    return {CONSOLES: Timeline(CONSOLES, 1.0, tuple(Sample(80.0 + n, 0.1, works) for n in range(110)), 80, 190)}


def test_a_drill_of_no_process_needs_no_proof():
    verdict = proven(None)
    assert verdict.go
    assert PROOF not in {each.subject for each in verdict.judgements}


def test_a_probe_that_worked_before_the_fault_is_a_proof():
    verdict = proven(("consoles",), watched(works=True))
    assert verdict.go
    assert verdict.of(PROOF) == Judgement(PROOF, "PASSED", "what the process does was tested by consoles")


@pytest.mark.parametrize(
    ("proofs", "timelines"),
    [((), None), (("consoles",), None), (("consoles",), watched(works=False)), (("keystone/read",), None)],
)
def test_without_a_working_probe_nothing_is_proven(proofs, timelines):
    verdict = proven(proofs, timelines)
    assert not verdict.go
    assert verdict.of(PROOF).outcome == "ERROR"
    assert "not proven" in verdict.of(PROOF).reason


def test_a_promise_that_one_process_keeps_alone_has_its_own_budget():
    away = drill(failing(range(80)))  # 20 s
    assert judge(away, ALLOWED).of(KEYSTONE.of(Part.OUTAGE)).outcome == "FAILED"
    alone = replace(away, alone={"keystone": 60.0, "unknown": 1.0})
    assert judge(alone, ALLOWED).of(KEYSTONE.of(Part.OUTAGE)).outcome == "PASSED"


def test_a_recording_keeps_what_its_process_proves(tmp_path):
    done = replace(drill(quick), proofs=("consoles",), alone={"consoles": 60.0})
    done.save(tmp_path)
    assert recording.load(tmp_path) == done
