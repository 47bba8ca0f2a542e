"""Defects of the platform's packages: which of those we know a host still has."""

from collections.abc import Sequence

from deploy.host import Reads
from deploy.platforms import Defect


def left(host: Reads, known: Sequence[Defect]) -> list[Defect]:
    """Those whose line is in their file; where there is no such file there is no defect. Reads only."""
    asked = (f"! grep -qxF -e %s -- %s 2>/dev/null || echo {number}" for number in range(len(known)))
    words = (word for defect in known for word in (defect.line, defect.path))
    return [known[int(number)] for number in host.check("; ".join([*asked, ":"]), *words).split()]
