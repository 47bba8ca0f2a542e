"""Virtualisation by trial: a guest is booted with KVM, since CPU flags and /dev/kvm do not prove that it works."""

import shlex

from deploy.facts import virt
from deploy.guest import GuestImage, trial
from deploy.host import STATE, Host
from deploy.site import Site

TRIAL = 12
"""Seconds a trial boot may take: two are usual with working KVM, and a broken KVM hangs."""


def find(site: Site, image: GuestImage) -> None:
    """Run the trial on every compute; each keeps its result for later readings."""
    site.members("nova-compute").each(lambda host: found(host, image))


def found(host: Host, image: GuestImage) -> str:
    """Return `kvm` where a guest boots with it, else `qemu`; one trial per boot of the host, which keeps the result."""
    if kept := virt.kept(host):
        return kept
    virt_type = "kvm" if _boots(host, image) else "qemu"
    host.check(f"mkdir -p {STATE} && echo {virt_type} $(cat {virt.BOOT}) > {virt.KEPT}")
    return virt_type


def _boots(host: Host, image: GuestImage) -> bool:
    folder = host.check("mktemp -d /var/tmp/stackproof-trial.XXXXXX").strip()
    try:
        if image.kernel and image.ramdisk:
            host.check("cat > %s/kernel", folder, stdin=image.kernel.read_bytes())
            host.check("cat > %s/ramdisk", folder, stdin=image.ramdisk.read_bytes())
            boot, sign = shlex.join(trial.command("kernel", "ramdisk", "kvm")), trial.TRIAL_OK
        else:
            host.check("cat > %s/disk", folder, stdin=image.disk.read_bytes())
            drive = f"-drive file=disk,format={image.disk_format},if=virtio,snapshot=on"
            boot = f"qemu-system-x86_64 -M pc,accel=kvm -m 192 -display none -serial stdio -no-reboot -nic none {drive}"
            sign = "Linux version"
        return sign in host.run(f"cd %s && timeout {TRIAL} {boot} < /dev/null 2>&1", folder, timeout=TRIAL + 10).out
    finally:
        host.run("rm -rf %s", folder)
