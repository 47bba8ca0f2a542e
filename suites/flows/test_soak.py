"""Tenants come and go for a time (--for=1h). Hosts hold afterwards what they held before; what grows has its slope."""

import time

import pytest

from deploy.facts import usage
from deploy.wait import until
from fixtures.volumes import Volumes, checksum, write

SETTLED = 120.0
"""Seconds after the last tenant until the hosts hold no more than before the first: agents look every few seconds."""
pytestmark = [pytest.mark.flow, pytest.mark.nightly, pytest.mark.project("nova-compute", "neutron-agents", "content")]


@pytest.fixture(scope="module")
def lasts(pytestconfig):
    return pytestconfig.getoption("soak") or pytest.skip("tenants come and go for as long as --for=TIME says: --for=1h")


@pytest.fixture(scope="module")
def visit(site, projects, instances, figures):
    """Lets one tenant come, boot an instance, write a volume where there are any, and go."""

    def used(tenant):
        began = time.monotonic()
        instance = instances.reachable(tenant)
        figures.took("a tenant's instance answers", time.monotonic() - began)
        if site.catalogue.has("cinder"):
            store, guest = Volumes(tenant), instance.host()
            with store.attached(instance, store.volume("soak")) as disk:
                assert write(guest, disk) == checksum(guest, disk)

    def visited():
        tenant = projects.make()
        try:
            used(tenant)
        finally:
            leaves = time.monotonic()
            left = projects.remove(tenant)
        figures.took("a tenant goes", time.monotonic() - leaves)
        assert left == []

    return visited


@pytest.fixture(scope="module")
def samples(site, lasts, visit):
    """By host: seconds since the first, and the usage; one sample before the first tenant, and one after each."""
    began, found = time.monotonic(), {name: [] for name in site.hosts}
    visit()  # the first one fills caches and pools
    while True:
        for name, each in site.hosts.each(usage.read).items():
            found[name].append((time.monotonic() - began, each))
        if time.monotonic() - began > lasts:
            return found
        visit()


def test_slopes_are_reported(samples, figures):
    lines = [f"{'slope in an hour':<16}" + "".join(f"{unit:>17}" for unit in usage.UNITS)]
    for name, each in samples.items():
        rates = usage.slopes(each)
        lines.append(f"{name:<16}" + "".join(f"{rates[unit]:>17.1f}" for unit in usage.UNITS if rates))
    figures.show("soak", lines)
    assert all(len(each) > 2 for each in samples.values()), "too short for a slope: --for takes more than two tenants"


def test_hosts_hold_no_more_than_before(site, samples):
    before = {name: each[0][1].amounts for name, each in samples.items()}

    def more():
        now = site.hosts.each(usage.read)
        grown = {
            name: {
                unit: f"{before[name][unit]} -> {each.amounts[unit]}"
                for unit in usage.COUNTED
                if each.amounts[unit] > before[name][unit]
            }
            for name, each in now.items()
        }
        return {name: units for name, units in grown.items() if units}

    until(
        more,
        ready=lambda found: not found,
        timeout=SETTLED,
        interval=5,
        what="what hosts hold beyond what they held before the tenants",
        expected="nothing",
        hint="`pytest suites/state` names what no tenant has any more; figures-soak.txt in the results has the slopes",
    )
