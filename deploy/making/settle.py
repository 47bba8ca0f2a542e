"""Settling: waits until a step has no findings; the error lists the findings that remain."""

from collections.abc import Iterable

from deploy.errors import StackproofError, StepFailed
from deploy.finding import Finding
from deploy.host import Host, Hosts
from deploy.journal import JOURNAL
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Amiss
from deploy.wait import until

MOST = 3
"""Most hosts whose journals, and most findings whose hints, an error shows: one cause has many consequences."""


def until_well(site: Site, step: str, amiss: Amiss, *, timeout: float) -> None:
    """Wait until `amiss` yields no finding about the step.

    Raises StepFailed after `timeout` seconds, or at once where a finding is final. The error lists every finding and
    contains the last journal lines of the units concerned.
    """
    last: list[Finding] = []

    def findings() -> list[Finding]:
        with Snapshot(site, step) as now:
            last[:] = [found for found in now.findings(amiss) if not found.foreign]
        return list(last)

    try:
        until(
            findings,
            ready=lambda found: not found,
            error=lambda found: any(each.final for each in found),
            timeout=timeout,
            interval=0.5,
            backoff=0.02,
        )
    except StepFailed:
        raise _failure(site, last, timeout) from None


def _failure(site: Site, found: list[Finding], timeout: float) -> StepFailed:
    first = next((each for each in found if each.final), found[0])
    more = f" (and {len(found) - 1} more)" if found[1:] else ""
    return StepFailed(
        f"{first}{more}" + ("" if first.final or not timeout else f", still so after {timeout:g} s"),
        expected="no finding",
        seen="; ".join(map(str, found))[:2000],
        evidence=_journals(site, found),
        hint="; ".join(list(dict.fromkeys(_hints(found)))[:MOST]),
    )


def _hints(found: Iterable[Finding]) -> Iterable[str]:
    """Yield the findings' own hints, then the journalctl commands for units of findings without one."""
    yield from (each.hint for each in found if each.hint)
    for host, units in _units(each for each in found if not each.hint).items():
        yield f"journalctl -u {' -u '.join(units)} on {host}"


def _units(found: Iterable[Finding]) -> dict[str, list[str]]:
    """Return the units of the findings by host name, without duplicates."""
    units: dict[str, list[str]] = {}
    for each in found:
        if each.unit and each.unit not in units.setdefault(each.host, []):
            units[each.host].append(each.unit)
    return units


_JOURNAL = """\
for unit; do echo "$unit:"; journalctl -q --no-pager -o cat -n 12 -u "$unit"; done
crm_mon -1 --exclude=all --include=failcounts,failures 2>/dev/null || :
"""


def _journals(site: Site, found: Iterable[Finding]) -> str:
    """Return the last journal lines of those units, and the failures that Pacemaker has recorded."""
    units = {name: those for name, those in _units(found).items() if name in site.hosts}
    hosts = Hosts(site.hosts[name] for name in list(units)[:MOST])
    texts = hosts.each(lambda host: _journal(host, units[host.name]))
    return JOURNAL.redact("\n".join(f"{name}, {text}" for name, text in texts.items()))


def _journal(host: Host, units: list[str]) -> str:
    try:
        return host.run("exec sh -s --" + " %s" * len(units), *units, stdin=_JOURNAL, timeout=30).out.strip()
    except StackproofError as error:
        return f"none: {error.what}"
