"""The next boot and the next night: settings, mounts, units, accounts and logs that change by themselves."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from deploy.host import Reads

MANAGES_HOSTS = {"true", "template", "localhost"}
"""Values of cloud-init's `manage_etc_hosts` with which it rewrites /etc/hosts at each boot."""
SECTIONS = frozenset(
    {"today", "sysctl", "enabled", "fstab", "mounts", "units", "accounts"}
    | {"kernel", "reboot", "stale", "logs", "rotation", "cloud", "end"}
)
"""The sections of a host's answer."""


@dataclass(frozen=True)
class Account:
    """Ageing of one account, in days since 1970 (shadow(5)); None: no limit."""

    changed: int | None
    """The last change of the password; 0: the next sign-in must change it."""
    longest: int | None
    """Days after which the password must be changed."""
    expires: int | None
    """The day on which the account expires."""

    def until(self) -> int | None:
        """Return the first day on which PAM refuses the account, also with an SSH key; None: no such day."""
        if self.changed == 0:
            return 0
        # 99999 days, the default of login.defs(5), count as no limit.
        ageing = self.longest is not None and self.longest < 99999 and self.changed is not None
        days = [self.changed + self.longest] if ageing and self.changed and self.longest is not None else []
        return min([*days, *([self.expires] if self.expires is not None else [])], default=None)


@dataclass(frozen=True)
class NextBoot:
    """One host's state after the next boot. `answered` is false where the host's answer is incomplete."""

    answered: bool = False
    today: int = 0
    """Days since 1970, by the host's clock."""
    sysctl: Mapping[str, str] = field(default_factory=dict)
    """The value that each kernel setting gets from sysctl.d(5), by key with dots."""
    enabled: frozenset[str] = frozenset()
    """Units, with their suffix, that a target or another unit starts."""
    unmounted: tuple[str, ...] = ()
    """Mount points of /etc/fstab where nothing is mounted now."""
    unconfigured: tuple[str, ...] = ()
    """Mount points of disks that neither /etc/fstab nor a unit mounts."""
    accounts: Mapping[str, Account] = field(default_factory=dict)
    kernel: str = ""
    """The running kernel's release."""
    kernels: tuple[str, ...] = ()
    """Installed kernels, in the order of their versions; none in a container."""
    reboot: tuple[str, ...] = ()
    """Packages that ask for a reboot."""
    stale: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Deleted programs and libraries that processes still run, by unit without its suffix."""
    unrotated: tuple[str, ...] = ()
    """Logs that a process holds open and logrotate does not rotate."""
    rotation: tuple[str, ...] = ()
    """Errors in logrotate's configuration."""
    rewrites_hosts: bool = False
    """True where cloud-init rewrites /etc/hosts at boot."""


def read(host: Reads) -> NextBoot:
    """Read one host, in one round trip."""
    return parse(host.run("exec sh -s", stdin=_ASK).out)


@lru_cache(maxsize=32)  # many checks read the same answer
def parse(text: str) -> NextBoot:
    """Parse the sections that `_ASK` prints; `NextBoot()` where one is missing."""
    parts = dict(part.partition("\n")[::2] for part in re.split(r"^@", text, flags=re.MULTILINE)[1:])
    if not parts.keys() >= SECTIONS or not (today := parts["today"].strip()).isdecimal():
        return NextBoot()
    kernel, *kernels = parts["kernel"].split() or [""]
    mounted, configured = _mounted(parts["mounts"]), {_unescaped(name) for name in parts["units"].split()}
    listed = _listed(parts["fstab"])
    known = {line.removeprefix("considering log ") for line in parts["rotation"].splitlines()}
    return NextBoot(
        answered=True,
        today=int(today),
        sysctl=_settings(parts["sysctl"]),
        enabled=frozenset(parts["enabled"].split()),
        unmounted=tuple(sorted(set(listed) - mounted.keys())),
        unconfigured=tuple(sorted(point for point, disk in mounted.items() if disk and point not in configured)),
        accounts=dict(_accounts(parts["accounts"].splitlines())),
        kernel=kernel,
        kernels=tuple(kernels),
        reboot=tuple(parts["reboot"].split()),
        stale=_stale(parts["stale"].splitlines()),
        unrotated=tuple(sorted(set(parts["logs"].split()) - known)),
        rotation=tuple(line for line in parts["rotation"].splitlines() if line.startswith("error:")),
        rewrites_hosts=parts["cloud"].strip().rpartition(" ")[2].strip("\"'").lower() in MANAGES_HOSTS,
    )


