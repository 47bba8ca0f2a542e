"""Power drivers, against recorded answers of the real tools: answers, arguments, errors, and no secret in arguments."""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from deploy import power
from deploy.errors import InventoryError, PowerError
from deploy.inventory import Node
from deploy.inventory.power import Command, Ipmi, Libvirt, Redfish
from deploy.power import tool

RECORDINGS = Path(__file__).parents[1] / "recordings" / "power"
SECRET = "a-bmc-pass"

REPLAY = """#!{python}
import json, os, sys
place = {place!r}
with open(place + ".asked", "a") as asked:
    asked.write(json.dumps([sys.argv, dict(os.environ)]) + "\\n")
case = next((c for c in json.load(open(place + ".cases")) if c["words"][1:] == sys.argv[1:]), None)
if case is None:
    sys.exit("not recorded: " + " ".join(sys.argv[1:]))
sys.stdout.write(case["out"])
sys.stderr.write(case["err"])
sys.exit(case["code"])
"""


class Replay:
    """A tool on PATH that replays recorded answers, and fails on arguments that were not recorded."""

    def __init__(self, folder: Path, name: str) -> None:
        self._cases = json.loads((RECORDINGS / f"{name}.json").read_text())
        self._place = folder / name
        self._place.write_text(REPLAY.format(python=sys.executable, place=str(self._place)))
        self._place.chmod(0o755)

    def says(self, *cases: str) -> None:
        chosen = [self._cases[case] for case in cases]
        Path(f"{self._place}.cases").write_text(json.dumps(chosen))

    @property
    def asked(self) -> list[tuple[list[str], dict[str, str]]]:
        """Arguments and environment of every call."""
        return [json.loads(line) for line in Path(f"{self._place}.asked").read_text().splitlines()]


