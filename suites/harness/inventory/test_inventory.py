"""Inventories: valid files are read as written, invalid files are refused with every mistake, its file and its key."""

import copy
import datetime
import random
import re
import tomllib
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from deploy import inventory
from deploy.errors import InventoryError
from deploy.inventory import BUILT_IN, Cluster, Flavor

GOOD = """
[cluster]
name = "small"
platform = "debian-12"
vip = "10.0.0.10"

[networks.management]
cidr = "10.0.0.0/24"
interface = "eth0"
gateway = "10.0.0.1"

[networks.provider]
cidr = "10.1.0.0/24"
interface = "eth1"
gateway = "10.1.0.1"
pool = ["10.1.0.100", "10.1.0.199"]

[nodes]
c1 = { roles = ["controller"], management = "10.0.0.11" }
c2 = { roles = ["controller"], management = "10.0.0.12" }
c3 = { roles = ["controller"], management = "10.0.0.13", provider = "10.1.0.13" }
w1 = { roles = ["compute", "network"], management = "10.0.0.21" }

[options]
workers = 2

[image]
"""

C2 = 'c2 = { roles = ["controller"], management = "10.0.0.12" }'
W1 = 'w1 = { roles = ["compute", "network"], management = "10.0.0.21"'
POWER = 'power = { driver = "redfish", url = "https://bmc/redfish/v1/Systems/1", user = "u", password_file = "f" }'
IPMI = 'power = { driver = "ipmi", address = "bmc", user = "u", password_file = "f" }'
COMMAND = 'power = { driver = "command", on = ["pdu", "on"], off = "pdu off", status = "pdu" }'
FLAVOR = "[capacity.flavors.small]\nvcpus = 1\nmemory_mib = 2048\ndisk_gib = 10\ninstances = 40\n"

CINDER = '[services]\nchosen = ["cinder"]\n'
STORE = 's1 = { roles = ["storage"], management = "10.0.0.31", disks = ["/dev/sdb"] }\n'

