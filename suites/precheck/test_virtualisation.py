"""Every compute can run instances, with KVM or by emulation; the check tries it."""

import pytest

from deploy.facts import virtualisation

pytestmark = [pytest.mark.precheck, pytest.mark.project("nova-compute")]


def test_compute_can_run_instances(compute, reader, expect):
    result = virtualisation.tried(reader)
    expect.that("virtualisation", result.possible, seen=result, expected="KVM, or emulation by QEMU", look="dmesg")
    expect.note(str(result))
