"""A flow that waits for an instance ends at once at ERROR, and shows Nova's fault and the end of the console."""

from functools import partial
from types import SimpleNamespace

import pytest
from openstack.exceptions import ConflictException

from deploy.errors import StepFailed
from fixtures import instances
from fixtures.instances import CONSOLE, awaited

NOWHERE = {"code": 500, "message": "No valid host was found. There are not enough hosts available."}
SERVER = SimpleNamespace(id="s1")


class Nova:
    """Nova's answers about one server, one after the other, the last one again and again; and its console."""

    def __init__(self, *answers, written=""):
        self._answers, self._written = list(answers), written
        self.asked = 0

    def get_server(self, _):
        status, busy, fault = self._answers[min(self.asked, len(self._answers) - 1)]
        self.asked += 1
        return SimpleNamespace(name="web", status=status, task_state=busy, fault=fault)

    def get_server_console_output(self, *_, **__):
        if isinstance(self._written, Exception):
            raise self._written
        return {"output": self._written}


@pytest.fixture
def waited(monkeypatch):
    """The pauses of waiting, on a clock of its own."""
    pauses = []
    clock = SimpleNamespace(monotonic=lambda: float(sum(pauses)), sleep=pauses.append)
    monkeypatch.setattr(instances, "until", partial(instances.until, clock=clock))
    return pauses


def wait(nova, status="ACTIVE"):
    return awaited(SimpleNamespace(session=SimpleNamespace(compute=nova)), SERVER, status)


def test_an_instance_that_is_still_busy_is_waited_for(waited):
    nova = Nova(("BUILD", "spawning", None), ("ACTIVE", "rebooting", None), ("ACTIVE", None, None))
    assert wait(nova).task_state is None
    assert len(waited) == 2


def test_an_instance_in_error_fails_at_once_with_the_schedulers_reason(waited):
    with pytest.raises(StepFailed) as failed:
        wait(Nova(("BUILD", "scheduling", None), ("ERROR", None, NOWHERE)))
    assert len(waited) == 1
    assert failed.value.what == "instance web is ERROR"
    assert failed.value.seen == "500 No valid host was found. There are not enough hosts available."
    assert "grep s1" in failed.value.hint


def test_the_failure_has_the_end_of_the_console(waited):
    lines = [f"line {number}" for number in range(CONSOLE + 5)]
    with pytest.raises(StepFailed) as failed:
        wait(Nova(("ERROR", None, NOWHERE), written="\n".join([*lines, "Kernel panic"])))
    shown = failed.value.evidence.splitlines()
    assert len(shown) == CONSOLE + 1
    assert shown[-1].strip() == "Kernel panic"
    assert "Kernel panic" in str(failed.value)


@pytest.mark.parametrize("written", ["", " \n", None, ConflictException("409: not ready")])
def test_an_instance_without_a_console_fails_with_nova_s_fault_alone(waited, written):
    with pytest.raises(StepFailed) as failed:
        wait(Nova(("ERROR", None, NOWHERE), written=written))
    assert failed.value.evidence == ""
    assert "No valid host" in failed.value.seen


def test_an_instance_that_stays_busy_fails_with_what_it_does(waited):
    with pytest.raises(StepFailed) as failed:
        wait(Nova(("BUILD", "networking", None)))
    assert sum(waited) == pytest.approx(instances.ACTIVE, abs=1)
    assert failed.value.what == "instance web is BUILD"
    assert failed.value.seen == "busy: networking"


def test_error_may_be_what_is_waited_for(waited):
    assert wait(Nova(("ERROR", None, NOWHERE)), "ERROR").fault == NOWHERE
    assert waited == []
