"""Many instances at once, in one request and in as many requests: all answer, and nothing is left once deleted."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from deploy import cloud
from deploy.facts import broker, hosted, logs
from deploy.wait import until
from fixtures.instances import fault

STALLED = 240.0
"""Seconds without one more instance that is active or answers, after which the others are given up."""
EACH, BEGIN = 60.0, 300.0
"""Seconds that all may take: so many for each instance, and some more."""
GONE, DRAINED = 120.0, 60.0
"""Seconds until a compute has nothing of what was deleted, and until no queue has a message."""
MEMORY = 1024
"""MiB of the quota for each instance, more than the flavor has."""
BAD = {"critical", "crash"}
pytestmark = [
    pytest.mark.flow,
    pytest.mark.nightly,
    pytest.mark.project("nova-compute", "neutron-agents", "content"),
    pytest.mark.needs("tenant-networks"),
]


@pytest.fixture(scope="module")
def many(pytestconfig):
    return pytestconfig.getoption("--many")


@pytest.fixture(scope="module")
def began():
    """The time at which this flow began, as `date` reads it."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())


@pytest.fixture(scope="module")
def tenant(projects, many, began):
    """A tenant whose quota holds so many instances, and the one that looks at them."""
    made = projects.make(instances=many + 1, cores=many + 1, ram=(many + 1) * MEMORY)
    yield made
    assert projects.remove(made) == []


@pytest.fixture(scope="module")
def prober(tenant, instances):
    """An instance beside them, which pings them."""
    return instances.reachable(tenant)


class Crowd:
    """Instances whose names begin alike, from their request to their end."""

    def __init__(self, tenant, prober, instances, number, many):
        self.tenant, self.prober, self.many = tenant, prober, many
        self.api, self.name = tenant.session.compute, tenant.name(f"crowd{number}")
        self.began = time.monotonic()
        self.active, self.answered, self.seen = {}, {}, {}
        network, _ = instances.ground(tenant)
        with cloud.explained("reading what instances are made with"):
            self.given = {
                "image_id": tenant.session.image.find_image(instances.offers.image, ignore_missing=False).id,
                "flavor_id": self.api.find_flavor(instances.offers.flavor, ignore_missing=False).id,
                "networks": [{"uuid": network.id}],
                "security_groups": [{"name": tenant.name("group")}],
            }

    def ask(self, number=1, name=""):
        """Ask for some instances in one request."""
        with cloud.explained(f"asking for {number} instances"):
            self.api.create_server(name=f"{self.name}{name}", min_count=number, max_count=number, **self.given)

    def arrive(self):
        """Wait until all are active and answer."""
        until(
            self._look,
            ready=lambda now: now[1] == self.many,
            error=lambda now: bool(now[2]),
            timeout=BEGIN + EACH * self.many,
            unchanged=STALLED,
            interval=1,
            what=f"{self.many} instances: active, answering and failed ones",
            expected="all active, and all answer a ping from an instance beside them",
            hint="nova-scheduler's, nova-conductor's and nova-compute's logs; the console of one that does not answer",
        )

    def _look(self):
        """The numbers of those that are active and that answer, and the faults of those that failed."""
        self.read()
        now = time.monotonic() - self.began
        ready = [server for server in self.seen.values() if server.status == "ACTIVE"]
        for server in ready:
            self.active.setdefault(server.id, now)
        at = {address(server): server.id for server in ready if server.id not in self.answered and address(server)}
        for found in self.prober.login(PING % " ".join(at)).split() if at else ():
            self.answered[at[found]] = time.monotonic() - self.began
        failed = [server for server in self.seen.values() if server.status == "ERROR"]
        return len(self.active), len(self.answered), sorted(set(map(self._fault, failed)))

    def _fault(self, server):
        """Nova's fault, which is there a moment after the state ERROR."""

        def read():
            with cloud.explained("reading an instance that failed"):
                return fault(self.api.get_server(server.id))

        return until(read, timeout=10, what=f"instance {server.name}", expected="the fault that ended it")

    def read(self):
        with cloud.explained("reading the instances"):
            self.seen = {each.id: each for each in self.api.servers() if each.name.startswith(self.name)}
        return self.seen

    def delete(self):
        """Delete all; return the seconds until the last was gone."""
        began = time.monotonic()
        for server in self.read().values():
            with cloud.explained("deleting an instance"):
                self.api.delete_server(server)
        until(
            lambda: sorted(self.read()),
            ready=lambda left: not left,
            timeout=BEGIN + EACH * self.many,
            unchanged=STALLED,
            interval=1,
            what="instances that were deleted",
            expected="none",
            hint="nova-compute's logs on their hosts",
        )
        return time.monotonic() - began


PING = "for a in %s; do (ping -c 1 -W 2 $a >/dev/null 2>&1 && echo $a) & done; wait"


def address(server):
    """The first address of a server; empty before it has one."""
    return next((each["addr"] for found in (server.addresses or {}).values() for each in found), "")


@pytest.fixture(scope="module")
def gone():
    """The identifiers of the instances that were there and are deleted."""
    return set()


@pytest.fixture(scope="module")
def meet(tenant, prober, instances, many):
    """Makes one crowd after the other."""
    numbers = count(1)
    return lambda: Crowd(tenant, prober, instances, next(numbers), many)


@pytest.fixture(scope="module")
def crowd(meet, many, figures, gone):
    """Lets many instances arrive, asked for in some way, notes the figures, and deletes them."""

    def live(how, ask):
        met = meet()
        try:
            ask(met)
            met.arrive()
            figures.took(f"{many} in {how}: active", *met.active.values())
            figures.took(f"{many} in {how}: answers", *met.answered.values())
        finally:
            gone.update(met.read())
            took = met.delete()
        figures.took(f"{many} in {how}: all deleted", took)

    return live


def test_many_in_one_request_answer(crowd, many):
    crowd("one request", lambda met: met.ask(many))


def test_as_many_requests_at_once_are_answered(crowd, many):
    def ask(met):
        with ThreadPoolExecutor(many) as pool:
            list(pool.map(lambda number: met.ask(name=f"-{number}"), range(many)))

    crowd("as many requests", ask)


def test_no_compute_has_anything_of_them(site, gone):
    def left():
        found = site.members("nova-compute").each(hosted.read)
        return {host: sorted(gone & there.of(kind)) for host, there in found.items() for kind in hosted.INSTANCES}

    until(
        left,
        ready=lambda found: not any(found.values()),
        timeout=GONE,
        interval=2,
        what="computes, and what they have of deleted instances",
        expected="no process, domain or folder",
        hint="nova-compute's log on that host",
    )


def test_the_queues_are_drained(site):
    def waiting():
        found = site.members("rabbitmq").each(broker.use)
        return {name: each.messages for name, each in found.items() if each.messages != {}}

    until(
        waiting,
        ready=lambda found: not found,
        timeout=DRAINED,
        interval=1,
        what="messages in queues, by the member that leads them",
        expected="none",
        hint="the service that reads the queue: its log, and rabbitmqctl list_queues name messages consumers",
    )


def test_no_service_crashed_meanwhile(site, began):
    found = site.hosts.each(lambda host: logs.read(host, began))
    bad = {name: [str(each) for each in there.troubles if each.kind in BAD] for name, there in found.items()}
    assert {name: lines for name, lines in bad.items() if lines} == {}
