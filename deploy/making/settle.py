"""Settling: waiting until nothing is amiss, and the error that says what stays so."""

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
"""Hosts whose journals, and findings whose hints, an error shows: one cause has many consequences."""


def until_well(site: Site, step: str, amiss: Amiss, *, timeout: float) -> None:
    """Wait until `amiss` yields nothing about the step.

    StepFailed after `timeout` seconds, or at once where a finding does not pass by itself. It lists every finding, and
    has the last lines of the journals of units that are amiss.
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
            rarer=0.02,
        )
    except StepFailed:
        raise _failure(site, last, timeout) from None


def _failure(site: Site, found: list[Finding], timeout: float) -> StepFailed:
    first = next((each for each in found if each.final), found[0])
    more = f" (and {len(found) - 1} more)" if found[1:] else ""
    return StepFailed(
        f"{first}{more}" + ("" if first.final or not timeout else f", still so after {timeout:g} s"),
        expected="nothing amiss",
        seen="; ".join(map(str, found))[:2000],
        evidence=_last_words(site, found),
        hint="; ".join(list(dict.fromkeys(_hints(found)))[:MOST]),
    )


def _hints(found: Iterable[Finding]) -> Iterable[str]:
    """What to do, the findings' own words first; then where to read why units are amiss."""
    yield from (each.hint for each in found if each.hint)
    for host, units in _units(each for each in found if not each.hint).items():
        yield f"journalctl -u {' -u '.join(units)} on {host}"


def _units(found: Iterable[Finding]) -> dict[str, list[str]]:
    """The units that are amiss, each once, by their hosts' names."""
    units: dict[str, list[str]] = {}
    for each in found:
        if each.unit and each.unit not in units.setdefault(each.host, []):
            units[each.host].append(each.unit)
    return units


_LAST_WORDS = """\
for unit; do echo "$unit:"; journalctl -q --no-pager -o cat -n 12 -u "$unit"; done
crm_mon -1 --exclude=all --include=failcounts,failures 2>/dev/null || :
"""


def _last_words(site: Site, found: Iterable[Finding]) -> str:
    """What those units said last, and what Pacemaker holds against any."""
    units = {name: those for name, those in _units(found).items() if name in site.hosts}
    hosts = Hosts(site.hosts[name] for name in list(units)[:MOST])
    words = hosts.each(lambda host: _said(host, units[host.name]))
    return JOURNAL.redact("\n".join(f"{name}, {text}" for name, text in words.items()))


def _said(host: Host, units: list[str]) -> str:
    try:
        return host.run("exec sh -s --" + " %s" * len(units), *units, stdin=_LAST_WORDS, timeout=30).out.strip()
    except StackproofError as error:
        return f"none: {error.what}"
