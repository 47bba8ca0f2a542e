"""Virtualisation by trial: the host runs code under KVM, in memory only, since CPU flags and /dev/kvm prove nothing."""

from dataclasses import dataclass

from deploy.facts.virt import BOOT, KEPT
from deploy.host import Reads

# The host runs the best trial it has the means for: its own kernel under QEMU, else QEMU's firmware, else a few
# instructions through the kernel's KVM API (Documentation/virt/kvm/api.rst; real mode, one page of memory: store a
# value, halt). Firmware without a disk reboots, which ends QEMU. A broken KVM may hang, hence the time-outs.
_ASK = f"""export LC_ALL=C
qemu=$(command -v qemu-system-x86_64)
kernel=$(ls /boot/vmlinuz-* 2>/dev/null | tail -n 1)
boots() {{
  what=$1 accelerator=$2 sign=$3; shift 3
  said=$(timeout -k 1 12 "$qemu" -machine "pc,accel=$accelerator" -nodefaults -display none -no-reboot "$@" \\
    2>&1 < /dev/null)
  code=$?
  case $said in
    *"$sign"*) echo "$what $accelerator works" ;;
    *) [ $code -ge 124 ] && said="hung" || said=$(echo "$said" | tr '\\n' ' ' | cut -c 1-200)
       echo "$what $accelerator fails $said" ;;
  esac
}}
firmware() {{
  boots firmware "$1" "No bootable device" -m 16 -boot reboot-timeout=1 \\
    -chardev stdio,id=log -device isa-debugcon,iobase=0x402,chardev=log
}}
kernel() {{ boots kernel kvm "Linux version" -m 256 -serial stdio -kernel "$kernel" -append "console=ttyS0 panic=-1"; }}
instructions() {{
  timeout -k 1 5 perl - <<'PERL'
use strict;
sub ask {{
  my ($file, $number, $argument, $name) = @_;
  my $result = ioctl($file, $number, $argument);
  return $result + 0 if defined $result;
  print "instructions kvm fails $name: $!\\n";
  exit;
}}
sysopen(my $kvm, "/dev/kvm", 2) or do {{ print "instructions kvm fails open: $!\\n"; exit }};
open(my $machine, "+<&=", ask($kvm, 0xAE01, 0, "KVM_CREATE_VM"));
my $memory = "\\0" x 12288;
my $skip = -unpack("J", pack("P", $memory)) & 4095;
substr($memory, $skip, 7) = "\\xb8\\x34\\x12\\xa3\\x00\\x01\\xf4"; # mov ax, 0x1234; mov [0x100], ax; hlt
my $page = unpack("J", pack("P", $memory)) + $skip;
ioctl($machine, 0xAE47, 0xfffbd000); # KVM_SET_TSS_ADDR, which older Intel processors need
ask($machine, 0x4020AE46, pack("LLQQQ", 0, 0, 0, 4096, $page), "KVM_SET_USER_MEMORY_REGION");
open(my $processor, "+<&=", ask($machine, 0xAE41, 0, "KVM_CREATE_VCPU"));
my $special = "\\0" x 312;
ask($processor, 0x8138AE83, $special, "KVM_GET_SREGS");
substr($special, 0, 8) = pack("Q", 0); # code segment: base and selector 0
substr($special, 12, 2) = pack("S", 0);
ask($processor, 0x4138AE84, $special, "KVM_SET_SREGS");
ask($processor, 0x4090AE82, pack("Q18", (0) x 17, 2), "KVM_SET_REGS");
ask($processor, 0xAE80, 0, "KVM_RUN");
my $sign = unpack("S", substr($memory, $skip + 256, 2));
print "instructions kvm ", $sign == 0x1234 ? "works" : "fails the instructions were not run", "\\n";
PERL
  case $? in 0) ;; 127) echo "instructions kvm untried" ;; *) echo "instructions kvm fails hung" ;; esac
}}
[ -e {KEPT} ] && read -r type boot < {KEPT} && [ "$boot" = "$(cat {BOOT})" ] && echo "build $type"
[ -z "$qemu" ] || firmware tcg
[ -c /dev/kvm ] || exit 0
echo device
if [ -n "$qemu" ] && [ -n "$kernel" ]; then kernel; elif [ -n "$qemu" ]; then firmware kvm; else instructions; fi
"""
TRIALS = {
    "kernel": "a kernel under QEMU",
    "firmware": "QEMU's firmware, but no kernel (there is none in /boot)",
    "instructions": "a few instructions, but no kernel (there is no QEMU yet)",
}


@dataclass(frozen=True)
class Virtualisation:
    """The results of the trials."""

    device: bool = False
    """True where /dev/kvm exists."""
    trial: str = ""
    """The code that was run under KVM: `kernel`, `firmware` or `instructions`; empty: the host lacked the means."""
    kvm: bool = False
    """True where the trial ran."""
    why: str = ""
    """Why the trial failed."""
    emulation: bool | None = None
    """True where QEMU boots its firmware without KVM; None: QEMU is not installed yet."""
    build: str = ""
    """`kvm` or `qemu`: the type with which a build booted the guest image since the host's boot; empty: none did."""

    @property
    def possible(self) -> bool:
        """True where instances can run, by KVM or emulated; QEMU that is not installed yet counts as working."""
        return self.kvm or self.emulation is not False

    def __str__(self) -> str:
        built = f"; the build's guest ran with {self.build}" if self.build else ""
        if not self.device:
            return f"no /dev/kvm: instances are emulated, which is many times slower{built}"
        if not self.trial:
            return f"/dev/kvm is there, and neither QEMU nor perl to try it with{built}"
        if not self.kvm:
            return (
                f"KVM does not run {TRIALS[self.trial].partition(',')[0]} ({self.why}): instances are emulated{built}"
            )
        return f"KVM runs {TRIALS[self.trial]}{built}"


def tried(host: Reads) -> Virtualisation:
    """Run the trials on one host, in one round trip of at most 26 s."""
    return parse(host.run("exec sh -s", stdin=_ASK).out)


def parse(text: str) -> Virtualisation:
    """Parse lines of `<trial> kvm|tcg works|fails <why>`, `device`, and `build <type>`."""
    results: dict[str, tuple[str, str]] = {}
    build = ""
    for line in text.splitlines():
        words = line.split(maxsplit=3)
        if len(words) >= 3 and words[1] in {"kvm", "tcg"} and words[2] in {"works", "fails"}:
            results[f"{words[0]} {words[1]}"] = (words[2], words[3] if len(words) > 3 else "")
        elif len(words) == 2 and words[0] == "build":
            build = words[1]
    trial = next((name for name in TRIALS if f"{name} kvm" in results), "")
    verdict, why = results.get(f"{trial} kvm", ("", ""))
    emulated = results.get("firmware tcg")
    return Virtualisation(
        device="device" in text.splitlines(),
        trial=trial,
        kvm=verdict == "works",
        why=why.strip(),
        emulation=None if emulated is None else emulated[0] == "works",
        build=build,
    )
