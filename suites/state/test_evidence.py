"""Evidence: since the build, or since --since, no service lost a thread, and no kernel or clock reported trouble."""

import pytest

from deploy.facts import kernel, uncaught


def test_no_exception_was_left_uncaught(readings, reader, node, expect):
    """A service that logs what it handles prints a bare traceback only where a thread or a request ended for it."""
    expect.that(
        "exceptions that no service handled",
        not (found := uncaught.read(reader, readings.since)),
        seen=found,
        expected="none: a thread that ended does its work no more, while the service reports itself alive",
        look="journalctl -u <unit> -g Traceback; restart the unit, and --since=TIME leaves out older lines",
    )


def test_kernel_and_clock_report_no_trouble(readings, reader, node, standing, expect):
    seen = kernel.read(reader, standing.catalogue["chrony"].unit, readings.since)
    expect.that(
        "trouble that the kernel or the clock reported",
        not seen.troubles,
        seen=seen.troubles,
        expected="none",
        look="journalctl -k; journalctl -u chrony",
    )
    if seen.container and not seen.known:
        pytest.skip("not known: a container has no kernel log of its own; the one of its machine has the messages")
    expect.that(
        "the kernel's messages in the journal",
        seen.known,
        seen="none: what the kernel reports is not known",
        expected="at least those of the boot",
        look="journalctl _TRANSPORT=kernel; ReadKMsg= in journald.conf",
    )
