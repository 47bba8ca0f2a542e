"""Logs: since the build, or since --since, no service logged a critical error, a storm of tracebacks or a crash."""

from pathlib import Path

import pytest

from deploy.facts import logs

STORM = 10
"""Tracebacks allowed within ten minutes. A service writes a few when it starts, or loses one member of the database or
the queue. A service that lost all members and retries writes more than one a minute."""


@pytest.mark.parametrize("kind", ["critical", "crash"])
def test_log_has_no_critical_error_or_crash(readings, reader, unit, kind, expect):
    found = troubles(readings, reader, unit, kind)
    expect.that(
        f"log lines of unit {unit.name} of kind {kind}",
        not found,
        seen=found,
        expected=f"none {period(readings)}",
        look=places(unit),
    )


def test_log_has_no_traceback_storm(readings, reader, unit, expect):
    found = [trouble for trouble in troubles(readings, reader, unit, "traceback") if trouble.most > STORM]
    expect.that(
        f"tracebacks of unit {unit.name}",
        not found,
        seen=found,
        expected=f"at most {STORM} within ten minutes, {period(readings)}",
        look=places(unit),
    )


def test_no_other_program_crashed(readings, reader, node, expect):
    ours = {name for service in readings.site.catalogue.on(node) for name in names(service)}
    every = logs.troubles(reader, readings.since)
    found = [trouble for trouble in every if trouble.kind == "crash" and trouble.source not in ours]
    expect.that(
        "crashes of programs that belong to no service of the catalogue",
        not found,
        seen=found,
        expected=f"none {period(readings)}",
        look="journalctl",
    )


def troubles(readings, reader, unit, kind):
    ours = names(unit.service)
    every = logs.troubles(reader, readings.since)
    return [trouble for trouble in every if trouble.kind == kind and trouble.source in ours]


def names(service):
    """The names of a service's logs: its unit, and its WSGI program where it has one."""
    return {service.unit, *([Path(service.program).name] if service.program else [])}


def period(readings):
    return f"since {readings.since}" if readings.since else "since the build"


def places(unit):
    return f"journalctl -u {unit.name}, and its log below /var/log; --since=TIME leaves out older lines"
