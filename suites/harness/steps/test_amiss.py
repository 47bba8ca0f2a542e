"""Findings of each step: none in a healthy cluster, and one of the right step and host for each fault."""

import json

import pytest

from deploy import whole
from suites.harness.well import Well

CONTROLLERS = ["controller01", "controller02", "controller03"]


@pytest.fixture
def well(site_of, monkeypatch, recording) -> Well:
    return Well(site_of("lab-small"), monkeypatch, recording)


@pytest.fixture
def amiss(well):
    """Return all findings by step name."""

    def found() -> dict[str, list[str]]:
        by_step: dict[str, list[str]] = {}
        for step, finding in whole.findings(well.site):
            by_step.setdefault(step, []).append(str(finding))
        return by_step

    return found


def test_healthy_cluster_has_no_finding(amiss):
    assert amiss() == {}


def test_each_reading_is_made_once(well, amiss):
    amiss()
    assert well.commands == {
        "identity": 5,
        "packet filter": 5,
        "units": 5,
        "health": 3,
        "sockets": 3,
        "galera": 3,
        "pacemaker": 3,
        "cib": 1,
        "addresses": 3,
        "etcd": 1,
        "routers": 1,
        "plain HTTP": 3,
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


def test_unreachable_host_is_one_finding_and_hides_no_other(well, amiss):
    well.silent.add("controller01")
    well.units["controller02", "memcached"] = {"active": "inactive"}
    assert amiss() == {
        "base": ["controller01: SSH does not answer"],
        "memcached": ["controller02: memcached is inactive"],
    }
    assert well.commands["silent"] == 1


# -- hosts and units ---------------------------------------------------------------------------------


def test_wrong_host_name_or_kernel_parameter_is_a_finding(well, amiss):
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
def test_systemd_unit_in_a_wrong_state_is_a_finding(well, amiss, seen, finding):
    well.units["controller02", "memcached"] = seen
    assert amiss() == {"memcached": [f"controller02: {finding}"]}


def test_failed_pacemaker_unit_is_not_final(well):
    well.units["controller02", "placement-api"] = {"active": "failed"}
    (finding,) = [finding for _, finding in whole.findings(well.site)]
    assert finding.what == "placement-api failed, and Pacemaker has not started it again yet"
    assert not finding.final


@pytest.mark.parametrize("seen", [{"load": "not-found"}, {"active": "failed"}])
def test_failed_or_missing_systemd_unit_is_final(well, seen):
    well.units["controller02", "memcached"] = seen
    assert [finding.final for _, finding in whole.findings(well.site)] == [True]


def test_failed_health_check_is_a_finding_on_each_host(well, amiss):
    well.codes[":8778/"] = "503"
    assert amiss() == {"placement": [f"{name}: placement answers 503" for name in CONTROLLERS]}


def test_unit_that_does_not_listen_is_a_finding(well, amiss):
    well.deaf.add(("controller03", "memcached"))
    assert amiss() == {"memcached": ["controller03: memcached does not listen on port 11211"]}


# -- APIs --------------------------------------------------------------------------------


def test_silent_api_at_the_api_address_is_a_finding(well, amiss):
    well.down.add("8774")
    assert amiss() == {"nova": ["nova-api does not answer with status 200 at https://172.16.181.30:8774/"]}


@pytest.mark.parametrize(
    ("step", "name", "host"),
    [("nova", "nova-scheduler", "controller02"), ("neutron-agents", "neutron-l3-agent", "compute01")],
)
def test_service_that_does_not_report_is_a_finding(well, amiss, step, name, host):
    well.dead.add((name, host))
    assert amiss() == {step: [f"{host}: {name} is not alive according to {name.split('-')[0].capitalize()}"]}


@pytest.mark.parametrize(
    ("step", "name"),
    [("nova-compute", "nova-compute"), ("nova", "nova-cert"), ("neutron-agents", "neutron-dhcp-agent")],
)
def test_record_of_a_host_outside_the_inventory_is_a_finding(well, amiss, step, name):
    well.dead.add((name, "compute09"))
    (text,) = amiss().pop(step)
    assert text.startswith(f"compute09: {name} is not alive")
    assert "is not in the inventory" in text


def test_stopped_compute_gives_no_second_finding_about_reports(well, amiss):
    well.units["compute01", "nova-compute"] = {"active": "inactive"}
    well.dead.add(("nova-compute", "compute01"))
    assert amiss() == {"nova-compute": ["compute01: nova-compute is inactive"]}


def test_hypervisor_unknown_to_nova_is_a_finding(well, amiss):
    well.absent.add("compute02")
    assert amiss() == {"nova-compute": ["compute02: its hypervisor is unknown in Nova"]}


def test_missing_content_is_a_finding(well, amiss):
    well.absent.add("m1.nano")
    assert amiss() == {"content": ["the cloud's first content lacks flavor m1.nano"]}


@pytest.mark.parametrize(
    ("rows", "where"), [("r\ta\tstandby\n", "no host"), ("r\ta\tactive\nr\tb\tactive\n", "a and b")]
)
def test_router_not_active_on_exactly_one_host_is_a_finding(well, amiss, rows, where):
    well.says["ha_router"] = rows
    assert amiss() == {"neutron-agents": [f"router r is active on {where} according to Neutron"]}


# -- Galera, etcd, Pacemaker ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("donor", "Galera is Donor/Desynced, and sees 3 of 3 members"),
        ("joining", "Galera is Joining: receiving State Transfer, and sees 3 of 3 members"),
        ("non-primary", "Galera is Initialized, and sees 1 of 3 members"),
        ("not-ready", "Galera is Synced, but not ready in the primary component, and sees 3 of 3 members"),
        ("inconsistent", "Galera is Inconsistent, and sees 0 of 3 members"),
    ],
)
def test_unsynced_galera_member_is_a_finding(well, amiss, case, text):
    well.recorded["galera", "controller02"] = case
    assert amiss() == {"galera": [f"controller02: {text}"]}
    (finding,) = [finding for _, finding in whole.findings(well.site)]
    assert finding.final == (case == "inconsistent")


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("one-missing", "2 of 3 members answer, and report 1 leader"),
        ("no-leader", "3 of 3 members answer, and report no leader"),
        ("two-leaders", "3 of 3 members answer, and report 2 leaders"),
    ],
)
def test_incomplete_etcd_cluster_is_a_finding(well, amiss, case, text):
    well.recorded["etcd"] = case
    assert amiss() == {"etcd": [f"etcd: {text}"]}


