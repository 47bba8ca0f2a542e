"""Every power device answers the runner, and tells that its machine, which answers as well, is on."""

import pytest

from deploy import power

pytestmark = pytest.mark.precheck


def test_its_power_device_answers(node, expect):
    if node.power is None:
        expect.note("no power device; its power is not switched by anyone")
        return
    told = "on" if power.of(node).is_on() else "off"
    expect(f"power as told by {node.power.where}", told, "on", look=f"nodes.{node.name}.power in the inventory")
