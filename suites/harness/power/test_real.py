"""Power drivers with the real tools: virsh on libvirt's test driver, ipmitool on a simulated BMC."""

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from deploy import power
from deploy.errors import PowerError
from deploy.inventory import Node
from deploy.inventory.power import Ipmi, Libvirt
from deploy.wait import until

SECRET = "a-bmc-pass"
MACHINES = Path(__file__).parents[1] / "recordings" / "power" / "machines.xml"
LAN = """name "sim"
set_working_mc 0x20
startlan 1
  addr 127.0.0.1 {port}
  priv_limit admin
  allowed_auths_admin none md2 md5 straight
  guid a123456789abcdefa123456789abcdef
endlan
chassis_control "{folder}/chassis"
user 2 true "stackproof" "a-bmc-pass" admin 10 none md2 md5 straight
"""
COMMANDS = "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr\nmc_enable 0x20\n"
CHASSIS = """#!/bin/sh
[ "$1" = get ] && echo "power:$(cat {folder}/power)"
[ "$1 $2" = "set power" ] && echo "$3" > {folder}/power
exit 0
"""


def needs(tool, package):
    if shutil.which(tool) is None:
        pytest.skip(f"no {tool} on this machine: apt-get install {package}")


def switch(device):
    return power.of(Node(name="controller01", roles=("controller",), addresses={}, power=device))


def machine(domain):
    needs("virsh", "libvirt-clients")
    return switch(Libvirt(driver="libvirt", uri=f"test://{MACHINES}", domain=domain))


@pytest.mark.parametrize(("state", "on"), [("running", True), ("paused", True), ("off", False), ("crashed", False)])
def test_libvirt_reports_the_power(state, on):
    assert machine(state).is_on() is on


@pytest.mark.parametrize("state", ["running", "off"])
def test_libvirt_switches_from_any_state(state):
    machine(state).on()
    machine(state).off()


def test_an_unknown_libvirt_domain_is_an_error():
    with pytest.raises(PowerError, match="no machine of that name"):
        machine("nobody").off()


@pytest.fixture
def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        return udp.getsockname()[1]


@pytest.fixture
def bmc(tmp_path, free_port):
    needs("ipmitool", "ipmitool")

    def make(user="stackproof", said=SECRET):
        path = tmp_path / "password"
        path.write_text(said)
        path.chmod(0o600)
        return switch(Ipmi(driver="ipmi", address="127.0.0.1", port=free_port, user=user, password_file=path, cipher=3))

    return make


@pytest.fixture
def simulated(tmp_path, free_port, bmc):
    needs("ipmi_sim", "openipmi")
    (tmp_path / "state").mkdir()
    (tmp_path / "power").write_text("1\n")
    (tmp_path / "lan.conf").write_text(LAN.format(port=free_port, folder=tmp_path))
    (tmp_path / "commands").write_text(COMMANDS)
    (tmp_path / "chassis").write_text(CHASSIS.format(folder=tmp_path))
    (tmp_path / "chassis").chmod(0o755)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            ["ipmi_sim", "-c", "lan.conf", "-f", "commands", "-s", str(tmp_path / "state"), "-n"],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            until(bmc().is_on, timeout=30, what="ipmi_sim", expected="power on")
            yield
        finally:
            process.kill()
            process.wait()


@pytest.mark.usefixtures("simulated")
def test_ipmi_switches_and_reports_the_power(bmc):
    assert bmc().is_on()
    bmc().off()
    assert not bmc().is_on()
    bmc().off()
    bmc().on()
    bmc().cycle()
    assert bmc().is_on()


@pytest.mark.usefixtures("simulated")
@pytest.mark.parametrize(
    ("account", "words"), [({"said": "wrong"}, "accept the password"), ({"user": "nobody"}, "know the user")]
)
def test_an_ipmi_account_without_rights_is_reported(bmc, account, words):
    with pytest.raises(PowerError, match=words):
        bmc(**account).is_on()


def test_a_missing_bmc_does_not_answer(bmc):
    with pytest.raises(PowerError, match="does not answer"):
        bmc().is_on()