def _settings(text: str) -> dict[str, str]:
    """Return the last value of each key; a dash before a key means that errors are ignored (sysctl.d(5))."""
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line and line.strip()[0] not in "#;")
    return {key.strip().lstrip("-").replace("/", "."): value.strip() for key, value in pairs}


def _mounted(text: str) -> dict[str, bool]:
    """Return the mount points of mountinfo (proc(5)), and whether each is a whole file system of a block device."""
    found = {}
    for fields, _, rest in (line.partition(" - ") for line in text.splitlines()):
        words, source = fields.split(), rest.split()
        if len(words) > 4 and len(source) > 1:
            found[_octal(words[4])] = source[1].startswith("/dev/") and words[3] == "/" and words[4] != "/"
    return found


def _listed(text: str) -> Iterable[str]:
    """Yield the mount points that /etc/fstab mounts at boot."""
    for words in (line.split() for line in text.splitlines()):
        is_mount = len(words) > 3 and words[0][0] != "#" and words[1].startswith("/") and words[2] != "swap"
        if is_mount and not _LATER & set(words[3].split(",")):
            yield _octal(words[1]).rstrip("/") or "/"


def _octal(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _unescaped(unit: str) -> str:
    """Return the mount point of a mount unit's name (systemd-escape(1))."""
    path = "/" + unit.removesuffix(".mount").replace("-", "/")
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), path)


def _accounts(lines: Iterable[str]) -> Iterable[tuple[str, Account]]:
    for fields in (line.split(":") for line in lines):
        if len(fields) == 4:
            yield fields[0], Account(*(int(text) if text.isdecimal() else None for text in fields[1:]))


def _stale(lines: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the files of each unit, from lines of unit and file."""
    found: dict[str, set[str]] = {}
    for unit, _, path in (line.partition(" ") for line in lines):
        found.setdefault(unit, set()).add(path)
    return {unit: frozenset(paths) for unit, paths in found.items()}


_LATER = {"noauto", "x-systemd.automount"}
"""Options of mounts that the boot leaves to somebody else."""
# The last section shows that the script ran to its end. `getent shadow` needs root; the password field is left out.
_ASK = r"""exec 2>/dev/null
echo @today; echo $(($(date +%s) / 86400))
echo @sysctl; /usr/lib/systemd/systemd-sysctl --cat-config
echo @enabled; find /etc/systemd/system/*.wants /etc/systemd/system/*.requires -maxdepth 1 -type l -printf '%f\n'
echo @fstab; cat /etc/fstab
echo @mounts; cat /proc/self/mountinfo
echo @units; find /etc/systemd/system /run/systemd/generator* /run/systemd/system /usr/lib/systemd/system -maxdepth 1 \
  -name '*.mount' -printf '%f\n'
echo @accounts; getent shadow | cut -d: -f1,3,5,8
echo @kernel; uname -r; ls /boot | sed -n 's/^vmlinuz-//p' | sort -V
echo @reboot; [ ! -e /run/reboot-required ] || cat /run/reboot-required.pkgs || echo unknown
echo @stale
{ grep -E '\.so[.0-9]* \(deleted\)$' /proc/[0-9]*/maps | sed 's|^/proc/\([0-9]*\)/maps:.* \(/.*\) (deleted)$|\1 \2|'
  find /proc/[0-9]*/exe -lname '/*(deleted)' -printf '%h %l\n' | sed 's|^/proc/||;s| (deleted)$||'
} | sort -u | while read -r pid path; do
  unit=$(sed -n 's|.*/\([^/]*\)\.service$|\1|p' "/proc/$pid/cgroup")
  [ -z "$unit" ] || echo "$unit $path"
done
echo @logs; find /proc/[0-9]*/fd -lname '/var/log/*.log' -printf '%l\n' | sort -u
echo @rotation; logrotate --debug /etc/logrotate.conf 2>&1 | sed -n '/^considering log /p;/^error:/p'
echo @cloud
if [ -e /usr/bin/cloud-init ] && [ ! -e /etc/cloud/cloud-init.disabled ]; then
  grep -hE '^manage_etc_hosts *:' /etc/cloud/cloud.cfg /etc/cloud/cloud.cfg.d/*.cfg \
    /var/lib/cloud/instance/cloud-config.txt | tail -n 1
fi
echo @end
"""
