"""The parts of a lab host's image besides its packages: few units, and none that changes the runner's kernel."""

from pathlib import Path

from deploy.lab.shell import run

_VIEW = """\
#!/bin/sh
# The /sys a container starts with may show the runner's network, and none of it can be written.
set -e
new=/run/own-view
mkdir -p $new
mount -t sysfs -o nosuid,noexec,nodev sysfs $new
mount -o remount,rw $new
mount --bind $new/devices/virtual/net $new/devices/virtual/net
mount --rbind /sys/fs/cgroup $new/fs/cgroup
# All else below /sys is the runner's hardware: look, do not touch.
mount -o remount,bind,ro $new
# Shared, the copy below /sys would lose its inner mounts with the original's.
mount --make-rprivate $new
mount --rbind $new /sys
umount -l $new
# Crashing a host by sysrq is a usual drill; from here it would crash the runner.
if [ -e /proc/sysrq-trigger ]; then
    mount --bind /proc/sysrq-trigger /proc/sysrq-trigger
    mount -o remount,bind,ro /proc/sysrq-trigger
fi
"""

_VIEW_UNIT = """\
[Unit]
Description=This host's own view of the kernel
DefaultDependencies=no
Before=sysinit.target local-fs-pre.target systemd-sysctl.service
Wants=local-fs-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/stackproof/own-view

[Install]
WantedBy=sysinit.target
"""

_SSHD = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
MaxStartups 100:30:200
MaxSessions 100
"""

_JOURNAL = """\
[Journal]
Storage=persistent
SystemMaxUse=200M
RateLimitIntervalSec=0
ReadKMsg=no
Audit=no
"""

PRESET = """\
enable ssh.service
enable stackproof-view.service
disable *
"""

FILES = {
    "usr/local/lib/stackproof/own-view": _VIEW,
    "etc/systemd/system/stackproof-view.service": _VIEW_UNIT,
    "etc/ssh/sshd_config.d/stackproof.conf": _SSHD,
    "etc/systemd/journald.conf.d/stackproof.conf": _JOURNAL,
    "etc/resolv.conf": "",
}
"""Text of files by path in the image. With an empty resolv.conf unknown names fail at once instead of after 10 s."""

MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "kmod-static-nodes.service",
    "man-db.timer",
    "proc-sys-fs-binfmt_misc.automount",
    "proc-sys-fs-binfmt_misc.mount",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-modules-load.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-pstore.service",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
    "systemd-udev-settle.service",
    "systemd-udev-trigger.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "systemd-udevd.service",
)
"""Units that have no use in a container, or would change the runner's kernel."""

NO_SYSCTL = ("50-pid-max.conf", "50-default.conf", "99-protect-links.conf")
"""sysctl files with settings of the whole kernel, which is the runner's: a lab host may set net.* only."""

_LEFT_BY_BUILD = ("etc/machine-id", "etc/hostname", "usr/sbin/policy-rc.d", "var/lib/dbus/machine-id")


def finish(root: Path) -> None:
    """Turn a fresh installation into a host's image: only sshd enabled, no identity, no leftovers of the build."""
    for name in _LEFT_BY_BUILD:
        (root / name).unlink(missing_ok=True)
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    for name, text in FILES.items():
        _write(root / name, text)
    (root / "usr/local/lib/stackproof/own-view").chmod(0o755)
    _disable_services(root)
    for unit in MASKED:
        _to_nowhere(root / "etc/systemd/system" / unit)
    for name in NO_SYSCTL:
        _to_nowhere(root / "etc/sysctl.d" / name)
    (root / "etc/machine-id").touch()


def _disable_services(root: Path) -> None:
    preset = root / "etc/systemd/system-preset/00-stackproof.preset"
    _write(preset, PRESET)
    run("systemctl", f"--root={root}", "preset-all")
    preset.unlink()
    # The effect of `update-rc.d disable`, without starting perl for every script.
    for link in root.glob("etc/rc[2345S].d/S*"):
        if not link.name.endswith(("ssh", "dbus", "kmod", "procps")):
            link.rename(link.with_name(f"K01{link.name[3:]}"))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)


def _to_nowhere(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/null")
