"""The lab's power controller speaks the Redfish that fencing agents and drills speak, and only to who may switch."""

import threading

import pytest
import requests

from deploy.errors import LabError
from deploy.inventory import Power
from deploy.lab import bmc, certificate
from deploy.lab.redfish_http import Server

USER = ("stackproof", "a secret")


class Stand:
    """Two systems that obey at once; `broken` does not obey."""

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


def test_a_client_finds_the_way_from_the_root(ask):
    systems = ask("GET", "/redfish/v1/", auth=None).json()["Systems"]["@odata.id"]
    members = [member["@odata.id"] for member in ask("GET", systems).json()["Members"]]
    assert SYSTEM in members
    found = ask("GET", SYSTEM).json()
    assert found["PowerState"] == "On"
    assert found["Actions"]["#ComputerSystem.Reset"]["target"] == RESET
    assert "ForceOff" in found["Actions"]["#ComputerSystem.Reset"]["ResetType@Redfish.AllowableValues"]


def test_power_is_switched_and_told(ask):
    assert ask("POST", RESET, json={"ResetType": "ForceOff"}).status_code == 204
    assert ask("GET", SYSTEM).json()["PowerState"] == "Off"
    assert ask("POST", RESET, json={"ResetType": "On"}).status_code == 204
    assert ask("GET", SYSTEM).json()["PowerState"] == "On"


@pytest.mark.parametrize("auth", [None, ("stackproof", "wrong"), ("other", "a secret"), ("", "")])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_strangers_neither_see_nor_switch(ask, server, auth, method):
    answer = ask(method, SYSTEM if method == "GET" else RESET, auth=auth, json={"ResetType": "ForceOff"})
    assert answer.status_code == 401
    assert server.switches.asked == []
    assert "PowerState" not in answer.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"7", b'{"ResetType": "Melt"}', b'{"ResetType": null}', b'{"a": 1}']
)
def test_a_reset_nobody_knows_is_refused(ask, server, body):
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
def test_what_is_not_there_is_not_found(ask, server, method, path):
    assert ask(method, path, json={"ResetType": "ForceOff"}).status_code == 404
    assert server.switches.asked == []


def test_a_host_that_does_not_obey_is_told_and_the_server_lives(ask):
    answer = ask("POST", RESET.replace("controller01", "broken"), json={"ResetType": "ForceOff"})
    assert answer.status_code == 500
    assert "could not be powered off" in answer.json()["error"]["message"]
    assert ask("GET", SYSTEM).status_code == 200


def test_a_body_without_end_is_not_read(ask):
    answer = ask("POST", RESET, data=b"x", headers={"Content-Length": str(1 << 30)})
    assert answer.status_code == 400


def test_no_secret_is_written_anywhere(ask, capfd):
    ask("POST", RESET, json={"ResetType": "ForceOff"})
    ask("GET", SYSTEM, auth=("stackproof", "another secret"))
    said = "".join(capfd.readouterr())
    assert "ForceOff controller01" in said
    assert "secret" not in said


def test_the_lab_s_own_client_over_tls(tmp_path, monkeypatch):
    monkeypatch.setattr(certificate, "PEM", tmp_path / "redfish.pem")
    certificate.ensure("127.0.0.1")
    assert certificate.PEM.stat().st_mode & 0o777 == 0o600
    (tmp_path / "password").write_text(f"{USER[1]}\n")
    server, thread = serve(certificate.PEM)
    url = f"https://127.0.0.1:{server.server_port}/redfish/v1/Systems"
    power = Power("redfish", f"{url}/controller01", USER[0], tmp_path / "password", verify_tls=False)
    try:
        assert bmc.answers(power)
        bmc.reset(power, "ForceOff")
        assert not bmc.is_on(power)
        with pytest.raises(LabError, match="refused POST"):
            bmc.reset(Power("redfish", f"{url}/broken", USER[0], tmp_path / "password"), "On")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert not bmc.answers(power)
