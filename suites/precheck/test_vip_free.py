"""The VIP is free, or held by this cluster's own Pacemaker where the cluster is built already."""

import pytest

from deploy import precheck
from deploy.facts import interfaces, leftovers, neighbours, pacemaker
from deploy.precheck import where_reached

pytestmark = [pytest.mark.precheck, pytest.mark.needs("ha")]


def _by_our_pacemaker(reader, script, cluster):
    ours = leftovers.read(reader, script).claims.get("corosync") == cluster
    return ours and reader.name in pacemaker.status(reader).running.get("vip", ())


def _holders(everywhere, standing):
    """The nodes with the VIP; True where this cluster's Pacemaker runs it."""
    vip, script = str(standing.cluster.vip), standing.leftovers
    ours = where_reached(everywhere, lambda reader: _by_our_pacemaker(reader, script, standing.cluster.name))
    links = where_reached(everywhere, interfaces.read)
    return {name: ours[name] for name in links if interfaces.holder(links[name], vip)}


def _macs(everywhere):
    by_node = where_reached(everywhere, interfaces.read)
    return {entry.mac: name for name, links in by_node.items() for entry in links.values()}


def test_vip_is_free_or_held_by_this_cluster(everywhere, standing, expect):
    vip = str(standing.cluster.vip)
    holders, macs = _holders(everywhere, standing), _macs(everywhere)
    answers = where_reached(everywhere, lambda reader: neighbours.read(reader, vip)[vip])
    expect(
        f"other holders of the VIP {vip}",
        precheck.vip_taken(vip, holders, answers, macs),
        [],
        look=f"ip neigh show to {vip}",
    )
    for holder in holders:
        expect.note(f"{holder} holds the VIP {vip} for this cluster's own Pacemaker")


def test_no_other_machine_answers_the_runner_at_the_vip(everywhere, standing, runner, expect):
    vip = str(standing.cluster.vip)
    answers = {"runner": neighbours.read(runner, vip)[vip]}
    taken = precheck.vip_taken(vip, _holders(everywhere, standing), answers, _macs(everywhere))
    expect(
        f"other machines that answer the runner at the VIP {vip}",
        taken,
        [],
        look=f"ip neigh show to {vip} on the runner",
    )
