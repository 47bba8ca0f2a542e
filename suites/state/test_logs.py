"""Logs: since the build, or since --since, no service told of a critical error, a storm of tracebacks or a crash."""

from pathlib import Path

import pytest

from deploy.facts import logs

STORM = 10
"""Tracebacks within ten minutes. A service that starts, or loses one member of the database or the queue, writes a few;
one that lost them all and tries again writes more than one a minute."""


@pytest.mark.parametrize("kind", ["critical", "crash"])
def test_it_tells_of_none(readings, reader, unit, kind, expect):
    found = told(readings, reader, unit, kind)
    expect.that(
        f"what unit {unit.name} tells of kind {kind}",
        not found,
        seen=found,
        expected=f"nothing {when(readings)}",
        look=where(unit),
    )


def test_it_tells_of_no_storm(readings, reader, unit, expect):
    found = [trouble for trouble in told(readings, reader, unit, "traceback") if trouble.most > STORM]
    expect.that(
        f"tracebacks of unit {unit.name}",
        not found,
        seen=found,
        expected=f"at most {STORM} within ten minutes, {when(readings)}",
        look=where(unit),
    )


def test_nothing_else_crashed(readings, reader, node, expect):
    ours = {name for service in readings.site.catalogue.on(node) for name in names(service)}
    seen = logs.troubles(reader, readings.since)
    found = [trouble for trouble in seen if trouble.kind == "crash" and trouble.source not in ours]
    expect.that(
        "crashes of what is no service of the catalogue",
        not found,
        seen=found,
        expected=f"none {when(readings)}",
        look="journalctl",
    )


def told(readings, reader, unit, kind):
    ours = names(unit.service)
    return [told for told in logs.troubles(reader, readings.since) if told.kind == kind and told.source in ours]


def names(service):
    """The names that a service's logs have: its unit's, or its WSGI program's."""
    return {service.unit, *([Path(service.program).name] if service.program else [])}


def when(readings):
    return f"since {readings.since}" if readings.since else "since the build"


def where(unit):
    return f"journalctl -u {unit.name}, and its log below /var/log; --since leaves out what is known"
