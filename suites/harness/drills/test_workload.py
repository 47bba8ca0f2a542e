"""The workload: drills wait for the neighbour's boot, which uses a CPU, and go on if it does not end."""

from functools import partial
from types import SimpleNamespace

import pytest

from deploy.errors import Interrupted, StepFailed
from deploy.journal import JOURNAL
from fixtures.drills import workload
from fixtures.drills.workload import Workload


@pytest.fixture(autouse=True)
def no_actions(monkeypatch):
    monkeypatch.setattr(workload.Actions, "prepared", lambda *_: None)
    monkeypatch.setattr(workload, "_volume", lambda *_: None)


SERVER, ADDRESS = SimpleNamespace(id="second"), "192.168.77.9"


def console(*texts: str):
    """A session in which each reading of the console returns the next text."""
    written = iter(texts)
    compute = SimpleNamespace(get_server_console_output=lambda _: {"output": next(written)})
    return SimpleNamespace(session=SimpleNamespace(compute=compute))


@pytest.mark.parametrize("prompt", ["cirros login: ", "\nneighbour.novalocal: log in as cirros, by SSH key\n"])
def test_the_wait_ends_with_a_login_prompt_on_the_console(monkeypatch, prompt):
    waited = []
    clock = SimpleNamespace(monotonic=lambda: float(sum(waited)), sleep=waited.append)
    monkeypatch.setattr(workload, "until", partial(workload.until, clock=clock))
    tenant = console("", "Starting User Login Management", f"random: crng init done\n{prompt}")
    Workload(None, tenant, None, None).await_login("second")
    assert len(waited) == 2


@pytest.mark.parametrize(("error", "noted"), [(None, False), (StepFailed("the neighbour's console: silent"), True)])
def test_a_neighbour_without_a_login_prompt_is_pinged_all_the_same(monkeypatch, error, noted):
    def await_login(_, server):
        assert server == SERVER.id
        if error:
            raise error

    monkeypatch.setattr(Workload, "await_login", await_login)
    monkeypatch.setattr(Workload, "compute", lambda _, server="first": server)
    instances = SimpleNamespace(reachable=lambda _: "first", neighbour=lambda *_: (SERVER, ADDRESS))
    notes = []
    stop = JOURNAL.subscribe(lambda event: notes.append(event.text))
    made = Workload.booted(None, None, instances)
    stop()
    assert made.neighbour == ADDRESS
    assert any("the neighbour's boot may slow" in text for text in notes) == noted


def test_an_interruption_of_that_wait_ends_the_run(monkeypatch):
    def await_login(*_):
        raise Interrupted("interrupted")

    monkeypatch.setattr(Workload, "await_login", await_login)
    monkeypatch.setattr(Workload, "compute", lambda _, server="first": server)
    instances = SimpleNamespace(reachable=lambda _: "first", neighbour=lambda *_: (SERVER, ADDRESS))
    with pytest.raises(Interrupted):
        Workload.booted(None, None, instances)
