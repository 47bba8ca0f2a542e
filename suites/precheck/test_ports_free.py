"""Every port on which a service will listen is free, or held by that service of this cluster."""

import pytest

from deploy import precheck
from deploy.facts import leftovers, sockets

pytestmark = pytest.mark.precheck


def test_port_is_free_or_held_by_this_cluster(port_on, reader, standing, expect):
    ours = leftovers.read(reader, standing.leftovers).ours(standing.cluster.name)
    others = precheck.held_by_others(port_on, sockets.listening(reader), ours)
    wanted = f"none, or {' or '.join(sorted(port_on.units))} of cluster {standing.cluster.name}"
    look = f"ss -tulnp 'sport >= :{port_on.port} and sport <= :{port_on.last}'"
    expect.that(f"holders of port {port_on.number}", not others, seen=others, expected=wanted, look=look)
