"""Facts of Pacemaker: the members online, quorum, and the nodes each resource runs on."""

import pytest

from deploy.facts import pacemaker

ALL = ("controller01", "controller02", "controller03")
WITHOUT_2 = ("controller01", "controller03")


@pytest.fixture
def status(recording):
    return lambda case: pacemaker.parse(recording("pacemaker", case))


def test_a_whole_cluster(status):
    whole = status("whole")
    assert (whole.online, whole.quorum, whole.fencing, whole.failed) == (ALL, True, True, ())


def test_resources_are_listed_by_primitive_with_their_nodes(status):
    running = status("whole").running
    assert running["vip"] == ("controller03",)
    assert running["haproxy"] == running["neutron-rpc-server"] == ALL
    assert running["fence-controller01"] == ("controller02",)
    assert "haproxy-clone" not in running


@pytest.mark.parametrize("case", ["one-offline", "one-pending"])
def test_a_member_that_is_away_is_not_online_and_runs_nothing(status, case):
    assert status(case).online == WITHOUT_2
    assert status(case).running["haproxy"] == WITHOUT_2
    assert status(case).quorum


def test_a_resource_on_an_unclean_node_does_not_count_as_running(status):
    unclean = status("one-unclean")
    assert unclean.online == ("controller01", "controller02")
    assert unclean.running["vip"] == ()
    assert unclean.running["haproxy"] == ("controller01", "controller02")


def test_an_unclean_node_is_not_online(status):
    assert status("unclean-online").online == WITHOUT_2


def test_a_node_with_pending_fencing_is_not_online_a_fenced_one_is(status):
    assert status("being-fenced").online == WITHOUT_2
    assert status("being-fenced").running["haproxy"] == WITHOUT_2


def test_a_resource_that_is_starting_does_not_run_yet(status):
    assert status("vip-starting").running["vip"] == ()


def test_a_minority_has_no_quorum(status):
    assert not status("no-quorum").quorum
    assert status("no-quorum").online == ("controller01",)


def test_a_stopped_member_of_a_clone_does_not_run(status):
    assert status("clone-stopped").running["haproxy"] == WITHOUT_2
    assert status("clone-stopped").running["keystone"] == ALL


def test_a_failed_resource_does_not_run_and_has_a_reason(status):
    failed = status("resource-failed")
    assert failed.running["haproxy"] == WITHOUT_2
    assert failed.failed == (
        "haproxy_monitor_10000 on controller02: not running",
        "fence-controller01_start_0 on controller03: Unable to connect to fencing device",
    )


def test_an_address_on_two_nodes_is_listed_with_both(status):
    assert status("vip-twice").running["vip"] == ("controller01", "controller03")


def test_disabled_fencing_is_reported(status):
    assert not status("fencing-off").fencing


@pytest.mark.parametrize("text", ["", "garbage", "<", "<pacemaker-result/>", "<a><nodes><node/></nodes></a>"])
def test_an_unreadable_status_has_no_members(text):
    assert pacemaker.parse(text) == pacemaker.PacemakerStatus()


def test_a_controller_without_pacemaker_has_no_status(status):
    assert status("not-running") == pacemaker.PacemakerStatus()


def test_a_truncated_status_has_no_members(recording):
    whole = recording("pacemaker", "whole")
    assert pacemaker.parse(whole[: len(whole) // 2]) == pacemaker.PacemakerStatus()


@pytest.fixture
def configured(recording):
    return pacemaker.parse_configuration(recording("pacemaker", "cib"))


def test_resources_are_configured_with_kind_and_monitor(configured):
    resources = configured.resources
    assert (resources["keystone"].kind, resources["keystone"].cloned, resources["keystone"].watched_every) == (
        "systemd:keystone",
        True,
        "10s",
    )
    assert (resources["vip"].kind, resources["vip"].cloned) == ("ocf:heartbeat:IPaddr2", False)


def test_a_resource_is_found_by_kind_and_parameters(configured):
    assert configured.of_kind("ocf:heartbeat:IPaddr2", ip="172.16.181.30") == "vip"
    assert configured.of_kind("systemd:nova-api-metadata") == "nova-metadata"
    assert configured.of_kind("ocf:heartbeat:IPaddr2", ip="172.16.181.99") == ""


def test_constraints_and_properties_are_parsed(configured):
    assert configured.properties["no-quorum-policy"] == "stop"
    found = {constraint.name: constraint for constraint in configured.constraints}
    assert found["vip-with-haproxy"].kind == "colocation"
    assert found["vip-with-haproxy"].attributes["with-rsc"] == "haproxy-clone"
    assert (found["vip-with-haproxy"].where, found["fence-controller01-elsewhere"].where) == ("", "")


def test_a_rule_has_its_condition_and_its_score(configured):
    (rule,) = (constraint for constraint in configured.constraints if constraint.where)
    assert (rule.kind, rule.where) == ("location", "#is_dc eq true")
    assert (rule.attributes["rsc"], rule.attributes["score"]) == ("vip", "-50")


@pytest.mark.parametrize("text", ["", "garbage", "<cib", "<cib/>", "<configuration/>"])
def test_an_unreadable_cib_configures_nothing(text):
    assert pacemaker.parse_configuration(text) == pacemaker.Configuration()
