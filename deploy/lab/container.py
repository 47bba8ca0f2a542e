"""A host as a process tree: started detached in its own control group, and killed as by a power cut."""

import os
import secrets
import signal
import sys
from pathlib import Path

from deploy.errors import LabError
from deploy.inventory import Node
from deploy.lab import groups, names, processes
from deploy.lab.shell import tail, until

_GONE = 20.0
"""Seconds systemd-nspawn may take to notice that its host is dead; 1 s is usual."""
_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
    # Below /proc/sys only net.* belongs to the host; the rest belongs to the runner's kernel and stays read-only.
    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
}
# The clock, kernel modules, raw hardware, consoles, the kernel log and its security policies belong to the runner. The
# rest is no boundary: with CAP_SYS_ADMIN and CAP_MKNOD, which libvirt and Neutron need, root of a host can become root
# of the runner.
_WITHHELD = (
    *("CAP_SYS_TIME", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND"),
    *("CAP_MAC_ADMIN", "CAP_MAC_OVERRIDE", "CAP_SYS_PACCT", "CAP_SYS_TTY_CONFIG", "CAP_PERFMON"),
    "CAP_CHECKPOINT_RESTORE",
)
_KEEP = """\
ticket=$1 number=$2
shift 2
# When memory runs out, the kernel must kill processes of the lab and not of the runner.
echo 500 > /proc/self/oom_score_adj
"$@"
code=$?
# Without the ticket this boot was ended from outside, and that process cleans up.
[ "$(cat "$ticket" 2>/dev/null)" != "$number" ] || exec "$AFTERWARDS" -m deploy.lab.ended "$ticket" "$number" "$code"
"""
_RISE = """\
init=$1 share=$2 whole=$3 calm=0 left=300
# At first systemctl does not answer. After the units that start at boot, Pacemaker starts its own.
while [ "$calm" -lt 10 ] && [ "$left" -gt 0 ]; do
  sleep 2
  left=$((left - 1))
  kill -0 "$init" 2>/dev/null || exit
  jobs=$(nsenter --target "$init" --all systemctl list-jobs --no-legend 2>&1) && [ -z "$jobs" ] || calm=-1
  calm=$((calm + 1))
done
echo "$whole" > "$share"
"""
"""A host counts as booted after 20 s without a pending systemd job, or after 10 min, since jobs may never end.

With two processors that drills' probes keep busy, a controller takes 5 min to boot. When a booting host got its whole
CPU share after 2 min, the other hosts answered late for the rest of the boot.
"""
REBOOT = 133
"""The exit code of `systemd-nspawn --keep-unit` when its host asks for a reboot."""


def arguments(node: Node) -> list[str]:
    """Return the command that boots a host."""
    # Instances need virtualisation. A host without instances gets no device of the runner besides /dev/net/tun.
    kvm = "compute" in node.roles and Path("/dev/kvm").exists()
    devices = ["/dev/net/tun", *(["/dev/kvm"] if kvm else [])]
    return [
        *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--settings=no"),
        f"--machine={node.name}",
        f"--hostname={node.name}",
        _directory(node.name),
        f"--network-namespace-path=/run/netns/{names.netns(node.name)}",
        *("--capability=all", f"--drop-capability={','.join(_WITHHELD)}", "--private-users=no"),
        *("--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=read-only"),
        "--system-call-filter=@keyring bpf",
        *(f"--bind={device}" for device in devices),
    ]


def start(node: Node, *, booting: float, real_time: int) -> None:
    """Boot a host whose root is mounted and whose network exists; return when its PID 1 runs.

    LabError where PID 1 does not run within 20 s. `booting` is the host's CPU share until it has booted, as a part of
    the usual share; `real_time` comes from groups.real_time. A keeper process outside the host cleans up when the host
    reboots or powers off by itself.
    """
    groups.kill(node.name)
    ticket, number = names.ticket(node.name), secrets.token_hex(8)
    ticket.write_text(number)
    boot = groups.inside(node.name, arguments(node), real_time=real_time)
    share, whole = groups.share(node.name)
    if share.exists():
        share.write_text(str(int(whole * booting)))
    with names.console(node.name).open("a") as console:
        keep = ["sh", "-c", _KEEP, "sh", str(ticket), number, *boot]
        python = {"AFTERWARDS": sys.executable, "PYTHONPATH": str(Path(__file__).parents[2])}
        groups.detach(keep, console, {**_ENVIRONMENT, **python})
    if not until(lambda: leader(node.name) > 0, timeout=20, every=0.05):
        raise LabError(
            f"{node.name} did not start",
            expected="systemd-nspawn to run its systemd",
            seen=last_words(node.name),
            evidence=str(names.console(node.name)),
        )
    if booting < 1 and share.exists() and (init := leader(node.name)):
        with names.console(node.name).open("a") as console:
            rise = ["sh", "-c", _RISE, "sh", str(init), str(share), str(whole)]
            groups.detach(rise, console, _ENVIRONMENT)


def manager(node: str) -> int:
    """Return the PID of the systemd-nspawn that runs a host; 0: none."""
    return next(iter(processes.running("systemd-nspawn", _directory(node))), 0)


def leader(node: str) -> int:
    """Return the PID, on the runner, of a host's PID 1; 0: the host is off."""
    above = manager(node)
    inits = (pid for pid in processes.children(above) if _is_init(pid)) if above else iter(())
    return next(inits, 0)


def kill(node: str) -> None:
    """Kill a host's processes without a shutdown; return when none runs, LabError where systemd-nspawn stays."""
    names.ticket(node).unlink(missing_ok=True)
    _strike(leader(node), lambda pid: pid == leader(node))
    if not until(lambda: not manager(node), timeout=_GONE / 2):
        _strike(manager(node), lambda pid: pid == manager(node))
    groups.kill(node)
    if not until(lambda: not manager(node), timeout=_GONE / 2):
        raise LabError(f"{node} could not be powered off", seen=f"systemd-nspawn {manager(node)} is still there")


def last_words(node: str, lines: int = 8) -> str:
    """Return the last lines of a host's console."""
    try:
        return tail(names.console(node).read_text(errors="replace"), lines) or "an empty console"
    except FileNotFoundError:
        return "no console"


def _strike(pid: int, still: processes.Test) -> None:
    if pid:
        processes.send(pid, signal.SIGKILL, still)


def _directory(node: str) -> str:
    return f"--directory={names.root(node)}"


def _is_init(pid: int) -> bool:
    """True where this process is PID 1 of its own PID namespace."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    spaces = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
    return len(spaces) > 1 and spaces[-1] == "1" and pid != os.getpid()
