"""Whether a cluster is whole: what is amiss with all its steps. Whoever asks here can apply nothing."""

from collections.abc import Sequence

from deploy import steps
from deploy.finding import Finding
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Amiss


def inspections(site: Site) -> dict[str, Amiss]:
    """What finds what is amiss, by the steps' names: each after those it requires, so causes before consequences.

    The steps that ask the cloud's own APIs, which cost most, are the last.
    """
    return {step.name: step.amiss for step in steps.of(site.catalogue)}


def findings(site: Site) -> list[tuple[str, Finding]]:
    """All that is amiss, each with its step's name. A host that does not answer is one finding, and hides no other."""
    with Snapshot(site) as now:
        return [(name, found) for name, amiss in inspections(site).items() for found in now.findings(amiss)]


def table(found: Sequence[tuple[str, Finding]]) -> list[str]:
    """Lines with a column each for step, host and what is amiss, below a heading."""
    rows = [("step", "host", "what is amiss"), *((step, each.host or "-", each.what) for step, each in found)]
    step_width, host_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"{step:<{step_width}}  {host:<{host_width}}  {what}" for step, host, what in rows]