@pytest.fixture
def on_path(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.fixture
def ipmitool(on_path):
    return Replay(on_path, "ipmitool")


@pytest.fixture
def virsh(on_path):
    return Replay(on_path, "virsh")


@pytest.fixture
def password(tmp_path):
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\n")
    path.chmod(0o600)
    return path


def switch(device, name="controller01"):
    return power.of(Node(name=name, roles=("controller",), addresses={}, power=device))


@pytest.fixture
def bmc(password):
    def make(**other):
        return switch(
            Ipmi(
                **{
                    "driver": "ipmi",
                    "address": "127.0.0.1",
                    "port": 9623,
                    "user": "stackproof",
                    "password_file": password,
                    **other,
                }
            )
        )

    return make


def machine(domain, uri="test:////machines.xml"):
    return switch(Libvirt(driver="libvirt", uri=uri, domain=domain))


def assert_error(caught, *words):
    assert [word for word in words if word not in str(caught.value)] == []
    assert SECRET not in str(caught.value)


# -- IPMI ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("case", "on"), [("status-on", True), ("status-off", False)])
def test_ipmitool_reports_the_power(ipmitool, bmc, case, on):
    ipmitool.says(case)
    assert bmc().is_on() is on


def test_ipmitool_switches_and_off_may_be_repeated(ipmitool, bmc):
    ipmitool.says("off", "on", "status-off")
    bmc().off()
    bmc().cycle()
    assert [words[-1] for words, _ in ipmitool.asked] == ["off", "off", "status", "on"]


IPMI_TROUBLE = {
    "wrong-password": ({}, ["does not accept the password", "password_file"]),
    "unknown-user": ({"user": "nobody"}, ["does not know the user", "unauthorized name"]),
    "password-too-long": ({}, ["does not accept the password", "up to 20 bytes"]),
    "wrong-cipher": ({"cipher": 17}, ["cipher suite", "invalid authentication algorithm"]),
    "silent": ({"port": 9624}, ["does not answer", "IPMI 2.0 at 127.0.0.1 port 9624", "UDP"]),
    "unknown-address": ({"address": "bmc.invalid"}, ["an address that does not resolve", "DNS"]),
}


@pytest.mark.parametrize("case", IPMI_TROUBLE)
def test_a_bmc_s_error_names_the_node_and_what_to_check(ipmitool, bmc, case):
    other, words = IPMI_TROUBLE[case]
    ipmitool.says(case)
    with pytest.raises(PowerError) as caught:
        bmc(**other).is_on()
    assert_error(caught, "controller01: the power device", *words)
    assert not bmc(**other).answers()


def test_an_account_without_the_right_to_switch_is_reported(ipmitool, bmc):
    ipmitool.says("may-not-switch", "status-on")
    with pytest.raises(PowerError) as caught:
        bmc(user="reader").off()
    assert_error(caught, "does not let the user switch", "OPERATOR")


def test_the_password_is_in_the_environment_and_not_in_arguments(ipmitool, bmc, monkeypatch):
    monkeypatch.setenv("IPMITOOL_PASSWORD", "of-another-tool")
    ipmitool.says("status-on", "on", "off")
    for ask in (bmc().is_on, bmc().on, bmc().off):
        ask()
    assert len(ipmitool.asked) == 3
    for words, environment in ipmitool.asked:
        assert SECRET not in " ".join(words)
        assert (environment["IPMI_PASSWORD"], environment["IPMITOOL_PASSWORD"]) == (SECRET, SECRET)
        assert environment["LC_ALL"] == "C"


# -- libvirt ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "on"), [("running", True), ("paused", True), ("off", False), ("crashed", False)])
def test_virsh_reports_the_power(virsh, state, on):
    virsh.says(f"status-{state}")
    assert machine(state).is_on() is on


def test_virsh_switches_at_once(virsh):
    virsh.says("off", "on")
    machine("running").off()
    machine("off").on()
    assert [words[4] for words, _ in virsh.asked] == ["destroy", "start"]


def test_switching_to_the_present_state_is_no_error(virsh):
    virsh.says("off-again", "status-off", "on-again", "status-running")
    machine("off").off()
    machine("running").on()


VIRSH_TROUBLE = {
    "unknown-domain": (("nobody",), ["no machine of that name", "the domain nobody at test:"]),
    "no-libvirtd": (("running", "qemu:///system"), ["the hypervisor does not answer", "No such file or directory"]),
    "no-ssh": (("running", "qemu+ssh://root@127.0.0.1:1/system"), ["does not answer", "Connection refused"]),
}


@pytest.mark.parametrize("case", VIRSH_TROUBLE)
def test_a_hypervisor_s_error_names_the_node_and_what_to_check(virsh, case):
    of, words = VIRSH_TROUBLE[case]
    virsh.says(case)
    with pytest.raises(PowerError) as caught:
        machine(*of).is_on()
    assert_error(caught, "controller01: ", *words)


# -- commands of the operator's own -------------------------------------------------------------------


@pytest.fixture
def command(tmp_path, password):
    state = tmp_path / "controller01"

    def make(**other):
        words = {"on": f"touch {tmp_path}/{{name}}", "off": ["rm", str(state)]}
        status = ["sh", "-c", f"[ -e {tmp_path}/{{name}} ] && echo On || echo off"]
        return switch(Command(driver="command", **{**words, "status": status, "password_file": password, **other}))

    return make


def test_commands_switch_and_report_the_power(command):
    command().on()
    assert command().is_on()
    command().off()
    assert not command().is_on()
    command().off()  # the command fails, but the power is off


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("echo perhaps", ["power.status", "on or off", "perhaps"]),
        (["sh", "-c", "echo no way >&2; exit 3"], ["exit code 3", "no way"]),
        ("no-such-tool-anywhere", ["no no-such-tool-anywhere on the runner", "install it"]),
        (["sh", "-c", "echo $POWER_PASSWORD"], ["********"]),
    ],
)
def test_a_status_command_that_fails_is_reported_with_its_key(command, status, words):
    with pytest.raises(PowerError) as caught:
        command(status=status).is_on()
    assert_error(caught, "nodes.controller01.power.status", *words)


