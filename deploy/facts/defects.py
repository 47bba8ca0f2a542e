"""Defects of the platform's packages: the known defects, and those a host still has."""

from collections.abc import Sequence

from deploy.catalogue import Catalogue
from deploy.defect import Defect
from deploy.facts.ended import END, whole
from deploy.host import Reads
from deploy.platforms import Platform


def known(platform: Platform, catalogue: Catalogue) -> tuple[Defect, ...]:
    """Return the known defects of the platform and of each project on it."""
    return (*platform.defects, *(defect for project in catalogue.projects for defect in project.defects))


def left(host: Reads, of: Sequence[Defect]) -> list[Defect]:
    """Return the defects of `of` whose line is in their file; CommandFailed without a whole answer. Reads only.

    A missing file means no defect.
    """
    asked = (f"! grep -qxF -e %s -- %s 2>/dev/null || echo {number}" for number in range(len(of)))
    words = (word for defect in of for word in (defect.line, defect.path))
    text = host.check("; ".join([*asked, f"echo {END}"]), *words)
    return [of[int(number)] for number in whole(host, "defects of its packages", text).split()]
