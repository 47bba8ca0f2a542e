"""Every machine runs the platform that the inventory names: its distribution, an architecture, and systemd."""

import pytest

from deploy.facts import machine

pytestmark = pytest.mark.precheck


def test_distribution_is_the_platforms(node, reader, standing, expect):
    wanted = standing.platform.os_release
    release = machine.read(reader).os_release
    expect("distribution", {key: release.get(key, "") for key in wanted}, wanted, look="/etc/os-release")


def test_architecture_is_the_platforms(node, reader, standing, expect):
    known, own = standing.platform.architectures, machine.read(reader).architecture
    expect.that("architecture", own in known, seen=own, expected=" or ".join(known), look="uname -m")


def test_systemd_is_process_1(node, reader, expect):
    expect("process 1", machine.read(reader).init, "systemd", look="ps -p 1")
