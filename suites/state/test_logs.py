"""Logs: since the last change by a build, or --since, no service logged a critical error, many tracebacks or a crash.

A log or journal that cannot be read is red as well: the trouble in it is not known.
"""

from pathlib import Path

import pytest

from deploy.facts import logs
from deploy.facts.logs import JOURNAL, UNKNOWN

STORM = 10
"""Tracebacks allowed within ten minutes; those of one request count once in ten seconds.

A service writes a few when it starts, or loses one member of the database or the queue. A service that lost all members
and retries writes more than one a minute.
"""


@pytest.mark.parametrize("kind", ["critical", "crash"])
def test_log_has_no_critical_error_or_crash(readings, reader, unit, kind, expect):
    seen = logs.read(reader, readings.since)
    found = [trouble for trouble in of_unit(seen, unit) if trouble.kind in {kind, UNKNOWN}]
    expect.that(
        f"log lines of unit {unit.name} of kind {kind}",
        not found,
        seen=found,
        expected=f"none since {seen.since}",
        look=places(unit),
    )


def test_log_has_no_traceback_storm(readings, reader, unit, expect):
    seen = logs.read(reader, readings.since)
    of_kind = [trouble for trouble in of_unit(seen, unit) if trouble.kind in {"traceback", UNKNOWN}]
    found = [trouble for trouble in of_kind if trouble.most > STORM or trouble.kind == UNKNOWN]
    expect.that(
        f"tracebacks of unit {unit.name}",
        not found,
        seen=found,
        expected=f"at most {STORM} within ten minutes since {seen.since}",
        look=places(unit),
    )


def test_no_other_program_crashed(readings, reader, node, expect):
    ours = {name for service in readings.site.catalogue.on(node) for name in names(service)}
    seen = logs.read(reader, readings.since)
    found = [trouble for trouble in seen.troubles if trouble.kind in {"crash", UNKNOWN} and trouble.source not in ours]
    expect.that(
        "crashes of programs that belong to no service of the catalogue",
        not found,
        seen=found,
        expected=f"none since {seen.since}",
        look="journalctl, and /var/log",
    )


def of_unit(seen, unit):
    """The trouble of one unit; a host whose journal is not known has it for every unit."""
    ours = {*names(unit.service), JOURNAL}
    return [trouble for trouble in seen.troubles if trouble.source in ours]


def names(service):
    """The names of a service's logs: its unit, and its WSGI program where it has one."""
    return {service.unit, *([Path(service.program).name] if service.program else [])}


def places(unit):
    return f"journalctl -u {unit.name}, and its log below /var/log; --since=TIME leaves out older lines"
