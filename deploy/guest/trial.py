"""Boots a built guest under QEMU and times it; on a compute the same command proves whether KVM works."""

import os
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from deploy.guest.image import GuestImage, GuestImageError
from deploy.guest.packages import install_missing, tail

Accelerator = Literal["kvm", "tcg"]
TRIAL_OK = "stackproof trial ok"
"""The output of a guest with `stackproof.trial` on its kernel command line, before it powers off."""
TRIAL_MIB = 128

_TOOLS = {"qemu-system-x86_64": "qemu-system-x86"}
_MARKS = {"user space": "stackproof guest starting", "address": "eth0: 10."}


def command(kernel: str, ramdisk: str, accelerator: Accelerator) -> list[str]:
    """Return a QEMU command that boots the guest without disk and network, prints TRIAL_OK on stdout and ends.

    The caller sets a deadline, because a broken KVM may hang: 20 s are ample for KVM, 60 s for emulation.
    """
    return _qemu(kernel, ramdisk, accelerator, "quiet stackproof.trial")


def try_out(image: GuestImage, accelerator: Accelerator = "tcg", timeout: float = 60.0) -> dict[str, float]:
    """Return the seconds from QEMU's start to each mark of a boot; GuestImageError where one is missing at the timeout.

    Marks: trial (a boot with `stackproof.trial`), user space, address (a DHCP lease from QEMU's isolated network).
    """
    if not image.kernel or not image.ramdisk:
        raise GuestImageError(
            f"guest image {image.name} has no kernel of its own",
            expected="a guest built on the runner, whose console output is known",
            hint="run it without image.file and image.url in the inventory",
        )
    install_missing(_TOOLS)
    kernel, ramdisk = str(image.kernel), str(image.ramdisk)
    disk = ["-drive", f"file={image.disk},format={image.disk_format},if=virtio,snapshot=on"]
    network = ["-nic", "user,model=virtio-net-pci,restrict=on", "-device", "virtio-rng-pci"]
    full = [*_qemu(kernel, ramdisk, accelerator, "root=/dev/vda"), *disk, *network]
    short = command(kernel, ramdisk, accelerator)
    return {**watch(short, {"trial": TRIAL_OK}, timeout), **watch(full, _MARKS, timeout)}


def _qemu(kernel: str, ramdisk: str, accelerator: Accelerator, arguments: str) -> list[str]:
    machine = ["-machine", f"pc,accel={accelerator}", "-m", str(TRIAL_MIB), "-nodefaults", "-no-reboot"]
    # On a busy machine an emulated timer is late, and the kernel would take it for broken.
    system = ["-kernel", kernel, "-initrd", ramdisk, "-append", f"console=ttyS0 no_timer_check {arguments}"]
    return ["qemu-system-x86_64", *machine, "-display", "none", "-serial", "stdio", *system]


def watch(argv: Sequence[str], marks: dict[str, str], timeout: float) -> dict[str, float]:
    """Run a program until its output holds every mark; return the seconds to each mark. The program is then killed."""
    began = time.monotonic()
    times: dict[str, float] = {}
    output = ""
    reading, writing = os.pipe()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=writing, stderr=writing)
    os.close(writing)
    try:
        while len(times) < len(marks):
            ready, _, _ = select.select([reading], [], [], max(0.0, began + timeout - time.monotonic()))
            chunk = os.read(reading, 65536) if ready else b""
            now = time.monotonic() - began
            if not chunk:
                raise _silent(argv, marks, times, output, now)
            output += chunk.decode(errors="replace")
            times |= {name: now for name, text in marks.items() if name not in times and text in output}
    finally:
        process.kill()
        process.wait()
        os.close(reading)
    return times


def _silent(
    argv: Sequence[str], marks: dict[str, str], times: dict[str, float], output: str, seconds: float
) -> GuestImageError:
    missing = [text for name, text in marks.items() if name not in times]
    return GuestImageError(
        f"the guest did not boot under {Path(argv[0]).name} ({argv[2]})",
        expected=f"{', '.join(repr(text) for text in missing)} on its console",
        seen=f"after {seconds:.1f} s: {tail(output) or 'no output'}",
    )
