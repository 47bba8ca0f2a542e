"""What each step yields as amiss: nothing where all is well, and each thing that is wrong, where it is wrong."""

import json

import pytest

from deploy import whole
from suites.harness.well import Well

CONTROLLERS = ["controller01", "controller02", "controller03"]


@pytest.fixture
def well(site_of, monkeypatch, recording) -> Well:
    return Well(site_of("lab"), monkeypatch, recording)


@pytest.fixture
def amiss(well):
    """All that is amiss, by the names of the steps."""

    def found() -> dict[str, list[str]]:
        by_step: dict[str, list[str]] = {}
        for step, finding in whole.findings(well.site):
            by_step.setdefault(step, []).append(str(finding))
        return by_step

    return found


def test_nothing_is_amiss_with_a_healthy_cluster(amiss):
    assert amiss() == {}


def test_each_question_is_put_once(well, amiss):
    amiss()
    assert well.commands == {
        "identity": 5,
        "units": 5,
        "health": 3,
        "sockets": 3,
        "galera": 3,
        "pacemaker": 3,
        "cib": 1,
        "addresses": 3,
        "etcd": 1,
        "routers": 1,
    }
    assert well.requests == {
        "health": 7,
        "rabbitmq": 3,
        "session of admin": 1,
        "nova services": 1,
        "neutron agents": 1,
        "hypervisors": 1,
        "session of demo": 1,
        "images": 1,
        "flavors": 1,
        "networks": 1,
    }


def test_a_host_that_does_not_answer_is_one_finding_and_hides_no_other(well, amiss):
    well.silent.add("controller01")
    well.units["controller02", "memcached"] = {"active": "inactive"}
    assert amiss() == {
        "base": ["controller01: SSH does not answer"],
        "memcached": ["controller02: memcached is inactive"],
    }
    assert well.commands["silent"] == 1


# -- hosts and units ---------------------------------------------------------------------------------


def test_a_host_by_another_name_or_with_another_kernel_is_amiss(well, amiss):
    well.says["hostname;"] = "somebody\n"
    found = amiss()["base"]
    assert "controller01: calls itself somebody" in found
    assert "compute02: kernel parameters differ from /etc/sysctl.d/90-stackproof.conf" in found


@pytest.mark.parametrize(
    ("seen", "finding"),
    [
        ({"load": "not-found"}, "memcached is not installed"),
        ({"active": "failed"}, "memcached failed"),
        ({"active": "activating"}, "memcached is activating"),
        ({"enabled": "disabled"}, "memcached is disabled, though systemd owns it"),
    ],
)
def test_a_unit_of_systemd_that_is_not_as_it_should_be(well, amiss, seen, finding):
    well.units["controller02", "memcached"] = seen
    assert amiss() == {"memcached": [f"controller02: {finding}"]}


def test_a_unit_of_pacemaker_that_failed_may_come_back(well):
    well.units["controller02", "placement-api"] = {"active": "failed"}
    (finding,) = [finding for _, finding in whole.findings(well.site)]
    assert finding.what == "placement-api failed, and Pacemaker has not started it again yet"
    assert not finding.final


@pytest.mark.parametrize("seen", [{"load": "not-found"}, {"active": "failed"}])
def test_one_of_systemd_that_failed_or_is_not_installed_does_not(well, seen):
    well.units["controller02", "memcached"] = seen
    assert [finding.final for _, finding in whole.findings(well.site)] == [True]


def test_a_service_that_answers_its_health_check_wrong_is_amiss_on_each_host(well, amiss):
    well.codes[":8778/"] = "503"
    assert amiss() == {"placement": [f"{name}: placement answers 503" for name in CONTROLLERS]}


def test_a_unit_that_does_not_listen_is_amiss(well, amiss):
    well.deaf.add(("controller03", "memcached"))
    assert amiss() == {"memcached": ["controller03: memcached does not listen on port 11211"]}


# -- what clients see --------------------------------------------------------------------------------


def test_an_api_that_does_not_answer_at_the_api_address_is_amiss(well, amiss):
    well.down.add("8774")
    assert amiss() == {"nova": ["nova-api does not answer with status 200 at http://172.16.181.30:8774/"]}


@pytest.mark.parametrize(
    ("step", "name", "host"),
    [("nova", "nova-scheduler", "controller02"), ("neutron-agents", "neutron-l3-agent", "compute01")],
)
def test_a_service_that_does_not_report_is_amiss(well, amiss, step, name, host):
    well.dead.add((name, host))
    assert amiss() == {step: [f"{host}: {name} is not alive, as {name.split('-')[0].capitalize()} sees it"]}


@pytest.mark.parametrize(
    ("step", "name"),
    [("nova-compute", "nova-compute"), ("nova", "nova-cert"), ("neutron-agents", "neutron-dhcp-agent")],
)
def test_one_of_a_host_that_is_no_more_is_amiss_too(well, amiss, step, name):
    well.dead.add((name, "compute09"))
    (told,) = amiss().pop(step)
    assert told.startswith(f"compute09: {name} is not alive")
    assert "none of the inventory's" in told


def test_a_compute_that_does_not_run_is_not_said_to_be_silent_as_well(well, amiss):
    well.units["compute01", "nova-compute"] = {"active": "inactive"}
    well.dead.add(("nova-compute", "compute01"))
    assert amiss() == {"nova-compute": ["compute01: nova-compute is inactive"]}


def test_a_hypervisor_that_nova_does_not_know_is_amiss(well, amiss):
    well.absent.add("compute02")
    assert amiss() == {"nova-compute": ["compute02: its hypervisor is unknown, as Nova sees it"]}


def test_content_that_is_not_there_is_amiss(well, amiss):
    well.absent.add("m1.nano")
    assert amiss() == {"content": ["the cloud's first content lacks flavor m1.nano"]}


