"""A machine that no inventory names, on the networks of SSH and of clients: it reaches SSH and what clients may."""

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
def networks(cluster):
    """The networks on which others may be: that of SSH, and that of clients where it is another one."""
    return [network for name, network in cluster.networks.items() if name in {"management", "public"}]


@pytest.fixture(scope="module")
def stranger(cluster, machine_room, networks):
    """A network namespace with a free address of each of these networks."""
    remove()
    ip("netns", "add", SPACE)
    for number, network in enumerate(networks):
        used = {cluster.vip, *(address for node in cluster.nodes for address in node.addresses.values())}
        free, link, inner = max({*network.cidr.hosts()} - used), f"{LINK}{number}", f"eth{number}"
        ip("-n", names.ROOM, "link", "add", link, "type", "veth", "peer", "name", inner, "netns", SPACE)
        ip("-n", names.ROOM, "link", "set", link, "master", names.bridge(network.name), "up")
        ip("-n", SPACE, "address", "add", f"{free}/{network.cidr.prefixlen}", "dev", inner)
        ip("-n", SPACE, "link", "set", inner, "up")
    yield SPACE
    remove()


def ip(*words, check=True):
    subprocess.run(["ip", *words], check=check, capture_output=True)


def remove():
    ip("netns", "delete", SPACE, check=False)


def test_it_reaches_ssh_and_the_doors_of_clients_only(site, cluster, networks, stranger):
    asked = set()
    for name, found in site.hosts.each(sockets.listening).items():
        addresses = site.hosts[name].node.addresses
        mine = {str(addresses[network.name]) for network in networks if network.name in addresses}
        ports = {(one.address, one.port) for one in found if one.protocol == "tcp" and not one.is_local}
        asked |= {
            (address, port)
            for held, port in ports
            for address in ({held} if held in mine | {str(cluster.vip)} else mine)
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
