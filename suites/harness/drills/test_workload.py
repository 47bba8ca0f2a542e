"""The workload: drills wait until the neighbour has booted, which takes a processor, or go on all the same."""

from functools import partial
from types import SimpleNamespace

import pytest

from deploy.errors import Interrupted, StepFailed
from deploy.journal import JOURNAL
from fixtures.drills import workload
from fixtures.drills.workload import Workload

SERVER, ADDRESS = SimpleNamespace(id="second"), "192.168.77.9"


def console(*told: str):
    """A session whose server has written these, one more each time it is asked."""
    written = iter(told)
    compute = SimpleNamespace(get_server_console_output=lambda _: {"output": next(written)})
    return SimpleNamespace(session=SimpleNamespace(compute=compute))


@pytest.mark.parametrize("prompt", ["cirros login: ", "\nneighbour.novalocal: log in as cirros, by SSH key\n"])
def test_it_is_waited_for_until_its_console_asks_who_logs_in(monkeypatch, prompt):
    waited = []
    clock = SimpleNamespace(monotonic=lambda: float(sum(waited)), sleep=waited.append)
    monkeypatch.setattr(workload, "until", partial(workload.until, clock=clock))
    tenant = console("", "Starting User Login Management", f"random: crng init done\n{prompt}")
    Workload(None, tenant, None).await_login("second")
    assert len(waited) == 2


@pytest.mark.parametrize(("error", "noted"), [(None, False), (StepFailed("the neighbour's console: silent"), True)])
def test_one_whose_boot_is_not_seen_to_end_is_pinged_all_the_same(monkeypatch, error, noted):
    def await_login(_, server):
        assert server == SERVER.id
        if error:
            raise error

    monkeypatch.setattr(Workload, "await_login", await_login)
    monkeypatch.setattr(Workload, "compute", lambda _, server="first": server)
    instances = SimpleNamespace(reachable=lambda _: "first", neighbour=lambda *_: (SERVER, ADDRESS))
    told = []
    stop = JOURNAL.subscribe(lambda event: told.append(event.text))
    made = Workload.booted(None, None, instances)
    stop()
    assert made.neighbour == ADDRESS
    assert any("the neighbour's boot takes" in text for text in told) == noted


def test_who_interrupts_that_wait_ends_the_run(monkeypatch):
    def await_login(*_):
        raise Interrupted("interrupted")

    monkeypatch.setattr(Workload, "await_login", await_login)
    monkeypatch.setattr(Workload, "compute", lambda _, server="first": server)
    instances = SimpleNamespace(reachable=lambda _: "first", neighbour=lambda *_: (SERVER, ADDRESS))
    with pytest.raises(Interrupted):
        Workload.booted(None, None, instances)
