"""Limits: no file system, kernel, process, unit, database, proxy, queue or store is near one."""

from pathlib import PurePosixPath

import pytest

from deploy import catalogue
from deploy.facts import broker, connections, limits, mounts, quota

USED = 0.8
"""The largest part of a limit that may be in use."""
FREE = 0.1
"""The part of each file system, and of its inodes, that must be free."""
UNKNOWN = "not known: no answer"
WAITING = 10
"""Requests that may wait at HAProxy for each that the members work on: with 0.5 s for each, the last one waits 5 s."""
MESSAGES = 1000
"""Messages that may wait in a queue. A caller gives up after 60 s, so a queue that is read holds a few at most."""


def near(uses):
    """The limits of which too much is in use, and those that are not known."""
    return {name: str(use or UNKNOWN) for name, use in uses.items() if use is None or use.exceeds(USED)}


# -- file systems ------------------------------------------------------------------------------------


def file_systems(reader, node, standing):
    """The mounts that services of the node write to."""
    patterns = catalogue.load().data(standing.platform.name)
    accounts = [service.runs_as for service in standing.catalogue.on(node) if service.runs_as not in {"", "root"}]
    return mounts.read(reader, accounts, map(folder, patterns))


def folder(pattern):
    """The path before the first part with a wildcard."""
    path = PurePosixPath(pattern)
    return str(next((up for up in (path, *path.parents) if "*" not in str(up)), path))


def short(found, left):
    """The mounts with less than FREE of what `left` takes from their space, and those that did not answer."""
    unknown = {mount.target: UNKNOWN for mount in found.written if mount.space is None}
    few = {mount.target: left(mount.space) for mount in found.written if mount.space}
    less = {target: f"{free} of {size} free" for target, (free, size) in few.items() if free < FREE * size}
    return unknown | less if found.written else {"all": UNKNOWN}


def test_file_systems_have_free_space(reader, node, standing, expect):
    found = short(file_systems(reader, node, standing), lambda space: (space.free_mib, space.size_mib))
    expect.that(
        "MiB of file systems that services write to",
        not found,
        seen=found,
        expected=f"at least {FREE:.0%} free on each",
        look="df -h; where it hangs, the server or device of a mount is gone: /proc/mounts",
    )


def test_file_systems_have_free_inodes(reader, node, standing, expect):
    found = short(file_systems(reader, node, standing), lambda space: (space.free_inodes, space.inodes))
    expect.that(
        "inodes of file systems that services write to",
        not found,
        seen=found,
        expected=f"at least {FREE:.0%} free on each",
        look="df -i, du --inodes -x",
    )


def test_file_systems_are_writable(reader, node, standing, expect):
    found = file_systems(reader, node, standing)
    read_only = [mount.target for mount in found.written if mount.read_only]
    seen = {"/": UNKNOWN} if not found.written or found.unwritable is None else {}
    expect.that(
        "file systems that services write to, and their folders",
        not (seen or read_only or found.unwritable),
        seen=seen or [f"read-only: {path}" for path in dict.fromkeys([*read_only, *found.unwritable])],
        expected="writable; after an error on its device, the kernel makes a file system read-only",
        look="dmesg, findmnt, /etc/fstab, lsattr -d",
    )


# -- kernel, processes, units ------------------------------------------------------------------------


def test_kernel_is_below_its_limits(reader, node, expect):
    found = limits.kernel(reader)
    seen = near(dict.fromkeys(limits.ALWAYS) | found)
    expect.that(
        "limits of the kernel",
        not seen,
        seen=seen,
        expected=f"at most {USED:.0%} of each in use",
        look="sysctl fs.file-nr kernel.pid_max fs.aio-nr net.netfilter net.ipv4.neigh.default, dmesg",
    )


def processes(reader, node, standing):
    """The processes of the node, and the limits of the units of its services."""
    units = [f"{service.unit}.service" for service in standing.catalogue.on(node) if service.unit]
    return limits.processes(reader, sorted(set(units)))


