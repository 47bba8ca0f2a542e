"""The lease: two runs of any runner exclude each other, and a run that was killed stands in nobody's way."""

import subprocess
from dataclasses import replace

import pytest

from deploy import lease
from deploy.errors import HostUnreachable, StackproofError
from deploy.host import Host
from deploy.host.result import Result
from deploy.lease import Lease


@pytest.fixture
def controllers(site_of, monkeypatch, tmp_path):
    """The lab, whose hosts run the lease's own commands in a shell here; each host has a folder of its own."""
    silent: set[str] = set()

    def run(host: Host, command: str, data: bytes, _: float) -> Result:
        if host.name in silent:
            raise HostUnreachable(f"{host.name}: SSH does not answer")
        here = str(tmp_path / host.name)
        done = subprocess.run(
            ["sh", "-c", command.replace(lease.STATE, here)], input=data, capture_output=True, check=False
        )
        return Result(host.name, command, done.returncode, done.stdout.decode(), done.stderr.decode())

    monkeypatch.setattr(Host, "_execute", run)
    return site_of("lab"), silent


@pytest.fixture
def site(controllers):
    return controllers[0]


def test_a_run_has_the_lease_on_every_controller_and_gives_it_back(site):
    with lease.held(site, "build"):
        assert {name: found.what for name, found in lease.read(site).items()} == dict.fromkeys(
            ("controller01", "controller02", "controller03"), "build"
        )
    assert lease.read(site) == {}


def test_a_run_that_fails_gives_it_back(site):
    with pytest.raises(ZeroDivisionError), lease.held(site, "build"):
        raise ZeroDivisionError
    assert lease.read(site) == {}


def test_a_second_run_is_refused_with_the_first_ones_owner_and_takes_nothing(site):
    with lease.held(site, "drill"):
        before = lease.read(site)
        with pytest.raises(StackproofError, match="another run is at work") as caught, lease.held(site, "build"):
            pass
        assert lease.read(site) == before
    assert "drill by " in caught.value.seen
    assert "lease --break=" in caught.value.hint


def test_a_run_is_refused_where_one_controller_alone_has_anothers_lease(controllers):
    site, silent = controllers
    silent |= {"controller01", "controller02"}
    lease._take(site, elsewhere())
    silent.clear()
    with pytest.raises(StackproofError, match="another run"), lease.held(site, "build"):
        pass
    assert set(lease.read(site)) == {"controller03"}


def test_a_controller_without_power_stands_in_nobodys_way(controllers):
    site, silent = controllers
    silent.add("controller02")
    with lease.held(site, "build"):
        assert set(lease.read(site)) == {"controller01", "controller03"}


def test_a_killed_run_of_this_machine_is_replaced(site):
    child = subprocess.Popen(["true"])
    killed = replace(Lease("drill"), pid=child.pid, began="1")
    child.wait()
    lease._take(site, killed)
    with lease.held(site, "build"):
        assert {found.what for found in lease.read(site).values()} == {"build"}


def test_a_run_elsewhere_is_ended_by_its_owners_name_only(site):
    other = elsewhere()
    lease._take(site, other)
    assert lease.end(site, "nobody@nowhere") == []
    assert lease.end(site, other.owner) == ["controller01", "controller02", "controller03"]
    assert lease.read(site) == {}


def test_half_a_file_is_no_lease():
    assert lease.parse('{"what": "build", "ow') is None
    assert lease.parse('{"what": "build", "strange": 1}') is None


def elsewhere() -> Lease:
    """The lease of a run on another machine, of which nothing is known here."""
    return replace(Lease("build"), owner="eve@laptop", machine="another", token="00ff")
