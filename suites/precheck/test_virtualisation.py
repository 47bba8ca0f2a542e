"""Every compute can run instances: by trial, with KVM or by emulation."""

import pytest

from deploy.facts import virtualisation

pytestmark = [pytest.mark.precheck, pytest.mark.project("nova-compute")]


def test_something_runs_virtualised(compute, reader, expect):
    seen = virtualisation.tried(reader)
    expect.that("virtualisation", seen.possible, seen=seen, expected="KVM, or QEMU that emulates", look="dmesg")
    expect.note(str(seen))