def test_a_command_past_its_deadline_is_killed_with_its_children(tmp_path):
    started = time.monotonic()
    with pytest.raises(PowerError, match="did not end within"):
        tool.run(["sh", "-c", f"(sleep 2; touch {tmp_path}/late) & sleep 60"], what="a test", hint="", limit=0.3)
    assert time.monotonic() - started < 2
    time.sleep(2.2)
    assert not (tmp_path / "late").exists()


# -- all of them --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "hint"), [("ipmi", "install ipmitool on the runner"), ("libvirt", "install virsh")])
def test_a_missing_tool_is_reported_with_a_hint(bmc, monkeypatch, tmp_path, kind, hint):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PowerError) as caught:
        (bmc() if kind == "ipmi" else machine("off")).is_on()
    assert_error(caught, "on the runner", hint)


def test_an_unreadable_password_is_an_error_before_any_command(bmc, tmp_path):
    with pytest.raises(InventoryError, match=r"nodes\.controller01\.power\.password_file: No such file"):
        bmc(password_file=tmp_path / "absent")


def test_a_node_without_a_power_device_is_an_error():
    with pytest.raises(PowerError, match="no power device"):
        switch(None)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_password_that_others_can_read_or_replace_is_refused(bmc, password, mode):
    password.chmod(mode)
    with pytest.raises(InventoryError, match=f"mode {mode:04o}, expected 0600") as caught:
        bmc()
    assert f"chmod 600 {password}" in caught.value.hint


# -- Redfish -------------------------------------------------------------------------------------------


@pytest.fixture
def redfish(password):
    """A driver and the requests that it made, as method and URL; `target` is what the BMC names for a reset."""

    def make(target):
        url = "https://10.20.1.11/redfish/v1/Systems/1"
        driver = switch(Redfish(url=url, user="stackproof", password_file=password))
        asked = []

        def ask(method, url, _body=None):
            asked.append((method, url))
            return {"PowerState": "On", "Actions": {"#ComputerSystem.Reset": {"target": target}}}

        driver._ask = ask
        return driver, asked

    return make


@pytest.mark.parametrize("named", ["/redfish/v1/Reset", "https://10.20.1.11/redfish/v1/Reset"])
def test_the_bmc_names_its_own_address_for_a_reset(redfish, named):
    driver, asked = redfish(named)
    driver._switch(on=False)
    assert asked[-1] == ("POST", "https://10.20.1.11/redfish/v1/Reset")


@pytest.mark.parametrize(
    "named", ["https://10.9.9.9/x", "//10.9.9.9/x", "http://10.20.1.11/x", "https://10.20.1.11:444/x"]
)
def test_the_password_goes_to_no_other_address(redfish, named):
    driver, asked = redfish(named)
    with pytest.raises(PowerError, match="names another host for the reset"):
        driver._switch(on=False)
    assert [method for method, _ in asked] == ["GET"]


CERTIFICATES = "".join(f"-----BEGIN CERTIFICATE-----\n{each}\n-----END CERTIFICATE-----\n" for each in ("MIIA", "MIIB"))


def test_only_certificates_of_the_file_are_authorities(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text(f"a comment\n-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n{CERTIFICATES}")
    device = Redfish(url="https://bmc/x", user="u", password_file=file, ca_file=file)
    assert power.authorities(node(device)) == CERTIFICATES
    assert power.authorities(node(replace(device, verify_tls=False))) == ""
    assert power.authorities(node(replace(device, ca_file=None))) == ""
    file.write_text("nothing")
    with pytest.raises(InventoryError, match="ca_file"):
        power.authorities(node(device))


def node(device):
    return Node(name="controller01", roles=("controller",), addresses={}, power=device)
