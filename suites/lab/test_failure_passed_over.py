"""A unit that fails while Pacemaker still starts others runs again, although Pacemaker 2.1.5 at first ignores it."""

from pathlib import PurePosixPath
from xml.sax.saxutils import quoteattr

import pytest

from deploy.facts import pacemaker, systemd
from deploy.wait import until
from fixtures.drills.run.runner import tidy

pytestmark = [pytest.mark.power, pytest.mark.nightly, pytest.mark.needs("ha")]

FAILS, SLOW = "nova-metadata", "nova-scheduler"
START = 60
"""Seconds the slow unit takes to start: at Pacemaker's next recheck the other unit's failure is older than that."""
BACK = 180
"""Seconds until both units run."""
AWAY = "stackproof-lab-away"
DROP_IN = "/run/systemd/system/{0}.service.d/stackproof-lab-slow.conf"
RELOAD = "systemctl daemon-reload"


@pytest.fixture(scope="module")
def member(site, content, machine_room):
    """A controller without the VIP, on which a location rule keeps both units stopped."""
    members = site.members("pacemaker")
    holder = pacemaker.holder(members, "vip")
    host = next(each for each in members.values() if holder is None or each.name != holder.name)
    path = PurePosixPath(DROP_IN.format(_unit(site, SLOW)))
    try:
        _allow(host)  # a killed run may have left its location rules
        for name in (FAILS, SLOW):
            rule = (
                f'<rsc_location id="{AWAY}-{name}" rsc="{name}-clone" node={quoteattr(host.name)} score="-INFINITY"/>'
            )
            host.check("cibadmin --create --scope constraints --xml-text %s", rule)
        _both(site, host, running=False)
        host.script(
            f"mkdir -p {path.parent}\nprintf '[Service]\\nExecStartPre=/bin/sleep {START}\\n' > {path}\n{RELOAD}"
        )
        yield host
    finally:
        host.script(f"rm -f {path}\n{RELOAD}")
        _allow(host)
        tidy(site)


@pytest.fixture(scope="module")
def failed(site, member):
    """The slow unit's state at the moment when the other unit, started together with it, was killed."""
    _allow(member)
    fails, slow = _unit(site, FAILS), _unit(site, SLOW)
    until(lambda: systemd.units(member, [fails])[fails].is_active, timeout=60, interval=0.5, what=fails)
    member.check("sleep 2; systemctl kill --signal=KILL %s", fails)  # after its first successful monitor
    until(lambda: systemd.units(member, [fails])[fails].is_failed, timeout=10, interval=0.5, what=fails)
    return systemd.units(member, [slow])[slow]


def test_one_unit_failed_while_the_other_was_starting(failed):
    assert failed.active == "activating"


def test_both_units_run_in_the_end(site, member, failed):
    _both(site, member, running=True)


def _unit(site, name):
    return site.catalogue[name].unit


def _allow(host):
    # Both rules in one command: two changes would start two transitions.
    host.check("cibadmin --delete-all --force --xpath %s", f"//rsc_location[starts-with(@id,'{AWAY}')]")


def _both(site, host, *, running):
    units = [_unit(site, name) for name in (FAILS, SLOW)]
    until(
        lambda: [unit for unit, state in systemd.units(host, units).items() if state.is_active is not running],
        ready=lambda others: not others,
        timeout=BACK,
        interval=1,
        what=f"{host.name}: {' and '.join(units)}",
        expected="active" if running else "stopped",
        hint="crm_mon -1 -r -f on a controller",
    )
