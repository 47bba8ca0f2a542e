"""The lab's power controller: the Redfish of fencing agents and drills, for authenticated users only."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from deploy import certificate as certificates
from deploy import power
from deploy.errors import LabError, PowerError
from deploy.inventory import Node
from deploy.inventory.power import Redfish
from deploy.lab import certificate
from deploy.lab.redfish_http import Server

USER = ("stackproof", "a secret")


class Stand:
    """Two systems whose power switches at once; resets of `broken` fail."""

    def __init__(self):
        self.on = {"controller01": True, "broken": True}
        self.asked = []

    def systems(self):
        return tuple(self.on)

    def is_on(self, system):
        return self.on[system]

    def reset(self, system, kind):
        self.asked.append((system, kind))
        if system == "broken":
            raise LabError("broken could not be powered off")
        self.on[system] = kind != "ForceOff"


def serve(pem=None):
    server = Server(("127.0.0.1", 0), Stand(), *USER, pem)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    return server, thread


@pytest.fixture
def server():
    server, thread = serve()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def ask(server):
    with requests.Session() as session:
        session.trust_env = False

        def ask(method, path, auth=USER, **more):
            return session.request(method, f"http://127.0.0.1:{server.server_port}{path}", auth=auth, timeout=5, **more)

        yield ask


SYSTEM = "/redfish/v1/Systems/controller01"
RESET = f"{SYSTEM}/Actions/ComputerSystem.Reset"


def test_a_client_discovers_the_systems_from_the_root(ask):
    systems = ask("GET", "/redfish/v1/", auth=None).json()["Systems"]["@odata.id"]
    members = [member["@odata.id"] for member in ask("GET", systems).json()["Members"]]
    assert SYSTEM in members
    found = ask("GET", SYSTEM).json()
    assert found["PowerState"] == "On"
    assert found["Actions"]["#ComputerSystem.Reset"]["target"] == RESET
    assert "ForceOff" in found["Actions"]["#ComputerSystem.Reset"]["ResetType@Redfish.AllowableValues"]


def test_power_is_switched_and_reported(ask):
    assert ask("POST", RESET, json={"ResetType": "ForceOff"}).status_code == 204
    assert ask("GET", SYSTEM).json()["PowerState"] == "Off"
    assert ask("POST", RESET, json={"ResetType": "On"}).status_code == 204
    assert ask("GET", SYSTEM).json()["PowerState"] == "On"


@pytest.mark.parametrize("auth", [None, ("stackproof", "wrong"), ("other", "a secret"), ("", "")])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unauthenticated_users_can_neither_read_nor_switch(ask, server, auth, method):
    answer = ask(method, SYSTEM if method == "GET" else RESET, auth=auth, json={"ResetType": "ForceOff"})
    assert answer.status_code == 401
    assert server.switches.asked == []
    assert "PowerState" not in answer.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"ResetType": "Melt"}', b'{"ResetType": null}', b'{"a": 1}']
)
def test_an_unknown_reset_type_is_refused(ask, server, body):
    assert ask("POST", RESET, data=body).status_code == 400
    assert server.switches.asked == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/redfish/v1/Systems/nobody"),
        ("GET", "/redfish/v1/Chassis"),
        ("POST", "/redfish/v1/Systems/nobody/Actions/ComputerSystem.Reset"),
        ("POST", SYSTEM),
        ("POST", "/redfish/v1/Systems"),
    ],
)
def test_an_unknown_resource_is_not_found(ask, server, method, path):
    assert ask(method, path, json={"ResetType": "ForceOff"}).status_code == 404
    assert server.switches.asked == []


def test_a_failed_reset_is_reported_and_the_server_keeps_running(ask):
    answer = ask("POST", RESET.replace("controller01", "broken"), json={"ResetType": "ForceOff"})
    assert answer.status_code == 500
    assert "could not be powered off" in answer.json()["error"]["message"]
    assert ask("GET", SYSTEM).status_code == 200


def test_a_body_that_is_too_long_is_not_read(ask):
    answer = ask("POST", RESET, data=b"x", headers={"Content-Length": str(1 << 30)})
    assert answer.status_code == 400


def test_the_log_holds_no_secret(ask, capfd):
    ask("POST", RESET, json={"ResetType": "ForceOff"})
    ask("GET", SYSTEM, auth=("stackproof", "another secret"))
    said = "".join(capfd.readouterr())
    assert "ForceOff controller01" in said
    assert "secret" not in said


def driver(server, system, folder, scheme="https", user=USER[0], **trust):
    (folder / "password").write_text(f"{USER[1]}\n")
    (folder / "password").chmod(0o600)
    url = f"{scheme}://127.0.0.1:{server.server_port}/redfish/v1/Systems/{system}".rstrip("/")
    device = Redfish(url=url, user=user, password_file=folder / "password", **trust)
    return power.of(Node(name="controller01", roles=("controller",), addresses={}, power=device))


@pytest.fixture
def over_tls(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(certificate, "PEM", tmp_path / "redfish.pem")
    certificate.ensure("127.0.0.1")
    server, thread = serve(certificate.PEM)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("trust", [{"verify_tls": False}, {"ca_file": Path("redfish.pem")}], ids=["none", "ca_file"])
def test_the_driver_of_real_machines_switches_over_tls(over_tls, tmp_path, trust):
    switch = driver(over_tls, "controller01", tmp_path, **trust)
    assert switch.is_on()
    switch.off()
    assert not switch.is_on()
    switch.on()
    switch.cycle()
    assert switch.is_on()
    assert [kind for _, kind in over_tls.switches.asked] == ["ForceOff", "On", "ForceOff", "On"]


def test_an_unknown_certificate_is_not_trusted(over_tls, tmp_path):
    assert certificate.PEM.stat().st_mode & 0o777 == 0o600
    with pytest.raises(PowerError, match="certificate that is not trusted"):
        driver(over_tls, "controller01", tmp_path).is_on()


def test_a_certificate_is_kept_until_it_ends_soon(tmp_path, monkeypatch):
    monkeypatch.setattr(certificate, "PEM", tmp_path / "redfish.pem")
    with monkeypatch.context() as then:
        then.setattr(certificates, "_SKEW", certificates.SERVER * 3)
        certificate.ensure("127.0.0.1")
    old = certificate.PEM.read_text()
    certificate.ensure("127.0.0.1")
    renewed = certificate.PEM.read_text()
    certificate.ensure("127.0.0.1")
    assert old != renewed == certificate.PEM.read_text()


def test_a_refusal_is_ignored_where_the_power_is_already_as_wanted(server, tmp_path):
    switch = driver(server, "broken", tmp_path, scheme="http")
    with pytest.raises(PowerError, match="refused POST"):
        switch.off()
    switch.on()  # refused as well, but the power is already on
    assert server.switches.asked == [("broken", "ForceOff"), ("broken", "On")]


@pytest.mark.parametrize(
    ("system", "user", "words"),
    [
        ("controller01", "nobody", ["refused GET", "HTTP 401", "user and password_file"]),
        ("nobody", "stackproof", ["refused GET", "HTTP 404", "url of the node"]),
        ("", "stackproof", ["reports no power state", "None"]),
    ],
)
def test_errors_name_the_cause_and_hold_no_secret(server, tmp_path, system, user, words):
    with pytest.raises(PowerError) as caught:
        driver(server, system, tmp_path, scheme="http", user=user).is_on()
    assert [word for word in words if word not in str(caught.value)] == []
    assert USER[1] not in str(caught.value)


def test_a_missing_controller_does_not_answer(server, tmp_path):
    switch = driver(server, "controller01", tmp_path, scheme="http")
    assert switch.answers()
    switch._device = replace(switch._device, url="http://127.0.0.1:1/redfish/v1/Systems/1")
    assert not switch.answers()
    with pytest.raises(PowerError, match="does not answer"):
        switch.is_on()
