"""Power is cut on the compute that runs the instance, for so long that the instance is started on another compute.

Its disk is in Ceph, so that it has its data there. The lost compute, back again, must not run it a second time.
"""

from dataclasses import dataclass

import pytest

from deploy import cloud
from deploy.facts import hosted, rbd, started
from fixtures.drills.faults.undo import BRING_BACK, Undo
from fixtures.drills.promises import Promises

FAULT = "compute-loss"
WRITE = "dd if=/dev/urandom of=/root/kept bs=1M count=4 conv=fsync 2>/dev/null && sync && sha256sum /root/kept"
READ = "sha256sum /root/kept"
pytestmark = [
    pytest.mark.needs("ceph"),
    pytest.mark.needs("second-compute"),
    pytest.mark.project("nova-compute", "neutron-agents", "content"),
]


@dataclass(frozen=True)
class Before:
    """The instance before the fault."""

    compute: str
    data: str
    """The checksum of a file on its disk."""
    domain: str
    starts: dict[str, int]
    """How often each compute had started it."""


@pytest.fixture(scope="module", autouse=True)
def before(drill_runner, workload):
    """What is compared afterwards; in the end the instance is moved back to its compute."""
    if workload is None:
        yield None
        return
    site, server = drill_runner.site, workload.instance.server.id
    with cloud.explained("reading the instance"), cloud.connect(site) as admin:
        domain = admin.compute.get_server(server).instance_name
    data = workload.instance.host().check(WRITE, timeout=60)
    found = Before(workload.compute(), data, domain, starts(site, domain))
    yield found
    if not drill_runner.broken and workload.compute() != found.compute:
        with drill_runner.alone():
            Undo(BRING_BACK, found.compute, server).do(site)


@pytest.fixture(scope="module")
def record(drill, workload):
    return drill(lambda: drill.evacuation.of(drill.who.runs(workload), workload.servers if workload else ()))


@pytest.fixture
def evacuated(record, before):
    """The instance before a fault that had its effect."""
    return before or pytest.fail("nothing is proven: there was no instance", pytrace=False)


def starts(site, domain):
    return site.members("nova-compute").each(lambda host: started.read(host, domain))


class TestComputeLostAndEvacuated(Promises):
    def test_the_instance_has_its_data_on_another_compute(self, evacuated, workload):
        assert workload.compute() != evacuated.compute
        assert workload.instance.host().check(READ, timeout=60) == evacuated.data

    @pytest.mark.usefixtures("evacuated")
    def test_the_instance_runs_once(self, drill, workload):
        """Its process, its domain and its folder are on one compute, which alone has its disk open."""
        site, server = drill.site, workload.instance.server.id
        found = site.members("nova-compute").each(hosted.read)
        there = {name: [kind for kind in hosted.INSTANCES if server in of.of(kind)] for name, of in found.items()}
        assert there == {name: list(hosted.INSTANCES) if name == workload.compute() else [] for name in found}
        users = rbd.users(site.members("nova-compute").first, "nova", "vms", f"{server}_disk")
        addresses = {str(address) for address in site.cluster.node(workload.compute()).addresses.values()}
        assert len(users) == 1
        assert users <= addresses

    def test_the_lost_compute_never_started_it_again(self, drill, evacuated):
        again = starts(drill.site, evacuated.domain)[evacuated.compute]
        assert again <= evacuated.starts[evacuated.compute]
