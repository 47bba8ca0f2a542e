"""Every machine runs the platform that the inventory names."""

import pytest

from deploy.facts import machine

pytestmark = pytest.mark.precheck


def test_distribution_is_the_platforms(node, reader, standing, expect):
    wanted = standing.platform.os_release
    seen = machine.read(reader).os_release
    expect("distribution", {key: seen.get(key, "") for key in wanted}, wanted, look="/etc/os-release")


def test_architecture_is_the_platforms(node, reader, standing, expect):
    known, seen = standing.platform.architectures, machine.read(reader).architecture
    expect.that("architecture", seen in known, seen=seen, expected=" or ".join(known), look="uname -m")


def test_systemd_is_process_1(node, reader, expect):
    expect("process 1", machine.read(reader).init, "systemd", look="ps -p 1")
