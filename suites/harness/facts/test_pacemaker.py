"""Pacemaker's facts: who takes part, whether there is quorum, and where each resource really runs."""

import pytest

from deploy.facts import pacemaker

ALL = ("controller01", "controller02", "controller03")
WITHOUT_2 = ("controller01", "controller03")


@pytest.fixture
def seen(recording):
    return lambda case: pacemaker.parse(recording("pacemaker", case))


def test_a_whole_cluster(seen):
    whole = seen("whole")
    assert (whole.online, whole.quorum, whole.fencing, whole.failed) == (ALL, True, True, ())


def test_resources_are_told_by_the_primitives_name_with_their_nodes(seen):
    running = seen("whole").running
    assert running["vip"] == ("controller03",)
    assert running["haproxy"] == running["neutron-rpc-server"] == ALL
    assert running["fence-controller01"] == ("controller02",)
    assert "haproxy-clone" not in running


@pytest.mark.parametrize("case", ["one-offline", "one-pending"])
def test_who_is_away_is_not_online_and_runs_nothing(seen, case):
    assert seen(case).online == WITHOUT_2
    assert seen(case).running["haproxy"] == WITHOUT_2
    assert seen(case).quorum


def test_what_ran_on_a_node_that_is_given_up_and_not_yet_fenced_does_not_count(seen):
    unclean = seen("one-unclean")
    assert unclean.online == ("controller01", "controller02")
    assert unclean.running["vip"] == ()
    assert unclean.running["haproxy"] == ("controller01", "controller02")


def test_a_node_that_others_have_given_up_does_not_count_though_it_is_online(seen):
    assert seen("unclean-online").online == WITHOUT_2


def test_a_node_that_came_back_while_it_is_being_fenced_does_not_count_and_one_that_was_does(seen):
    assert seen("being-fenced").online == WITHOUT_2
    assert seen("being-fenced").running["haproxy"] == WITHOUT_2


def test_a_resource_that_is_starting_does_not_run_yet(seen):
    assert seen("vip-starting").running["vip"] == ()


def test_a_minority_has_no_quorum(seen):
    assert not seen("no-quorum").quorum
    assert seen("no-quorum").online == ("controller01",)


def test_a_stopped_member_of_a_clone_does_not_run(seen):
    assert seen("clone-stopped").running["haproxy"] == WITHOUT_2
    assert seen("clone-stopped").running["keystone"] == ALL


def test_a_failed_resource_does_not_run_and_is_told_with_its_reason(seen):
    failed = seen("resource-failed")
    assert failed.running["haproxy"] == WITHOUT_2
    assert failed.failed == (
        "haproxy_monitor_10000 on controller02: not running",
        "fence-controller01_start_0 on controller03: Unable to connect to fencing device",
    )


def test_an_address_on_two_nodes_is_told_as_such(seen):
    assert seen("vip-twice").running["vip"] == ("controller01", "controller03")


def test_fencing_that_is_off_is_told_as_such(seen):
    assert not seen("fencing-off").fencing


@pytest.mark.parametrize("text", ["", "garbage", "<", "<pacemaker-result/>", "<a><nodes><node/></nodes></a>"])
def test_what_is_no_status_is_that_of_nobody(text):
    assert pacemaker.parse(text) == pacemaker.PacemakerStatus()


def test_a_controller_without_pacemaker_tells_nothing(seen):
    assert seen("not-running") == pacemaker.PacemakerStatus()


def test_a_cut_off_answer_is_that_of_nobody(recording):
    whole = recording("pacemaker", "whole")
    assert pacemaker.parse(whole[: len(whole) // 2]) == pacemaker.PacemakerStatus()


@pytest.fixture
def configured(recording):
    return pacemaker.parse_configuration(recording("pacemaker", "cib"))


def test_resources_are_told_with_kind_and_monitor(configured):
    seen = configured.resources
    assert (seen["keystone"].kind, seen["keystone"].cloned, seen["keystone"].watched_every) == (
        "systemd:keystone",
        True,
        "10s",
    )
    assert (seen["vip"].kind, seen["vip"].cloned) == ("ocf:heartbeat:IPaddr2", False)


def test_a_resource_is_found_by_what_it_is(configured):
    assert configured.of_kind("ocf:heartbeat:IPaddr2", ip="172.16.181.30") == "vip"
    assert configured.of_kind("systemd:nova-api-metadata") == "nova-metadata"
    assert configured.of_kind("ocf:heartbeat:IPaddr2", ip="172.16.181.99") == ""


def test_constraints_and_properties_are_told(configured):
    assert configured.properties["no-quorum-policy"] == "stop"
    found = {constraint.name: constraint for constraint in configured.constraints}
    assert found["vip-with-haproxy"].kind == "colocation"
    assert found["vip-with-haproxy"].says["with-rsc"] == "haproxy-clone"
    assert (found["vip-with-haproxy"].where, found["fence-controller01-elsewhere"].where) == ("", "")


def test_a_rule_is_told_with_its_condition_and_its_score(configured):
    (rule,) = (constraint for constraint in configured.constraints if constraint.where)
    assert (rule.kind, rule.where) == ("location", "#is_dc eq true")
    assert (rule.says["rsc"], rule.says["score"]) == ("vip", "-50")


@pytest.mark.parametrize("text", ["", "garbage", "<cib", "<cib/>", "<configuration/>"])
def test_of_nothing_nothing_is_configured(text):
    assert pacemaker.parse_configuration(text) == pacemaker.Configuration()