@pytest.mark.parametrize(
    ("rows", "where"), [("r\ta\tstandby\n", "no host"), ("r\ta\tactive\nr\tb\tactive\n", "a and b")]
)
def test_a_router_that_is_not_active_on_exactly_one_host_is_amiss(well, amiss, rows, where):
    well.says["ha_router"] = rows
    assert amiss() == {"neutron-agents": [f"router r is active on {where}, as Neutron sees it"]}


# -- clusters of their own ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("donor", "Galera is Donor/Desynced, and sees 3 of 3 members"),
        ("joining", "Galera is Joining: receiving State Transfer, and sees 3 of 3 members"),
        ("non-primary", "Galera is Initialized, and sees 1 of 3 members"),
        ("not-ready", "Galera is Synced, but not ready in the primary component, and sees 3 of 3 members"),
        ("inconsistent", "Galera is Inconsistent, and sees 0 of 3 members"),
    ],
)
def test_a_galera_member_that_is_not_synced_is_amiss(well, amiss, case, told):
    well.recorded["galera", "controller02"] = case
    assert amiss() == {"galera": [f"controller02: {told}"]}
    (finding,) = [finding for _, finding in whole.findings(well.site)]
    assert finding.final == (case == "inconsistent")


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("one-missing", "2 of 3 members answer, and see 1 leader"),
        ("no-leader", "3 of 3 members answer, and see no leader"),
        ("two-leaders", "3 of 3 members answer, and see 2 leaders"),
    ],
)
def test_an_etcd_that_is_not_whole_is_amiss(well, amiss, case, told):
    well.recorded["etcd"] = case
    assert amiss() == {"etcd": [f"etcd: {told}"]}


@pytest.mark.parametrize("case", ["being-fenced", "one-offline", "one-pending", "one-unclean", "no-quorum"])
def test_a_pacemaker_member_that_does_not_see_all_others_is_amiss(well, amiss, case):
    well.recorded["pacemaker", "controller02"] = case
    (told,) = amiss()["pacemaker"]
    assert told.startswith("controller02: Pacemaker sees controller01")


def test_a_member_without_pacemaker_does_not_hide_what_the_others_run(well, amiss):
    well.recorded["pacemaker", "controller01"] = "not-running"
    assert amiss() == {"pacemaker": ["controller01: Pacemaker sees nobody, quorum: False"]}


def test_a_pacemaker_that_does_not_tell_what_should_run_is_amiss(well, amiss):
    well.recorded["cib"] = "not-running"
    assert amiss() == {"pacemaker": ["Pacemaker does not tell what should run"]}


def test_a_clone_that_does_not_run_everywhere_is_amiss_with_its_own_step(well, amiss):
    well.recorded["pacemaker"] = "clone-stopped"
    assert amiss() == {"haproxy": ["Pacemaker: haproxy runs on controller01, controller03"]}


def test_fencing_that_is_off_is_amiss(well, amiss):
    well.recorded["pacemaker"] = "fencing-off"
    assert "Pacemaker does not fence: stonith-enabled is not true" in amiss()["pacemaker"]


def test_a_resource_that_nobody_answers_for_and_that_does_not_run_is_amiss(well, amiss, recording):
    somebodys = '<primitive id="mail" class="systemd" type="postfix"/><primitive id="vip"'
    well.says["cibadmin"] = recording("pacemaker", "cib").replace('<primitive id="vip"', somebodys, 1)
    assert amiss() == {"pacemaker": ["Pacemaker: mail runs on no node"]}


def test_a_constraint_that_somebody_set_by_hand_is_amiss_until_it_is_cleared(well, recording):
    banned = (
        '<constraints><rsc_location id="cli-ban-vip-on-controller01" rsc="vip" role="Started" node="controller01"/>'
    )
    well.says["cibadmin"] = recording("pacemaker", "cib").replace("<constraints>", banned, 1)
    ((step, finding),) = whole.findings(well.site)
    assert (step, finding.what, finding.foreign) == (
        "pacemaker",
        "Pacemaker: constraint cli-ban-vip-on-controller01",
        True,
    )
    assert finding.hint == "crm_resource --clear --resource vip takes it away"


# -- the VIP -----------------------------------------------------------------------------------------


def test_a_vip_that_pacemaker_has_not_started_is_amiss_and_may_come(well):
    well.recorded["pacemaker"] = "vip-starting"
    well.says["ip -4 -o addr"] = "2: eth0    inet 10.9.9.9/24\n"
    found = [(step, str(finding), finding.final) for step, finding in whole.findings(well.site)]
    assert found == [
        ("vip", "Pacemaker: vip runs on no node", False),
        ("vip", "the VIP 172.16.181.30 is on no host", False),
    ]


@pytest.mark.parametrize(("case", "final"), [("whole", True), ("vip-twice", False)])
def test_a_vip_on_two_hosts_is_amiss_for_good_where_pacemaker_knows_of_one(well, case, final):
    well.recorded["pacemaker"] = case
    well.says["ip -4 -o addr"] = "2: eth0    inet 172.16.181.30/24\n"
    (finding,) = [finding for _, finding in whole.findings(well.site) if "the VIP" in finding.what]
    assert finding.what == "the VIP 172.16.181.30 is on controller01 and controller02 and controller03"
    assert finding.final == final


def test_a_cluster_without_ha_is_asked_for_nothing_of_it(site_of, monkeypatch, recording):
    well = Well(site_of("two-node"), monkeypatch, recording)
    well.says["etcdctl"] = json.dumps(json.loads(recording("etcd", "whole"))[:1])
    assert whole.findings(well.site) == []
    assert not {"pacemaker", "cib", "galera", "addresses"} & set(well.commands)
