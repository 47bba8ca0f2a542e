"""The benchmark of the cloud: Rally's report is read as its version 4.1 writes it."""

import json

import pytest

from deploy.errors import StackproofError
from fixtures.bench_cloud import ACTIVE, ATTACH, DELETE, PING, SSH, read


def report(*iterations):
    data = [
        {"error": error, "atomic_actions": [{"name": n, "started_at": 10.0, "finished_at": 10.0 + s} for n, s in took]}
        for error, took in iterations
    ]
    return json.dumps({"info": {}, "tasks": [{"subtasks": [{"workloads": [{"data": data}]}]}]})


def test_the_seconds_of_both_scenarios_are_read():
    boot = [
        ("nova.boot_server", 8.0),
        ("neutron.create_floating_ip", 0.5),
        ("nova.associate_floating_ip", 1.0),
        ("vm.wait_for_ping", 0.5),
        ("vm.wait_for_ssh", 5.0),
        ("nova.delete_server", 3.0),
    ]
    volume = [("nova.boot_server", 8.0), ("nova.attach_volume", 4.0)]
    assert read(report(([], boot), ([], volume))) == {
        ACTIVE: [8.0],
        PING: [2.0],
        SSH: [15.0],
        DELETE: [3.0],
        ATTACH: [4.0],
    }


def test_a_failed_scenario_is_an_error_with_its_reason():
    with pytest.raises(StackproofError, match="no valid host"):
        read(report((["NoValidHost", "no valid host", "trace"], [])))
