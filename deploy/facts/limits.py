"""Limits: how much of the kernel's and of each process's limits is in use on a host."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from deploy.host import Reads


@dataclass(frozen=True)
class Use:
    """How much of one limit is in use."""

    used: int
    allowed: int

    def __str__(self) -> str:
        return f"{self.used} of {self.allowed}"

    def exceeds(self, part: float) -> bool:
        """True where more than that part of the limit is in use."""
        return self.used > part * self.allowed


ALWAYS = ("open files", "tasks", "asynchronous I/O requests")
"""Limits that every kernel has. A container does not see those of neighbours; those of connections need a module."""


def kernel(host: Reads) -> dict[str, Use | None]:
    """Return each limit of the kernel by name, and None for one that exists and could not be read."""
    return parse_kernel(host.run("exec sh -s", stdin=_KERNEL, timeout=30).out)


def parse_kernel(text: str) -> dict[str, Use | None]:
    """Parse the lines that `_KERNEL` prints: `<path>:<content>`, and the connections of network namespaces."""
    values: dict[str, list[str]] = {}
    for path, _, content in (line.partition(":") for line in text.splitlines()):
        values.setdefault(path, []).append(content)
    loads, tasks = values.get("/proc/loadavg", [""])[0].split(), _number(values, "/proc/sys/kernel/threads-max")
    pids, open_ = _number(values, "/proc/sys/kernel/pid_max"), values.get("/proc/sys/fs/file-nr", [""])[0].split()
    found = {
        "open files": _use(open_[0], open_[2]) if len(open_) == 3 else None,
        "tasks": _use(loads[3].rpartition("/")[2], str(min(tasks, pids)))
        if len(loads) > 3 and tasks and pids
        else None,
        "asynchronous I/O requests": _pair(values, "/proc/sys/fs/aio-nr", "/proc/sys/fs/aio-max-nr"),
    }
    for name, (used, allowed) in _TABLES.items():
        if used in values or allowed in values:
            found[name] = _pair(values, used, allowed)
    return found | _of_namespaces(values)


def _of_namespaces(values: Mapping[str, list[str]]) -> dict[str, Use | None]:
    """Return the tracked connections of each network namespace; one that was deleted meanwhile is left out."""
    listed = dict(line.split() for line in values.get("namespace", []) if len(line.split()) == 2)
    limit = values.get(_TRACKED.format("max"), [""])[0]
    counts = dict(line.split() for line in values.get("counted", []) if len(line.split()) == 2)
    for name, process in listed.items():
        statistics = values.get(f"/proc/{process}/net/stat/nf_conntrack", [""])
        counts.setdefault(name, _entries(statistics))
    return {f"tracked connections of {name}": _use(counts[name], limit) for name in listed if name in values["still"]}


def _pair(values: Mapping[str, list[str]], used: str, allowed: str) -> Use | None:
    content = values.get(used, [""])
    return _use(_entries(content) if len(content) > 1 else content[0], values.get(allowed, [""])[0])


def _entries(statistics: list[str]) -> str:
    """Return the first number of a table below /proc/net/stat: its entries, in hexadecimal below a line of titles."""
    words = statistics[1].split() if len(statistics) > 1 else []
    return str(int(words[0], 16)) if words and re.fullmatch("[0-9a-f]+", words[0]) else ""


def _number(values: Mapping[str, list[str]], path: str) -> int:
    text = values.get(path, [""])[0]
    return int(text) if text.isdecimal() else 0


def _use(used: str, allowed: str) -> Use | None:
    return Use(int(used), int(allowed)) if used.isdecimal() and allowed.isdecimal() else None


@dataclass(frozen=True)
class Process:
    """One process."""

    name: str
    files: Use
    """Open files, and its own soft limit (RLIMIT_NOFILE)."""
    threads: int
    unit: str
    """With its suffix, such as `nova-compute.service` or `machine-qemu-1.scope`; `-` where it belongs to none."""


@dataclass(frozen=True)
class Processes:
    """Every process of one host, by process ID, and the limits on the tasks of units."""

    running: Mapping[int, Process] = field(default_factory=dict)
    tasks_max: Mapping[str, int | None] = field(default_factory=dict)
    """systemd's TasksMax by unit; None: the unit has no limit."""

    @property
    def is_complete(self) -> bool:
        """True where the files of process 1, which are never none, were counted."""
        return 1 in self.running and self.running[1].files.used > 0

    def tasks(self) -> dict[str, Use]:
        """Return the tasks of each unit with a limit: the threads of all its processes."""
        return {
            unit: Use(sum(process.threads for process in self.running.values() if process.unit == unit), allowed)
            for unit, allowed in self.tasks_max.items()
            if allowed is not None
        }


