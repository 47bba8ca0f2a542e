"""Modules of the kernel: which of those that services need a host's kernel lacks."""

from collections.abc import Iterable

from deploy.facts.ended import END, whole
from deploy.host import Reads


def lacking(host: Reads, names: Iterable[str]) -> tuple[str, ...]:
    """Return the modules that are neither loaded, nor built in, nor can be loaded; CommandFailed without an answer."""
    asked = list(names)
    text = host.check("exec sh -s --" + " %s" * len(asked), *asked, stdin=_SCRIPT, timeout=30)
    return parse(whole(host, "kernel modules", text))


def parse(text: str) -> tuple[str, ...]:
    """Parse lines of `lacks NAME`; other lines are skipped."""
    return tuple(line.split()[1] for line in text.splitlines() if line.startswith("lacks ") and len(line.split()) == 2)


# modprobe knows those that are built in. It changes nothing with -n.
_SCRIPT = f"""\
for name; do [ -d "/sys/module/$name" ] || modprobe -n -q -- "$name" || echo "lacks $name"; done
echo {END}
"""
