"""Virtualisation: what was found to work on a compute, as long as it has not booted since."""

from deploy.host import STATE, Reads

KEPT = f"{STATE}/virt-type"
BOOT = "/proc/sys/kernel/random/boot_id"


def kept(host: Reads) -> str:
    """`kvm` or `qemu`; empty where nobody tried since the host booted."""
    said = host.run(
        f"[ -c /dev/kvm ] || {{ echo qemu; exit; }}; read -r type boot < {KEPT} &&"
        f' [ "$boot" = "$(cat {BOOT})" ] && echo "$type"'
    ).out
    return parse(said)


def parse(text: str) -> str:
    """What it is, or nothing."""
    found = text.strip()
    return found if found in {"kvm", "qemu"} else ""