@pytest.mark.parametrize("case", ["being-fenced", "one-offline", "one-pending", "one-unclean", "no-quorum"])
def test_pacemaker_member_that_misses_others_is_a_finding(well, amiss, case):
    well.recorded["pacemaker", "controller02"] = case
    (text,) = amiss()["pacemaker"]
    assert text.startswith("controller02: Pacemaker sees controller01")


def test_member_without_pacemaker_hides_no_resource(well, amiss):
    well.recorded["pacemaker", "controller01"] = "not-running"
    assert amiss() == {"pacemaker": ["controller01: Pacemaker sees no member, quorum: False"]}


def test_pacemaker_without_a_readable_configuration_is_a_finding(well, amiss):
    well.recorded["cib"] = "not-running"
    assert amiss() == {"pacemaker": ["Pacemaker does not show its configuration"]}


def test_clone_that_does_not_run_everywhere_is_a_finding_of_its_step(well, amiss):
    well.recorded["pacemaker"] = "clone-stopped"
    assert amiss() == {"haproxy": ["Pacemaker: haproxy runs on controller01, controller03"]}


def test_disabled_fencing_is_a_finding(well, amiss):
    well.recorded["pacemaker"] = "fencing-off"
    assert "Pacemaker does not fence: stonith-enabled is not true" in amiss()["pacemaker"]


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        (
            "<resources>",
            '<resources><primitive id="mail" class="systemd" type="postfix"/>',
            "resource mail is not ours",
        ),
        ("<constraints>", '<constraints><rsc_location id="by-hand" rsc="vip"/>', "constraint by-hand is not ours"),
        ('interval="5s"', 'interval="9s"', "resource vip: op monitor interval is 9s, expected: 5s"),
    ],
)
def test_configuration_that_is_not_ours_is_a_finding_that_fails_no_build(well, recording, old, new, finding):
    well.says["cibadmin"] = recording("pacemaker", "cib").replace(old, new, 1)
    ((step, found),) = whole.findings(well.site)
    assert (step, found.what, found.foreign) == ("pacemaker", f"Pacemaker: {finding}", True)
    assert found.hint.startswith("cibadmin --query")


def test_alert_agent_of_an_operator_is_no_finding(well, amiss, recording):
    alert = '<alerts><alert id="pager" path="/bin/true"/></alerts></configuration>'
    well.says["cibadmin"] = recording("pacemaker", "cib").replace("</configuration>", alert)
    assert amiss() == {}


# -- the VIP -----------------------------------------------------------------------------------------


def test_unstarted_vip_is_a_finding_and_not_final(well):
    well.recorded["pacemaker"] = "vip-starting"
    well.says["ip -4 -o addr"] = "2: eth0    inet 10.9.9.9/24\n"
    found = [(step, str(finding), finding.final) for step, finding in whole.findings(well.site)]
    assert found == [
        ("vip", "Pacemaker: vip runs on no node", False),
        ("vip", "the VIP 172.16.181.30 is on no host", False),
    ]


@pytest.mark.parametrize(("case", "final"), [("whole", True), ("vip-twice", False)])
def test_vip_on_several_hosts_is_final_where_pacemaker_has_one(well, case, final):
    well.recorded["pacemaker"] = case
    well.says["ip -4 -o addr"] = "2: eth0    inet 172.16.181.30/24\n"
    (finding,) = [finding for _, finding in whole.findings(well.site) if "the VIP" in finding.what]
    assert finding.what == "the VIP 172.16.181.30 is on controller01 and controller02 and controller03"
    assert finding.final == final


def test_cluster_without_ha_gets_no_ha_queries(site_of, monkeypatch, recording):
    well = Well(site_of("two-node"), monkeypatch, recording)
    well.says["etcdctl"] = json.dumps(json.loads(recording("etcd", "whole"))[:1])
    assert whole.findings(well.site) == []
    assert not {"pacemaker", "cib", "galera", "addresses"} & set(well.commands)
