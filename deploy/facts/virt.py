"""Virtualisation: the type (`kvm` or `qemu`) that the build found to work since the compute's boot."""

from deploy.host import STATE, Reads

KEPT = f"{STATE}/virt-type"
BOOT = "/proc/sys/kernel/random/boot_id"


def kept(host: Reads) -> str:
    """Return `kvm` or `qemu`; empty where no build tried since the host's boot."""
    output = host.run(
        f"[ -c /dev/kvm ] || {{ echo qemu; exit; }}; read -r type boot < {KEPT} &&"
        f' [ "$boot" = "$(cat {BOOT})" ] && echo "$type"'
    ).out
    return parse(output)


def parse(text: str) -> str:
    """Return `kvm` or `qemu`; empty for any other text."""
    found = text.strip()
    return found if found in {"kvm", "qemu"} else ""
