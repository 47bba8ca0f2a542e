"""Fencing: each power device has its agent or a reason why not, and no password is readable by others."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deploy import inventory
from deploy.cib import fencing
from deploy.facts.pacemaker import _resource
from deploy.inventory.power import Command, Ipmi, Libvirt

IPMI = Ipmi(driver="ipmi", address="10.20.1.12", user="stackproof", password_file=Path("f"), cipher=17)
LIBVIRT = Libvirt(driver="libvirt", uri="qemu+ssh://kvm1/system")
COMMAND = Command(driver="command", on=("a",), off=("b",), status=("c",))


def lab_with(device, *names):
    lab = inventory.load("lab")
    nodes = (replace(node, power=device) if node.name in names else node for node in lab.nodes)
    return replace(lab, nodes=tuple(nodes))


def configured(cluster, name):
    return _resource(fencing.device(cluster.node(name)), cloned=False)


def test_redfish_is_fenced_by_fence_redfish():
    seen = configured(inventory.load("lab"), "controller01")
    assert seen.kind == "stonith:fence_redfish"
    assert seen.parameters == {
        "ip": "172.16.181.1",
        "ipport": "8443",
        "systems_uri": "/redfish/v1/Systems/controller01",
        "username": "stackproof",
        "password_script": "/etc/stackproof/fence/controller01",
        "ssl_insecure": "1",
        "pcmk_host_list": "controller01",
    }


def test_controllers_trust_the_authorities_of_the_power_devices(tree_of, tmp_path):
    folder, file = "/usr/local/share/ca-certificates/stackproof-bmc-", tmp_path / "ca.pem"
    file.write_text("-----BEGIN CERTIFICATE-----\nMIIA\n-----END CERTIFICATE-----\n")
    device = replace(inventory.load("lab").node("controller02").power, verify_tls=True, ca_file=file)
    cluster = lab_with(device, "controller02")
    assert "ssl_insecure" not in configured(cluster, "controller02").parameters
    found = {name: [path for path in files if path.startswith(folder)] for name, files in tree_of(cluster).items()}
    for name, paths in found.items():
        assert paths == ([f"{folder}controller02.crt"] if name.startswith("controller") else []), name
    rendered = tree_of(cluster)["controller01"][f"{folder}controller02.crt"]
    assert (rendered.text, rendered.mode) == (file.read_text(), "0644")


def test_a_device_that_is_asked_in_clear_is_fenced_in_clear():
    device = replace(
        inventory.load("lab").node("controller02").power, url="http://bmc/redfish/v1/Systems/1", insecure=True
    )
    parameters = configured(lab_with(device, "controller02"), "controller02").parameters
    assert (parameters["ssl"], parameters["ipport"]) == ("0", "80")


def test_ipmi_is_fenced_by_fence_ipmilan():
    seen = configured(lab_with(IPMI, "controller02"), "controller02")
    assert seen.kind == "stonith:fence_ipmilan"
    assert seen.parameters == {
        "ip": "10.20.1.12",
        "ipport": "623",
        "username": "stackproof",
        "lanplus": "1",
        "cipher": "17",
        "ipmitool_path": "/etc/stackproof/fence/controller02.ipmitool",
        "pcmk_host_list": "controller02",
    }


def test_a_cluster_of_redfish_and_ipmi_is_fenced():
    cluster = lab_with(IPMI, "controller02")
    assert (cluster.unfenced, {"fencing", "ipmi-fencing"} <= cluster.features) == ((), True)


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        (None, "controller02 (no power device)"),
        (LIBVIRT, "controller02 (no fence agent for the libvirt driver)"),
        (COMMAND, "controller02 (no fence agent for the command driver)"),
    ],
)
def test_a_controller_that_cannot_be_fenced_turns_fencing_off(device, reason):
    cluster = lab_with(device, "controller02")
    assert cluster.unfenced == (reason,)
    assert not cluster.features & {"fencing", "ipmi-fencing"}


def test_the_driver_of_a_compute_does_not_affect_fencing():
    assert lab_with(COMMAND, "compute01").fencing


@pytest.fixture
def scripts(tree_of):
    files = tree_of(lab_with(IPMI, "controller02"))["controller01"]
    return {path: file for path, file in files.items() if path.startswith("/etc/stackproof/fence/")}


def test_only_controllers_with_ipmi_get_an_ipmitool_wrapper(scripts, tree_of):
    assert [path for path in scripts if path.endswith(".ipmitool")] == ["/etc/stackproof/fence/controller02.ipmitool"]
    assert {file.mode for file in scripts.values()} == {"0700"}
    assert [path for path in tree_of("lab")["controller01"] if path.endswith(".ipmitool")] == []


def test_the_agent_s_ipmitool_has_no_password_in_its_arguments(scripts, tmp_path):
    for path, file in scripts.items():
        script = tmp_path / Path(path).name
        script.write_text(file.text.replace("/etc/stackproof/fence", str(tmp_path)))
        script.chmod(0o700)
    tool = tmp_path / "ipmitool"
    tool.write_text(
        f"#!{sys.executable}\nimport json, os, sys\nprint(json.dumps([sys.argv[1:], os.environ['IPMI_PASSWORD']]))\n"
    )
    tool.chmod(0o700)
    # The arguments of fence_ipmilan 4.12.1 without a password.
    words = [
        *["-I", "lanplus", "-H", "10.20.1.12", "-p", "623", "-U"],
        "stack proof",
        "-P",
        "",
        *["-N", "2", "chassis", "power", "off"],
    ]
    output = subprocess.check_output(
        [tmp_path / "controller02.ipmitool", *words], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    )
    assert json.loads(output) == [[*words[:8], "-E", *words[10:]], "bmc-of-controller02"]


@pytest.mark.parametrize("password", ["plain", "it's $(id) \\ `id`", "PASSWORD\nrm -rf /", "%s"])
def test_a_password_is_printed_and_never_run(site_of, tmp_path, password):
    site = site_of("lab")
    site.secrets.learn("power.controller02", password)
    host = site.hosts["controller01"]
    files = {file.path: file for file in site.render(host.node, [site.catalogue["fencing"]])}
    script = tmp_path / "password"
    script.write_text(files["/etc/stackproof/fence/controller02"].text)
    assert subprocess.check_output(["sh", script], text=True) == f"{password}\n"
