"""The machine: operating system, processors, memory, host name and machine ID."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.host import Reads

_ASK = """cat /etc/os-release
echo "@architecture=$(uname -m)"
echo "@init=$(cat /proc/1/comm)"
echo "@hostname=$(uname -n)"
echo "@machine_id=$(cat /etc/machine-id 2>/dev/null)"
echo "@cpus=$(getconf _NPROCESSORS_ONLN)"
echo "@memory=$(sed -n 's/^MemTotal: *//p' /proc/meminfo)"
"""


@dataclass(frozen=True)
class Machine:
    """One machine's hardware and operating system."""

    os_release: Mapping[str, str] = field(default_factory=dict)
    """/etc/os-release (os-release(5))."""
    architecture: str = ""
    """The output of `uname -m`."""
    init: str = ""
    """The name of process 1."""
    hostname: str = ""
    machine_id: str = ""
    """Empty before the first boot (machine-id(5))."""
    cpus: int = 0
    """Logical processors online, which libvirt counts and Nova offers."""
    memory_mib: int = 0
    """MemTotal: the installed memory less the kernel's reservations."""


def read(host: Reads) -> Machine:
    """Read one machine, in one round trip."""
    return parse(host.check("exec sh -s", stdin=_ASK))


def parse(text: str) -> Machine:
    """Parse lines of `key=value`; keys of this script begin with @, the others come from os-release."""
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    ours = {key[1:]: value.strip() for key, value in lines.items() if key.startswith("@")}
    return Machine(
        os_release={key: value.strip().strip("\"'") for key, value in lines.items() if not key.startswith("@")},
        architecture=ours.get("architecture", ""),
        init=ours.get("init", ""),
        hostname=ours.get("hostname", ""),
        machine_id=ours.get("machine_id", ""),
        cpus=_number(ours.get("cpus", "")),
        memory_mib=_number(ours.get("memory", "").removesuffix("kB")) // 1024,
    )


def _number(text: str) -> int:
    return int(text) if text.strip().isdecimal() else 0
