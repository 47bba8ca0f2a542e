"""A machine of the management network that no inventory names: it reaches SSH, and what every client may reach."""

import subprocess
import sys

import pytest

from deploy.catalogue import doors
from deploy.facts import sockets
from deploy.lab import names

pytestmark = [pytest.mark.power, pytest.mark.needs("ha")]

SPACE, LINK = f"{names.PREFIX}stranger", "stranger"
SCAN = """
import errno, selectors, socket, sys, time

until = time.monotonic() + 3
waiting = selectors.DefaultSelector()
for word in sys.argv[1:]:
    address, _, port = word.rpartition(":")
    connection = socket.socket()
    connection.setblocking(False)
    if connection.connect_ex((address, int(port))) == errno.EINPROGRESS:
        waiting.register(connection, selectors.EVENT_WRITE, word)
while waiting.get_map() and (left := until - time.monotonic()) > 0:
    for key, _ in waiting.select(left):
        if not key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            print(key.data)
        waiting.unregister(key.fileobj)
"""


@pytest.fixture(scope="module")
def stranger(cluster, machine_room):
    """A network namespace with a free address of the management network."""
    network = cluster.networks["management"]
    used = {*network.cidr.hosts()} - {cluster.vip, *(node.management for node in cluster.nodes)}
    free = max(used)
    remove()
    ip("netns", "add", SPACE)
    ip("-n", names.ROOM, "link", "add", LINK, "type", "veth", "peer", "name", "eth0", "netns", SPACE)
    ip("-n", names.ROOM, "link", "set", LINK, "master", names.bridge(network.name), "up")
    ip("-n", SPACE, "address", "add", f"{free}/{network.cidr.prefixlen}", "dev", "eth0")
    ip("-n", SPACE, "link", "set", "eth0", "up")
    yield SPACE
    remove()


def ip(*words, check=True):
    subprocess.run(["ip", *words], check=check, capture_output=True)


def remove():
    ip("netns", "delete", SPACE, check=False)


def test_it_reaches_ssh_and_the_doors_of_clients_only(site, cluster, stranger):
    held = {str(node.management) for node in cluster.nodes} | {str(cluster.vip)}
    asked = {
        (one.address if one.address in held else str(site.hosts[name].node.management), one.port)
        for name, found in site.hosts.each(sockets.listening).items()
        for one in found
        if one.protocol == "tcp" and not one.is_local
    }
    open_to_all = {(str(node.management), cluster.ssh.port) for node in cluster.nodes}
    for node in cluster.nodes:
        open_to_all |= {
            (str(door.at), door.port)
            for door in doors(cluster, site.catalogue, node)
            if door.sources is None and door.protocol == "tcp"
        }
    words = [f"{address}:{port}" for address, port in sorted(asked)]
    scan = ["ip", "netns", "exec", stranger, sys.executable, "-IS", "-c", SCAN, *words]
    answered = subprocess.run(scan, check=True, capture_output=True, text=True).stdout.split()
    assert len(asked) > len(open_to_all)
    assert set(answered) == {f"{address}:{port}" for address, port in open_to_all & asked}
