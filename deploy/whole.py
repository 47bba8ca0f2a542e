"""The findings of all steps of a cluster. Callers of this module cannot apply a step."""

from collections.abc import Sequence

from deploy import steps
from deploy.finding import Finding
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Amiss


def inspections(site: Site) -> dict[str, Amiss]:
    """Return each step's `amiss` function by step name, each after its required steps: causes before consequences.

    The steps that call the cloud's own APIs, which cost most, are the last.
    """
    return {step.name: step.amiss for step in steps.of(site.catalogue)}


def findings(site: Site) -> list[tuple[str, Finding]]:
    """Return all findings with their step's name. An unreachable host is one finding and hides no other."""
    with Snapshot(site) as now:
        return [(name, found) for name, amiss in inspections(site).items() for found in now.findings(amiss)]


def table(found: Sequence[tuple[str, Finding]]) -> list[str]:
    """Return lines with columns for step, host and finding, below a heading; what to do is a line below a finding."""
    rows = [("step", "host", "finding")]
    for step, each in found:
        rows.append((step, each.host or "-", each.what))
        if each.hint:
            rows.append(("", "", f"what to do: {each.hint}"))
    step_width, host_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"{step:<{step_width}}  {host:<{host_width}}  {what}" for step, host, what in rows]