BAD = {
    # the mistake: (text to replace, replacement, the key in the error, words in the error)
    "unknown project": (
        "[options]",
        '[services]\nchosen = ["glanse"]\n[options]',
        "services.chosen",
        "no project named glanse; did you mean glance?; known: base",
    ),
    "project twice": (
        "[options]",
        '[services]\nchosen = ["etcd", "etcd"]\n[options]',
        "services.chosen",
        "names etcd 2 times",
    ),
    "a project that is no name": ("[options]", "[services]\nchosen = [1]\n[options]", "services.chosen", "not 1"),
    "unknown key of the services": ("[options]", "[services]\nchose = []\n[options]", "services.chose", "no such key"),
    "disks without the role storage": (f"{W1} }}", f'{W1}, disks = ["/dev/sdb"] }}', "nodes.w1.disks", "role storage"),
    "a file for a disk on real machines": (
        f"{W1} }}",
        W1.replace('["', '["storage", "', 1) + ', disks = ["file:3"] }',
        "nodes.w1.disks",
        "only a lab may use",
    ),
    "a disk twice": (
        f"{W1} }}",
        f'{W1}, disks = ["/dev/sdb", "/dev/sdb"] }}',
        "nodes.w1.disks",
        "names /dev/sdb 2 times",
    ),
    "a disk of two nodes": (
        f"{W1} }}",
        f'{W1}, disks = ["/dev/disk/by-id/wwn-1"] }}\ns1 = {{ roles = ["storage"], management = "10.0.0.31", '
        'disks = ["/dev/disk/by-id/wwn-1"] }',
        "nodes.s1.disks",
        "/dev/disk/by-id/wwn-1 is also a disk of w1",
    ),
    "a storage node without disks": (
        f"{W1} }}\n",
        f'{W1} }}\ns1 = {{ roles = ["storage"], management = "10.0.0.31" }}\n[services]\nchosen = ["ceph"]\n',
        "nodes.s1.disks",
        "missing; Ceph needs a disk of its own on each storage node",
    ),
    "no disk": (f"{W1} }}", f'{W1}, disks = ["sdb"] }}', "nodes.w1.disks", "is no disk"),
    "Ceph without storage nodes": (
        "[options]",
        '[services]\nchosen = ["ceph"]\n[options]',
        "services.chosen",
        "no nodes have the role storage",
    ),
    "Ceph's settings without Ceph": ("[options]", "[ceph]\ncache_mib = 64\n[options]", "ceph", "does not name ceph"),
    "volumes of nobody": ("[options]", '[cinder]\nbackend = "nfs"\n[options]', "cinder", "does not name cinder"),
    "an unknown back end": (
        "[options]",
        f'{CINDER}[cinder]\nbackend = "zfs"\n[options]',
        "cinder.backend",
        "'ceph', 'lvm' or 'nfs', not \"zfs\"",
    ),
    "LVM without storage nodes": (
        "[options]",
        f'{CINDER}[cinder]\nbackend = "lvm"\nvolume_group = "v"\n[options]',
        "cinder.backend",
        "no node has the role storage",
    ),
    "LVM without a volume group": (
        f"{W1} }}\n",
        f'{W1} }}\n{STORE}{CINDER}[cinder]\nbackend = "lvm"\n',
        "cinder.volume_group",
        "missing; it is the name of",
    ),
    "no volume group": (
        f"{W1} }}\n",
        f'{W1} }}\n{STORE}{CINDER}[cinder]\nbackend = "lvm"\nvolume_group = "a b"\n',
        "cinder.volume_group",
        "'a b' is not the name of a volume group",
    ),
    "LVM beside Ceph": (
        f"{W1} }}\n",
        f'{W1} }}\n{STORE}[services]\nchosen = ["cinder", "ceph"]\n[cinder]\nbackend = "lvm"\n',
        "cinder.backend",
        "lvm, but services.chosen names ceph",
    ),
    "a volume group without LVM": (
        "[options]",
        f'{CINDER}[cinder]\nvolume_group = "v"\n[options]',
        "cinder.volume_group",
        'only goes with `backend = "lvm"`',
    ),
    "NFS without exports": (
        "[options]",
        f'{CINDER}[cinder]\nbackend = "nfs"\n[options]',
        "cinder.shares",
        "missing; name the exports",
    ),
    "no export": (
        "[options]",
        f'{CINDER}[cinder]\nbackend = "nfs"\nshares = ["/srv"]\n[options]',
        "cinder.shares",
        "'/srv' is not an export such as filer:/srv/volumes",
    ),
    "an export twice": (
        "[options]",
        f'{CINDER}[cinder]\nbackend = "nfs"\nshares = ["f:/a", "f:/a"]\n[options]',
        "cinder.shares",
        "names f:/a 2 times",
    ),
    **{
        f"{backend} in a lab": (
            "[options]",
            f'{CINDER}[lab]\n[cinder]\nbackend = "{backend}"\n[options]',
            "cinder.backend",
            f"{backend}, which no lab can run: its hosts are containers",
        )
        for backend in ("lvm", "nfs")
    },
    "a volume type without limits": (
        "[options]",
        f"{CINDER}[cinder.types.fast]\n[options]",
        "cinder.types.fast",
        "has no limit",
    ),
    "a limit of nothing": (
        "[options]",
        f"{CINDER}[cinder.types.slow]\ntotal_iops_sec = 0\n[options]",
        "cinder.types.slow.total_iops_sec",
        "not 0",
    ),
    "an unknown quota": (
        "[options]",
        f"{CINDER}[cinder.quotas]\nvolume = 1\n[options]",
        "cinder.quotas.volume",
        "no such key",
    ),
    "unknown table": ("[options]", "[optoins]", "optoins", "no such table"),
    "a value outside of tables": ("\n[cluster]", 'vip = "10.0.0.9"\n[cluster]', "vip", "no such table"),
    "unknown key of the cluster": ('name = "small"', 'name = "small"\nnmae = 1', "cluster.nmae", "no such key"),
    "a table's name in the cluster": ('name = "small"', 'name = "small"\nnodes = 3', "cluster.nodes", "no such key"),
    "name missing": ('name = "small"\n', "", "cluster.name", "missing"),
    "unknown key of the options": ("workers = 2", "wrokers = 2", "options.wrokers", "no such key"),
    "unknown key of a network": ("pool = ", "colour = 1\npool = ", "networks.provider.colour", "no such key"),
    "a network's name twice": ("pool = ", 'name = "x"\npool = ', "networks.provider.name", "no such key"),
    "unknown key of a node": (f"{W1} }}", f'{W1}, color = "red" }}', "nodes.w1.color", "no network of that name"),
    "unknown key of a power device": (
        f"{W1} }}",
        f"{W1}, {POWER[:-1]}, x = 1 }} }}",
        "nodes.w1.power.x",
        "no such key",
    ),
    "unknown role": ('["compute", "network"]', '["compute", "boss"]', "nodes.w1.roles", 'not "boss"'),
    "no role": ('["compute", "network"]', "[]", "nodes.w1.roles", "empty"),
    "roles missing": ('w1 = { roles = ["compute", "network"], ', "w1 = { ", "nodes.w1.roles", "missing"),
    "roles not a list": ('["compute", "network"]', '"compute"', "nodes.w1.roles", "valid array"),
    "a number for an address": ('vip = "10.0.0.10"', "vip = 10", "cluster.vip", "not 10"),
    "a date for a name": ('name = "small"', "name = 1979-05-27", "cluster.name", "1979-05-27"),
    "one for true": ("workers = 2", "drills = 1", "options.drills", "not 1"),
    "text for a number": ("workers = 2", 'workers = "2"', "options.workers", 'not "2"'),
    "no worker": ("workers = 2", "workers = 0", "options.workers", "not 0"),
    "nobody for routers to ask": (
        GOOD[GOOD.index('gateway = "10.1.0.1"') : GOOD.index("workers = 2")],
        GOOD[GOOD.index("pool =") : GOOD.index("workers = 2")] + "router_health_check = true\n",
        "options.router_health_check",
        "no gateway",
    ),
    "a compute as the way out": ("workers = 2", 'way_out = "w1"', "options.way_out", "not the name of a controller"),
    "passwords: no regular expression": (
        "[image]",
        "[passwords]\npassword_regex = '['",
        "passwords.password_regex",
        "is not a regular",
    ),
    "passwords: a rule against the build": (
        "[image]",
        "[passwords]\npassword_regex = '^(?=.*[A-Z])'",
        "passwords.password_regex",
        "refuses the passwords of the build",
    ),
    "passwords: two lines": (
        "[image]",
        '[passwords]\npassword_regex_description = "a\\nb"',
        "passwords.password_regex_description",
        "line break",
    ),
    "passwords: kept longer than valid": (
        "[image]",
        "[passwords]\npassword_expires_days = 5\nminimum_password_age = 5",
        "passwords.minimum_password_age",
        "not below",
    ),
    "passwords: cheap to guess": (
        "[image]",
        "[passwords]\npassword_hash_rounds = 4",
        "passwords.password_hash_rounds",
        "not 4",
    ),
    "endless deadline": ("[image]", "[ssh]\nconnect_timeout = inf", "ssh.connect_timeout", "not Infinity"),
    "no such port": ("[image]", "[ssh]\nport = 70000", "ssh.port", "not 70000"),
    "a node that is no table": (C2, "c2 = 5", "nodes.c2", "must be a table"),
    "a network that is no table": (
        "[nodes]",
        "[networks]\nbackup = 5\n[nodes]",
        "networks.backup",
        "must be a table",
    ),
    "options that are no table": ("[options]", "[[options]]", "options", "must be a table"),
    "host bits in a network": ("10.1.0.0/24", "10.1.0.5/24", "networks.provider.cidr", "host bits"),
    "interface missing": ('interface = "eth1"\n', "", "networks.provider.interface", "missing"),
    "no interface's name": ('"eth1"', '"eth1, eth2"', "networks.provider.interface", "not the name"),
    "one interface for two networks": ('"eth1"', '"eth0"', "networks.provider.interface", "serves 2 networks"),
    "a network named as a key": (
        "[nodes]",
        '[networks.power]\ncidr = "10.3.0.0/24"\ninterface = "x"\n[nodes]',
        "networks.power",
        "not a network name",
    ),
    "management network missing": ("[networks.management]", "[networks.internal]", "networks.management", "missing"),
    "provider network missing": ("[networks.provider]", "[networks.outside]", "networks.provider", "missing"),
    "an address on a network apart missing": (
        "[networks.provider]",
        '[networks.tunnel]\ncidr = "10.9.0.0/24"\ninterface = "eth9"\n[networks.provider]',
        "nodes.w1.tunnel",
        "each network and compute node needs one",
    ),
    "management address missing": (C2, 'c2 = { roles = ["controller"] }', "nodes.c2.management", "missing"),
    "address twice": ("10.0.0.12", "10.0.0.11", "nodes.c2.management", "also by nodes.c1.management"),
    "address of the gateway": ("10.0.0.12", "10.0.0.1", "nodes.c2.management", "also by networks.management.gateway"),
    "address outside": ("10.0.0.12", "10.9.0.12", "nodes.c2.management", "not inside networks.management.cidr"),
    "address of the network itself": ("10.0.0.12", "10.0.0.0", "nodes.c2.management", "no machine can have"),
    "gateway outside": ('"10.1.0.1"', '"10.2.0.1"', "networks.provider.gateway", "not inside"),
    "VIP of a node": ("10.0.0.10", "10.0.0.12", "cluster.vip", "is also nodes.c2.management"),
    "VIP outside": ("10.0.0.10", "10.9.0.10", "cluster.vip", "not inside networks.management.cidr"),
    "VIP missing": ('vip = "10.0.0.10"\n', "", "cluster.vip", "3 controllers need an address to share"),
    "even number of controllers": (f"{C2}\n", "", "nodes.roles", "2 controllers"),
    "no compute": ('"compute", ', "", "nodes.roles", "no node has the role compute"),
    "no network node": (', "network"', "", "nodes.roles", "no node has the role network"),
    "no controller": ('["controller"]', '["storage"]', "nodes.roles", "no node has the role controller"),
    "pool missing": ("pool = ", "#", "networks.provider.pool", "missing"),
    "pool of one": ('["10.1.0.100", "10.1.0.199"]', '["10.1.0.100"]', "networks.provider.pool", "missing"),
    "pool backwards": ("10.1.0.199", "10.1.0.50", "networks.provider.pool", "10.1.0.100 comes after 10.1.0.50"),
    "pool outside": ("10.1.0.199", "10.2.0.199", "networks.provider.pool", "10.2.0.199 is not inside"),
    "pool with a node in it": ("10.1.0.13", "10.1.0.113", "networks.provider.pool", "which is nodes.c3.provider"),
    "pool with the gateway in it": (
        '"10.1.0.1"',
        '"10.1.0.110"',
        "networks.provider.pool",
        "which is networks.provider.gateway",
    ),
    "unknown platform": ("debian-12", "debian-11", "cluster.platform", "known: debian-12"),
    "a path for a name": ('"small"', '"../small"', "cluster.name", "not a host name"),
    "a line break in the region": ("[networks.m", 'region = "a\\nb"\n[networks.m', "cluster.region", "not a region"),
    "no host name": ("c2 =", "C_2 =", "nodes.C_2", "not a host name"),
    "a node called localhost": ("c2 =", "localhost =", "nodes.localhost", "localhost"),
    "no URL of a power device": (
        f"{W1} }}",
        f"{W1}, {POWER} }}".replace("http", "ipmi"),
        "nodes.w1.power.url",
        "not a URL such as",
    ),
    "a power device that is asked in clear": (
        f"{W1} }}",
        f"{W1}, {POWER} }}".replace("https", "http"),
        "nodes.w1.power.url",
        "set insecure = true",
    ),
    "a time server with an option": (
        "workers = 2",
        'workers = 2\nntp = ["ntp1 trust"]',
        "options.ntp",
        "not a host name or IP address",
    ),
    "packages without a signature": (
        "workers = 2",
        'workers = 2\npackage_sources = "deb [arch=amd64 trusted=yes] http://mirror bookworm main"',
        "options.package_sources",
        "has trusted",
    ),
    "no package source": (
        "workers = 2",
        'workers = 2\npackage_sources = "deb mirror"',
        "options.package_sources",
        "is no source: deb, a URL",
    ),
    "a driver nobody knows": (
        f"{W1} }}",
        f'{W1}, power = {{ driver = "telnet" }} }}',
        "nodes.w1.power",
        "redfish, ipmi, libvirt or command",
    ),
    "a power device that is no table": (f"{W1} }}", f"{W1}, power = 5 }}", "nodes.w1.power", "must be a table"),
    "an IPMI address with its port": (
        f"{W1} }}",
        f"{W1}, {IPMI.replace('bmc', 'udp://bmc')} }}",
        "nodes.w1.power.address",
        "the port has a key of its own",
    ),
    "an IPMI user of too many bytes": (
        f"{W1} }}",
        f"{W1}, {IPMI} }}".replace('= "u"', '= "a-user-of-17-byte"'),
        "nodes.w1.power.user",
        "IPMI takes 1 to 16",
    ),
    "no password of an IPMI device": (
        f"{W1} }}",
        f"{W1}, {IPMI} }}".replace(', password_file = "f"', ""),
        "nodes.w1.power.password_file",
        "missing",
    ),
    "no URI of a libvirt": (
        f"{W1} }}",
        f'{W1}, power = {{ driver = "libvirt", uri = "kvm1" }} }}',
        "nodes.w1.power.uri",
        "not a URI such as",
    ),
    "an option for a domain": (
        f"{W1} }}",
        f'{W1}, power = {{ driver = "libvirt", uri = "qemu:///system", domain = "--all" }} }}',
        "nodes.w1.power.domain",
        "not the name of a libvirt domain",
    ),
    "a command that takes a shell": (
        f"{W1} }}",
        f"{W1}, {COMMAND.replace('pdu off', 'pdu off | mail root')} }}",
        "nodes.w1.power.off",
        "needs a shell",
    ),
    "a placeholder nobody fills": (
        f"{W1} }}",
        f"{W1}, {COMMAND.replace('pdu off', 'pdu {port} off')} }}",
        "nodes.w1.power.off",
        "only placeholder",
    ),
    "half a quotation": (
        f"{W1} }}",
        f"{W1}, {COMMAND} }}".replace("pdu off", "pdu 'off"),
        "nodes.w1.power.off",
        "No closing quotation",
    ),
    "an empty command": (
        f"{W1} }}",
        f"{W1}, {COMMAND.replace('pdu off', '')} }}",
        "nodes.w1.power.off",
        "at least 1 item",
    ),
    "plain text without consent": ("[networks.man", 'tls = "off"\n[networks.man', "cluster.tls", "`insecure = true`"),
    "consent to nothing": ("[networks.man", "insecure = true\n[networks.man", "cluster.insecure", "only goes with"),
    "TLS of another kind": ("[networks.man", 'tls = "on"\n[networks.man', "cluster.tls", "'vip' or 'off'"),
    "a certificate for plain text": (
        "[networks.man",
        'tls = "off"\ninsecure = true\n[certificate]\nca = "x"\n[networks.man',
        "certificate",
        "the cluster has no TLS",
    ),
    "a certificate without its key": (
        "[image]",
        '[certificate]\nca = "x"\nchain = "y"\n[image]',
        "certificate",
        "one of chain and key",
    ),
    "a certificate without its authority": ("[image]", "[certificate]\n[image]", "certificate.ca", "missing"),
    "image without checksum": ("[image]", '[image]\nurl = "http://x/y"', "image.sha256", "missing"),
    "image with half a checksum": ("[image]", '[image]\nfile = "x"\nsha256 = "12ab"', "image.sha256", "64 hexadecimal"),
    "image twice": ("[image]", f'[image]\nfile = "x"\nurl = "http://x/y"\nsha256 = "{"0" * 64}"', "image", "both"),
    "checksum of nothing": ("[image]", f'[image]\nsha256 = "{"0" * 64}"', "image.sha256", "neither"),
    "capacity that is no table": ("[image]", "[[capacity]]\n[image]", "capacity", "must be a table"),
    "unknown key of the capacity": ("[image]", f"{FLAVOR}[capacity]\nratio = 1.0", "capacity.ratio", "no such key"),
    "no instances to carry": ("[image]", "[capacity]", "capacity.flavors", "no instances"),
    "flavors that none is wanted of": ("[image]", FLAVOR.replace("40", "0"), "capacity.flavors", "no instances"),
    "a flavor that is no table": ("[image]", "[capacity.flavors]\nsmall = 40", "capacity.flavors.small", "not 40"),
    "a flavor without cores": ("[image]", FLAVOR.replace("vcpus", "#"), "capacity.flavors.small.vcpus", "missing"),
    "a flavor with no core": (
        "[image]",
        FLAVOR.replace("vcpus = 1", "vcpus = 0"),
        "capacity.flavors.small.vcpus",
        "not 0",
    ),
    "half an instance": ("[image]", FLAVOR.replace("40", "0.5"), "capacity.flavors.small.instances", "not 0.5"),
    "no name of a flavor": ("[image]", FLAVOR.replace("small", '"a b"'), "capacity.flavors.a b", "is not a flavor"),
    "nothing promised": (
        "[image]",
        f"{FLAVOR}[capacity]\ncpu_allocation_ratio = 0.0",
        "capacity.cpu_allocation_ratio",
        "not 0.0",
    ),
    "less than nothing kept": (
        "[image]",
        f"{FLAVOR}[capacity]\nreserved_host_memory_mib = -1",
        "capacity.reserved_host_memory_mib",
        "not -1",
    ),
}