def test_processes_have_free_file_handles(reader, node, standing, expect):
    found = processes(reader, node, standing)
    # A process that lowered its limit below what it has open, such as sshd's before a login, is to open no more.
    opening = {pid: each for pid, each in found.running.items() if each.files.used <= each.files.allowed}
    full = {f"{each.name} ({pid}, {each.unit})": each.files for pid, each in opening.items()}
    seen = near(full) if found.is_complete else UNKNOWN
    expect.that(
        "open files of processes",
        not seen,
        seen=seen,
        expected=f"at most {USED:.0%} of each process's limit",
        look="ls /proc/PID/fd, LimitNOFILE of the unit",
    )


def test_units_have_free_tasks(reader, node, standing, expect):
    found = processes(reader, node, standing)
    seen = near(found.tasks()) if found.is_complete and found.tasks_max else UNKNOWN
    expect.that(
        "processes and threads of units",
        not seen,
        seen=seen,
        expected=f"at most {USED:.0%} of each unit's TasksMax",
        look="systemctl status UNIT, TasksMax of the unit",
    )


# -- connections -------------------------------------------------------------------------------------


def test_database_has_free_connections(reader, galera_host, expect):
    found = connections.database(reader)
    seen = near({"now": found.now, "at most so far": found.most, **found.accounts})
    refused = {"refused clients so far": found.refused} if found.refused else {}
    expect.that(
        "connections to MariaDB",
        not (seen or refused),
        seen=seen | refused,
        expected=f"at most {USED:.0%} of max_connections, and no client refused",
        look="SHOW PROCESSLIST; once the cause is gone, FLUSH STATUS sets the numbers so far to zero",
    )


@pytest.mark.needs("ha")
def test_proxy_has_free_connections(reader, haproxy_host, expect):
    found = connections.proxy(reader)
    seen = near({"all clients": found.whole, **found.frontends})
    expect.that(
        "connections to HAProxy",
        not seen,
        seen=seen,
        expected=f"at most {USED:.0%} of maxconn",
        look="show info and show sess at the admin socket, maxconn in /etc/haproxy/haproxy.cfg",
    )


@pytest.mark.needs("ha")
def test_no_request_waits_long_for_a_member(reader, haproxy_host, expect):
    found = connections.proxy(reader)
    long = {name: f"{use.used} wait for {use.allowed}" for name, use in found.waiting.items() if use.exceeds(WAITING)}
    expect.that(
        "requests that wait at HAProxy for a member",
        found.whole is not None and not long,
        seen=long or UNKNOWN,
        expected=f"at most {WAITING} for each that the proxy's members may work on at one time",
        look="show stat at the admin socket (qcur), the members' logs: what takes them so long?",
    )


# -- queue and store ---------------------------------------------------------------------------------


def test_queue_member_is_below_its_limits(reader, rabbitmq_host, expect):
    found = broker.use(reader)
    seen = near(found.limits) if found.limits else UNKNOWN
    expect.that(
        "limits of RabbitMQ, of which memory and disk block all publishers",
        not seen,
        seen=seen,
        expected=f"at most {USED:.0%} of each in use",
        look="rabbitmq-diagnostics status, vm_memory_high_watermark and disk_free_limit in rabbitmq.conf",
    )


def test_queues_are_short(reader, rabbitmq_host, expect):
    messages = broker.use(reader).messages
    long = {name: number for name, number in (messages or {}).items() if number > MESSAGES}
    expect.that(
        "messages in the queues that this member leads",
        messages is not None and not long,
        seen=UNKNOWN if messages is None else long,
        expected=f"at most {MESSAGES} in each; more wait where nobody reads them, or the reader hangs",
        look="rabbitmqctl list_queues name messages consumers",
    )


@pytest.mark.project("etcd")
def test_store_is_below_its_quota(reader, standing, etcd_host, expect):
    member = standing.addresses.at(etcd_host, "etcd")
    used = quota.read(reader, member.host, member.port)
    expect.that(
        "bytes of etcd's database",
        used is not None and not used.exceeds(USED),
        seen=used or UNKNOWN,
        expected=f"at most {USED:.0%} of its quota, beyond which it accepts no write",
        look="etcdctl endpoint status, etcdctl compact, etcdctl defrag, ETCD_QUOTA_BACKEND_BYTES",
    )
