"""Every power device answers the runner, and reports its machine as on, because the machine itself answers."""

import pytest

from deploy import power

pytestmark = pytest.mark.precheck


def test_power_device_reports_on(node, expect):
    if node.power is None:
        expect.note("no power device; nothing switches its power")
        return
    state = "on" if power.of(node).is_on() else "off"
    expect(f"power reported by {node.power.where}", state, "on", look=f"nodes.{node.name}.power in the inventory")