BOTH_SIDES = {
    "one interface for two networks": {"networks.management.interface"},
    "address twice": {"nodes.c1.management"},
    "address of the gateway": {"networks.management.gateway"},
    "a disk of two nodes": {"nodes.w1.disks"},
}
"""The other key in the error, where two keys contradict each other."""


@pytest.fixture
def written(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "inventory.toml"
        path.write_text(text)
        return path

    return write


def changed(*names: str) -> str:
    """Return GOOD with those mistakes made."""
    text = GOOD
    for name in names:
        old, new, *_ = BAD[name]
        assert old in text, name
        text = text.replace(old, new)
    return text


def refusal(path: Path) -> str:
    with pytest.raises(InventoryError) as caught:
        inventory.load(path)
    return str(caught.value)


@pytest.mark.parametrize("path", sorted(BUILT_IN.glob("*.toml")), ids=lambda path: path.name)
def test_every_shipped_inventory_is_read(path):
    assert inventory.load(path).role("controller")


@pytest.mark.parametrize("name", ["lab", "lab-small", "two-node", "production.example"])
def test_a_built_in_inventory_is_found_by_its_name(name, monkeypatch, tmp_path):
    (tmp_path / name).mkdir()  # such as deploy/lab, for a run that starts in deploy/
    monkeypatch.chdir(tmp_path)
    assert inventory.load(name).source == BUILT_IN / f"{name}.toml"


@pytest.mark.parametrize(("name", "more"), [("lab", {"compute03", "storage04"}), ("lab-small", {"compute03"})])
def test_the_further_machines_of_a_lab_are_read_where_their_lines_are_no_comments(tmp_path, name, more):
    text = (BUILT_IN / f"{name}.toml").read_text()
    block = re.compile(r"^# (\[nodes\..*)((?:\n# [a-z]+ = .*)+)", re.MULTILINE)
    path = tmp_path / "grown.toml"
    path.write_text(block.sub(lambda found: found[0].replace("# ", ""), text))
    before, grown = (inventory.load(each) for each in (name, str(path)))
    assert {node.name for node in grown.nodes} - {node.name for node in before.nodes} == more


def test_an_inventory_is_read_as_written(written):
    cluster = inventory.load(written(GOOD))
    assert [node.name for node in cluster.nodes] == ["c1", "c2", "c3", "w1"]
    assert cluster.node("c3").addresses == {
        "management": IPv4Address("10.0.0.13"),
        "provider": IPv4Address("10.1.0.13"),
    }
    assert cluster.provider.pool == (IPv4Address("10.1.0.100"), IPv4Address("10.1.0.199"))
    assert cluster.options.workers == 2


def test_the_example_has_real_machines_with_power_devices():
    cluster = inventory.load("production.example")
    assert cluster.lab is None
    assert cluster.fencing
    assert cluster.ssh.sudo
    assert all(node.power.verify_tls for node in cluster.nodes if node.power)


def test_capacity_is_read_with_nova_s_names_of_settings(written):
    table = f"{FLAVOR}[capacity]\ncpu_allocation_ratio = 4.0\nreserved_host_memory_mib = 1024\n[image]"
    capacity = inventory.load(written(GOOD.replace("[image]", table))).capacity
    assert capacity.flavors == {"small": Flavor(vcpus=1, memory_mib=2048, disk_gib=10, instances=40)}
    assert capacity.settings == {"cpu_allocation_ratio": 4.0, "reserved_host_memory_mb": 1024}
    assert inventory.load(written(GOOD)).capacity is None


def test_the_projects_are_those_that_are_chosen_or_else_left_to_the_catalogue(written):
    assert inventory.load(written(GOOD)).services.chosen is None
    chosen = 'chosen = ["glance", "keystone"]'
    assert inventory.load(written(f"{GOOD}[services]\n{chosen}")).services.chosen == ("glance", "keystone")


def test_the_api_address_is_the_vip_or_the_only_controller():
    assert str(inventory.load("lab").api_address) == "172.16.181.30"
    assert str(inventory.load("two-node").api_address) == "172.16.181.11"


def test_features_differ_between_the_built_in_inventories():
    small = {"ha", "tls", "fencing", "tenant-networks", "router-health-check", "second-compute"}
    assert inventory.load("lab").features == {*small, "ceph", "volumes"}
    assert inventory.load("lab-small").features == small
    assert inventory.load("two-node").features == {"way-out"}


PUBLIC = GOOD.replace('"10.0.0.10"', '"10.9.0.10"').replace(
    "[networks.provider]", '[networks.public]\ncidr = "10.9.0.0/24"\ninterface = "eth9"\n[networks.provider]'
)
for number in (1, 2, 3):
    PUBLIC = PUBLIC.replace(f'"10.0.0.1{number}"', f'"10.0.0.1{number}", public = "10.9.0.1{number}"')


def test_the_vip_lies_in_the_public_network_where_there_is_one(written):
    cluster = inventory.load(written(PUBLIC))
    assert (cluster.network("public").interface, str(cluster.node("c2").at("public"))) == ("eth9", "10.9.0.12")
    assert str(cluster.node("w1").at("public")) == "10.0.0.21"
    assert inventory.load(written(GOOD)).network("public").name == "management"
    refused = refusal(written(PUBLIC.replace('vip = "10.9.0.10"', 'vip = "10.0.0.10"')))
    assert ": cluster.vip: 10.0.0.10 is not inside networks.public.cidr 10.9.0.0/24" in refused
    refused = refusal(written(PUBLIC.replace(', public = "10.9.0.12"', "")))
    assert ": nodes.c2.public: missing; each controller node needs one" in refused


def test_a_public_network_needs_a_vip(written):
    text = PUBLIC.replace('vip = "10.9.0.10"\n', "")
    refused = refusal(written(re.sub(r"^c[23] = .*\n", "", text, flags=re.MULTILINE)))
    assert ": networks.public: set, but it is the network of the vip, which this cluster does not have" in refused


def test_tls_needs_a_vip(written):
    text = (BUILT_IN / "two-node.toml").read_text()
    refused = refusal(written(text.replace("[cluster]", '[cluster]\ntls = "vip"')))
    assert ": cluster.tls: set, but TLS ends in HAProxy, which only a cluster with a vip has" in refused


def test_plain_text_takes_consent_unless_it_is_a_lab(written):
    assert inventory.load(written(GOOD)).encrypted
    agreed = inventory.load(written(GOOD.replace("[networks.man", 'tls = "off"\ninsecure = true\n[networks.man', 1)))
    assert "tls" not in agreed.features
    plain = GOOD.replace("[networks.man", 'tls = "off"\n[networks.man', 1)
    assert not inventory.load(written(f"{plain}[lab]")).encrypted


def test_fencing_needs_a_power_device_on_every_controller(written):
    powered = re.sub(r'(\["controller"\],)', rf"\1 {POWER},", GOOD)
    assert inventory.load(written(powered)).fencing
    assert not inventory.load(written(powered.replace(f" {POWER},", "", 1))).fencing


def test_a_power_device_without_a_driver_is_redfish(written):
    powered = GOOD.replace(W1, f"{W1}, {POWER}".replace('driver = "redfish", ', ""))
    assert inventory.load(written(powered)).node("w1").power.driver == "redfish"


def test_power_commands_are_split_into_words(written):
    text = GOOD.replace(W1, f"{W1}, {COMMAND}".replace("pdu off", "pdu 'all off'"))
    seen = inventory.load(written(text)).node("w1").power
    assert (seen.on, seen.off, seen.status) == (("pdu", "on"), ("pdu", "all off"), ("pdu",))


@pytest.mark.parametrize("name", BAD)
def test_a_mistake_is_reported_with_its_file_and_key(written, name):
    path = written(changed(name))
    _, _, key, words = BAD[name]
    lines = [line for line in refusal(path).splitlines() if line.startswith(f"  {path}: {key}: ")]
    assert any(words in line for line in lines), refusal(path)


@pytest.mark.parametrize("name", BAD)
def test_consequences_of_a_mistake_are_not_reported(written, name):
    path = written(changed(name))
    refused = set(re.findall(rf"{path}: ([^:]+): ", refusal(path)))
    assert refused == {BAD[name][2]} | BOTH_SIDES.get(name, set())


def test_mistakes_of_all_kinds_are_reported_together(written):
    names = ["unknown key of the options", "unknown role", "address twice", "unknown platform", "VIP outside"]
    path = written(changed(*names, "a network that is no table", "pool backwards", "image without checksum"))
    refused = refusal(path)
    assert [name for name in names if f"{path}: {BAD[name][2]}: " not in refused] == []
    assert refused.startswith(f"inventory {path} has 9 mistakes; no host was touched")  # "address twice" at both


def test_several_mistakes_in_a_table_are_all_reported(written):
    refused = refusal(written(GOOD.replace("[image]", '[image]\nurl = "http://x/y"\ncolour = 1')))
    assert ": image.colour: no such key" in refused
    assert ": image.sha256: missing" in refused


def test_an_empty_file_is_refused_with_all_missing_keys(written):
    path = written("")
    keys = ("cluster.name", "cluster.platform", "networks.management", "networks.provider", "nodes.roles")
    assert [key for key in keys if f"{path}: {key}: " not in refusal(path)] == []


def test_a_duplicate_node_is_reported_by_name(written):
    refused = refusal(written(GOOD.replace("[options]", '[nodes.c1]\nroles = ["compute"]\n[options]')))
    assert "cannot be read" in refused
    assert "c1" in refused


def test_invalid_toml_is_reported_with_its_line(written):
    refused = refusal(written("[cluster]\nname = lab\n"))
    assert "cannot be read" in refused
    assert "line 2" in refused


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x = " + b"9" * 5000, b"x = " + b"[" * 5000])
def test_a_file_the_toml_parser_rejects_is_reported_as_unreadable(tmp_path, content):
    path = tmp_path / "odd.toml"
    path.write_bytes(content)
    assert f"inventory {path} cannot be read" in refusal(path)


def test_a_directory_is_reported_as_unreadable(tmp_path):
    assert f"inventory {tmp_path} cannot be read" in refusal(tmp_path)


def test_a_missing_file_is_reported_with_the_built_in_names(tmp_path):
    refused = refusal(tmp_path / "absent.toml")
    assert "absent.toml" in refused
    assert "built-in inventory: lab, lab-small, two-node" in refused


# -- random mutations: an inventory is read or refused, and never causes a traceback ------

VALUES = [
    None, 5, -1, True, "", "x", 1.5, float("nan"), float("inf"), [], [1], ["controller"], {}, {"a": 1}, [[]], [{}],
    datetime.date(1979, 5, 27), datetime.time(7, 32), "172.16.181.31", "10.0.0.0/8", 10**30,
    {"name": 1, "addresses": {}, "roles": ["x"]}, {"cidr": "10.9.0.0/24", "interface": "eth9"},
]  # fmt: skip
KEYS = ["name", "addresses", "roles", "management", "source", "vip", "cidr", "power", "a.b", ""]


def places(tables, way=()):
    for key in tables if isinstance(tables, dict) else range(len(tables)):
        yield (*way, key)
        if isinstance(tables[key], dict | list):
            yield from places(tables[key], (*way, key))


def mutated(dice: random.Random, tables: dict) -> dict:
    *way, last = dice.choice(list(places(tables)))
    holder = tables
    for part in way:
        holder = holder[part]
    operation = dice.choice(["delete", "set", "add", "rename"])
    if operation == "delete":
        del holder[last]
    elif operation == "set" or isinstance(holder, list):
        holder[last] = copy.deepcopy(dice.choice(VALUES))
    elif operation == "add":
        holder[dice.choice(KEYS)] = copy.deepcopy(dice.choice(VALUES))
    else:
        holder[dice.choice(KEYS)] = holder.pop(last)
    return tables


def read_or_refused(tables: dict) -> Cluster | str:
    try:
        return inventory.parse(tables, Path("mutated.toml"))
    except InventoryError as error:
        return str(error)


@pytest.mark.parametrize("seed", range(4))
def test_any_mutated_inventory_is_read_or_refused(seed):
    dice = random.Random(seed)
    lab = tomllib.loads((BUILT_IN / "lab.toml").read_text())
    for _ in range(200):
        refused = read_or_refused(mutated(dice, mutated(dice, copy.deepcopy(lab))))
        assert isinstance(refused, Cluster) or "\n  mutated.toml: " in refused
