"""Hosted: what Neutron's and Nova's agents made on a host: namespaces, processes, network devices, domains, folders."""

from dataclasses import dataclass, field
from functools import lru_cache

from deploy.errors import CommandFailed
from deploy.host import Reads

NETWORKING = ("namespace", "dnsmasq", "metadata proxy", "keepalived", "bridge", "tap", "vxlan", "port in a namespace")
"""The kinds of things that Neutron's agents make; a process is named by the UUID of its network or router."""
INSTANCES = ("instance", "domain", "instance folder")
"""The kinds of things that nova-compute makes: QEMU processes, domains of libvirt, folders; named by UUIDs."""
IDLE = "idle"
"""The kind of bridges without a tap, and of the VXLAN devices in them, besides their own kind."""
LAST = "end"
"""The last line of the script's output; a text without it is incomplete."""


@dataclass(frozen=True)
class Hosted:
    """All things of one host."""

    things: dict[str, frozenset[str]] = field(default_factory=dict)
    """Names of things by their kind."""
    addresses: dict[str, frozenset[str]] = field(default_factory=dict)
    """IPv4 and IPv6 addresses by namespace."""

    def of(self, kind: str) -> frozenset[str]:
        """Return the names of one kind."""
        return self.things.get(kind, frozenset())


def read(host: Reads, after: int = 0) -> Hosted:
    """Return what is on the host, `after` seconds from now; CommandFailed where the list is incomplete.

    The script costs 40 ms of CPU: one scan of /proc, and no process for any namespace.
    """
    text = host.check("exec python3 -IS - %s", after, stdin=_SCRIPT, timeout=after + 25)
    if LAST not in text.splitlines()[-1:]:
        raise CommandFailed(
            f"{host.name}: the list of namespaces, processes and devices is incomplete", seen=text[-300:]
        )
    return parse(text)


@lru_cache(maxsize=64)  # many checks read the same answer
def parse(text: str) -> Hosted:
    """Parse lines of kind and name, and of `address`, namespace and address, separated by tabs; skip other lines."""
    things: dict[str, set[str]] = {}
    addresses: dict[str, set[str]] = {}
    for words in (line.split("\t") for line in text.splitlines()):
        if len(words) == 3 and words[0] == "address":
            addresses.setdefault(words[1], set()).add(words[2])
        elif len(words) == 2:
            things.setdefault(words[0], set()).add(words[1])
    return Hosted(
        {kind: frozenset(names) for kind, names in things.items()},
        {namespace: frozenset(found) for namespace, found in addresses.items()},
    )


# Python enters each namespace by itself, because `ip netns exec` would start two processes for each. A zombie has an
# empty command line, so it is no process here.
_SCRIPT = r"""
import ctypes, glob, ipaddress, os, re, sys, time

time.sleep(int(sys.argv[1]))
UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PROCESSES = {
    "dnsmasq": ("dnsmasq", re.compile("/dhcp/(%s)/pid" % UUID)),
    "haproxy": ("metadata proxy", re.compile(r"/ns-metadata-proxy/(%s)\.conf" % UUID)),
    "keepalived": ("keepalived", re.compile("/ha_confs/(%s)/keepalived.conf" % UUID)),
    "qemu": ("instance", re.compile("-uuid\0(%s)" % UUID)),
}
DEVICES = {"brq": "bridge", "tap": "tap", "vxlan-": "vxlan"}
found = set()


def content(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def names(folder):
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


for pid in filter(str.isdigit, os.listdir("/proc")):
    line = content("/proc/%s/cmdline" % pid)
    program = os.path.basename(line.partition("\0")[0])
    for start, (kind, pattern) in PROCESSES.items():
        if program.startswith(start) and (match := pattern.search(line)):
            found.add((kind, match.group(1)))
for device in names("/sys/class/net"):
    found.update((kind, device) for start, kind in DEVICES.items() if device.startswith(start))
    members = names("/sys/class/net/%s/brif" % device) if device.startswith("brq") else ["tap"]
    if not any(member.startswith("tap") for member in members):
        found.update(("idle", name) for name in [device, *members] if name.startswith(("brq", "vxlan-")))
for path in glob.glob("/etc/libvirt/qemu/*.xml"):
    if match := re.search("<uuid>(%s)</uuid>" % UUID, content(path)):
        found.add(("domain", match.group(1)))
for folder in names("/var/lib/nova/instances"):
    if match := re.fullmatch("(%s)(_resize|_del)?" % UUID, folder):
        found.add(("instance folder", match.group(1)))

enter = ctypes.CDLL(None, use_errno=True).setns
for namespace in names("/run/netns"):
    if not re.match("(qdhcp|qrouter|snat|fip)-", namespace):
        continue
    found.add(("namespace", namespace))
    try:
        file = os.open("/run/netns/" + namespace, os.O_RDONLY)
    except FileNotFoundError:  # deleted since it was listed
        continue
    entered = enter(file, 0x40000000) == 0  # CLONE_NEWNET
    os.close(file)
    if not entered:  # a file that was left without its namespace
        continue
    for device in re.findall(r"^\s*(\S+):", content("/proc/thread-self/net/dev"), re.M):
        if re.match("(ns|qr|qg|ha)-", device):
            found.add(("port in a namespace", device))
    local = re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", content("/proc/thread-self/net/fib_trie"))
    six = (line.split()[0] for line in content("/proc/thread-self/net/if_inet6").splitlines())
    for address in [*local, *(str(ipaddress.IPv6Address(int(digits, 16))) for digits in six)]:
        found.add(("address", namespace, address))
for words in sorted(found):
    print(*words, sep="\t")
print("end")
"""
