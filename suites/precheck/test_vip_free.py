"""Nobody has the VIP but this cluster's own Pacemaker, where it stands already."""

import pytest

from deploy import precheck
from deploy.facts import interfaces, leftovers, neighbours, pacemaker
from deploy.precheck import where_reached

pytestmark = [pytest.mark.precheck, pytest.mark.needs("ha")]


def _by_our_pacemaker(reader, script, cluster):
    ours = leftovers.read(reader, script).claims.get("corosync") == cluster
    return ours and reader.name in pacemaker.status(reader).running.get("vip", ())


def _holders(everywhere, standing):
    """The nodes that have the VIP, and whether it is ours there."""
    vip, script = str(standing.cluster.vip), standing.leftovers
    ours = where_reached(everywhere, lambda reader: _by_our_pacemaker(reader, script, standing.cluster.name))
    seen = where_reached(everywhere, interfaces.read)
    return {name: ours[name] for name in seen if interfaces.holder(seen[name], vip)}


def _macs(everywhere):
    return {
        entry.mac: name for name, seen in where_reached(everywhere, interfaces.read).items() for entry in seen.values()
    }


def test_nobody_else_has_it(everywhere, standing, expect):
    vip = str(standing.cluster.vip)
    holders, macs = _holders(everywhere, standing), _macs(everywhere)
    answers = where_reached(everywhere, lambda reader: neighbours.read(reader, vip)[vip])
    expect(
        f"who has the VIP {vip}", precheck.vip_taken(vip, holders, answers, macs), [], look=f"ip neigh show to {vip}"
    )
    for holder in holders:
        expect.note(f"{holder} holds the VIP {vip} for this cluster's own Pacemaker")


def test_nobody_else_answers_the_runner(everywhere, standing, runner, expect):
    vip = str(standing.cluster.vip)
    answers = {"runner": neighbours.read(runner, vip)[vip]}
    taken = precheck.vip_taken(vip, _holders(everywhere, standing), answers, _macs(everywhere))
    expect(f"who answers the runner at the VIP {vip}", taken, [], look=f"ip neigh show to {vip} on the runner")