def processes(host: Reads, units: Iterable[str]) -> Processes:
    """Return the processes of one host, and TasksMax of the units (with their suffix), in one round trip."""
    return parse_processes(host.run("exec sh -s -- %s", " ".join(units), stdin=_PROCESSES, timeout=30).out)


def parse_processes(text: str) -> Processes:
    """Parse the lines that `_PROCESSES` prints; a process that ended meanwhile is left out."""
    lines = [line.split() for line in text.splitlines()]
    opened = {words[1]: int(words[2]) for words in lines if words[:1] == ["open"] and len(words) == 3}
    allowed = {
        words[0].split("/")[2]: int(words[3])
        for words in lines
        if len(words) > 4 and words[0].startswith("/proc/") and words[3].isdecimal()
    }
    return Processes(
        {
            int(pid): Process(" ".join(name), Use(opened[pid], allowed[pid]), int(threads), unit)
            for pid, threads, unit, *name in (
                words[1:] for words in lines if words[:1] == ["process"] and len(words) > 4
            )
            if pid in opened and pid in allowed and threads.isdecimal()
        },
        _tasks_max("\n".join(line for line in text.splitlines() if not line or line.startswith(("Id=", "TasksMax=")))),
    )


def _tasks_max(text: str) -> dict[str, int | None]:
    """Parse `systemctl show` with one block per unit; a TasksMax that is no number is no limit."""
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in text.split("\n\n")]
    return {
        block["Id"]: int(block["TasksMax"]) if block["TasksMax"].isdecimal() else None
        for block in blocks
        if {"Id", "TasksMax"} <= block.keys()
    }


_TRACKED = "/proc/sys/net/netfilter/nf_conntrack_{}"
_TABLES = {
    "tracked connections": (_TRACKED.format("count"), _TRACKED.format("max")),
    "ARP neighbours": ("/proc/net/stat/arp_cache", "/proc/sys/net/ipv4/neigh/default/gc_thresh3"),
    "IPv6 neighbours": ("/proc/net/stat/ndisc_cache", "/proc/sys/net/ipv6/neigh/default/gc_thresh3"),
}
"""The files of the number in use, and of the limit, of each table that a kernel may lack."""

# Conntrack counts each network namespace by itself, against one limit. /proc shows the count of the namespace of any
# process; a process is started only in a namespace without one, because that costs 3 ms.
_KERNEL = rf"""
grep -H . /proc/loadavg /proc/sys/fs/file-nr /proc/sys/kernel/threads-max /proc/sys/kernel/pid_max \
  /proc/sys/fs/aio-nr /proc/sys/fs/aio-max-nr {" ".join(path for pair in _TABLES.values() for path in pair)} 2>/dev/null
[ -e /proc/sys/net/netfilter/nf_conntrack_max ] && [ -e /run/netns ] || exit 0
namespaces=$(stat -L -c '%i %n' /proc/self/ns/net /proc/[0-9]*/ns/net /run/netns/* 2>/dev/null | awk '
  NR == 1 {{ own = $1; next }}
  {{ split($2, part, "/") }}
  part[2] == "run" {{ name[$1] = part[4]; next }}
  {{ process[$1] = part[3] }}
  END {{ for (space in name) if (space != own) print name[space], space in process ? process[space] : "-" }}
')
echo "$namespaces" | sed 's/^/namespace:/'
files=$(echo "$namespaces" | sed -n 's|.* \([0-9]*\)$|/proc/\1/net/stat/nf_conntrack|p')
[ -z "$files" ] || grep -H . $files 2>/dev/null
echo "$namespaces" | sed -n 's/ -$//p' | while read -r name; do
  echo "counted:$name $(timeout 3 nsenter --net="/run/netns/$name" cat /proc/sys/net/netfilter/nf_conntrack_count)"
done 2>/dev/null
for name in /run/netns/*; do echo "still:${{name##*/}}"; done
"""
_PROCESSES = r"""
units=$1
for folder in /proc/[0-9]*; do
  set -- "$folder"/fd/*
  [ "$1" != "$folder/fd/*" ] || shift
  echo "open ${folder#/proc/} $#"
done
grep -H '^Max open files' /proc/[0-9]*/limits 2>/dev/null
ps -eo pid=,nlwp=,unit=,comm= | sed 's/^/process /'
[ -z "$units" ] || systemctl show -p Id,TasksMax $units
:
"""
