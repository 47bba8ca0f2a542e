"""Facts of what an operator left behind: each reads what is there, and says where it got no answer."""

import json
import os
import subprocess

import pytest

from deploy import platforms
from deploy.facts import debugging, etcd, galera, haproxy, interfaces, rabbitmq, systemd
from deploy.facts.haproxy import Target
from deploy.facts.interfaces import Route
from deploy.host.result import spelled

GARBAGE = ["", "garbage", "{", "[1]", "null", "a\tb"]


def test_variable_set_by_a_client_has_its_value_and_its_default():
    text = "answered\nLONG_QUERY_TIME\t1.000000\t10.000000\nREAD_ONLY\tON\tOFF\n"
    assert galera.parse_by_hand(text) == {
        "long_query_time": galera.Override("1.000000", "10.000000"),
        "read_only": galera.Override("ON", "OFF"),
    }


def test_database_without_such_variables_is_told_from_one_that_does_not_answer():
    assert galera.parse_by_hand("answered\n") == {}
    assert [galera.parse_by_hand(text) for text in GARBAGE] == [None] * len(GARBAGE)


def test_target_of_each_server_has_its_address_and_both_weights(recording):
    targets = haproxy.parse_targets(recording("haproxy", "targets"))
    assert targets["keystone", "controller02"] == Target("172.16.181.32", "5000", "1", "1")
    assert len(targets) > 20


def test_weight_set_by_hand_differs_from_the_configured_one(recording):
    text = recording("haproxy", "targets").replace("keystone 2 controller02 172.16.181.32 2 0 1 1", "{}")
    text = text.replace("{}", "keystone 2 controller02 172.16.181.32 2 0 0 1")
    assert str(haproxy.parse_targets(text)["keystone", "controller02"]) == "172.16.181.32:5000, weight 0 instead of 1"


@pytest.mark.parametrize("text", [*GARBAGE, "1\n# be_id be_name\n3 galera\n", "1\n# \n\n"])
def test_haproxy_that_does_not_answer_has_no_targets(text):
    assert haproxy.parse_targets(text) == {}


def test_broker_as_built_has_one_virtual_host_and_nothing_else(recording):
    assert rabbitmq.parse_runtime(recording("rabbitmq", "runtime")) == rabbitmq.Runtime(hosts=("/",), level="info")


def test_broker_that_an_operator_changed_says_so(recording):
    text = recording("rabbitmq", "runtime").replace('"drained":false', '"drained":true').replace("info", "debug")
    found = rabbitmq.parse_runtime(text.replace('"policies":[]', '"policies":["b","a"]'))
    assert (found.drained, found.level, found.policies) == (True, "debug", ("a", "b"))


@pytest.mark.parametrize("text", [*GARBAGE, '{"hosts": 1}', "{}"])
def test_broker_that_does_not_answer_is_unknown(text):
    assert rabbitmq.parse_runtime(text) is None


def test_registered_members_have_their_names(recording):
    found = etcd.parse_registered(recording("etcd", "registered"))
    assert {entry.name for entry in found} == {"controller01", "controller02", "controller03"}
    assert not any(entry.learner for entry in found)


def test_learner_without_a_name_is_listed(recording):
    listed = json.loads(recording("etcd", "registered"))
    listed["members"].append({"ID": 1, "peerURLs": ["http://10.9.9.9:2380"], "isLearner": True})
    assert etcd.parse_registered(json.dumps(listed))[-1] == etcd.Registered(
        "", ("http://10.9.9.9:2380",), learner=True, identifier="1"
    )


@pytest.mark.parametrize("text", [*GARBAGE, "{}", '{"members": [{}]}'])
def test_etcd_that_does_not_answer_lists_no_member(text):
    assert etcd.parse_registered(text) == ()


def test_routes_have_their_gateway_and_their_kind():
    routes = [
        {"dst": "10.1.0.0/24", "dev": "eth0", "scope": "link"},
        {"dst": "10.1.0.9", "gateway": "10.1.0.1", "dev": "eth0"},
        {"type": "blackhole", "dst": "10.1.0.8"},
    ]
    found = interfaces.parse_within(json.dumps(routes))
    assert found[0] == Route("10.1.0.0/24", "eth0")
    assert [str(each) for each in found] == [
        "10.1.0.0/24 over eth0",
        "10.1.0.9 via 10.1.0.1",
        "blackhole 10.1.0.8",
    ]
    assert [interfaces.parse_within(text) for text in GARBAGE] == [[]] * len(GARBAGE)


def test_overrides_are_the_files_below_etc_and_run(recording):
    assert systemd.parse_overrides(recording("systemd", "overrides")) == {
        "chrony": ("/etc/systemd/system/chrony.service.d/stackproof.conf",),
        "haproxy": (
            "/run/systemd/system/haproxy.service.d/50-pacemaker.conf",
            "/etc/systemd/system/haproxy.service.d/stackproof.conf",
        ),
        "memcached": (),
        "none": (),
    }
    assert [systemd.parse_overrides(text) for text in GARBAGE] == [{}] * len(GARBAGE)


def debug_logs(folder):
    """The output of the script on this machine, with a folder in place of /var/log."""
    script = spelled(debugging._DEBUGGING, (f"{debugging.MINUTES} minutes ago",)).replace("/var/log", str(folder))
    return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)


def test_recent_debug_line_is_found_and_an_old_one_is_not(tmp_path):
    now = subprocess.check_output(["date", "+%F %T"], text=True).strip()
    for name, line in {
        "new": f"{now}.123 7 DEBUG nova [-] a",
        "old": "2020-01-01 00:00:00.123 7 DEBUG nova [-] a",
        "other": f"{now}.123 7 INFO nova [-] DEBUG",
        "empty": "",
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.log").write_text(f"{line}\n" if line else "")
    assert debug_logs(tmp_path).stdout.split() == [str(tmp_path / "new" / "x.log")]


def test_folder_without_logs_has_no_debug_line_and_a_missing_folder_is_an_error(tmp_path):
    found = debug_logs(tmp_path)
    assert (found.returncode, found.stdout) == (0, "")
    assert debug_logs(tmp_path / "absent").returncode


def test_held_packages_are_listed_without_their_architecture(tmp_path):
    dpkg = tmp_path / "dpkg"
    dpkg.write_text("#!/bin/sh\nprintf 'chrony\\t\\tinstall\\nlibc6:amd64\\t\\thold\\nnova-api\\t\\t\\t\\thold\\n'\n")
    assert _held(dpkg).stdout.split() == ["libc6", "nova-api"]
    dpkg.write_text("#!/bin/sh\nexit 2\n")
    assert _held(dpkg).returncode == 2


def _held(dpkg):
    dpkg.chmod(0o755)
    script = platforms.load("debian-12").manager.held
    environment = {**os.environ, "PATH": f"{dpkg.parent}:{os.environ['PATH']}"}
    return subprocess.run(["sh", "-s"], input=script, env=environment, capture_output=True, text=True, check=False)
