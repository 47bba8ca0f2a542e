"""The gate: how it asks RabbitMQ, and that it rests between its looks while something is measured."""

import base64
import json
import threading
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address
from types import SimpleNamespace

import pytest

from deploy import inventory
from deploy.catalogue import Address, Addresses
from deploy.facts import pacemaker
from fixtures.drills.run import gate

CONTROLLERS = [f"controller0{n}" for n in (1, 2, 3)]
MEMBERS = [f"rabbit@controller0{n}" for n in (1, 2, 3)]


def listening(monkeypatch, port: int) -> None:
    """Every service is at that port of the loopback."""
    monkeypatch.setattr(Addresses, "at", lambda *_: Address("http", "127.0.0.1", port))


@pytest.fixture
def answering(monkeypatch):
    """A management plugin on the loopback that gives those members to whom it is told to; its port is asked."""
    servers = []

    def start(password: str, *members: str) -> None:
        account = "Basic " + base64.b64encode(f"openstack:{password}".encode()).decode()

        class Plugin(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = (self.path, self.headers["Authorization"]) == ("/api/nodes", account)
                told = json.dumps([{"name": name, "running": True} for name in members]).encode()
                self.send_response(200 if known else 401)
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: object) -> None:
                pass

        servers.append(HTTPServer(("127.0.0.1", 0), Plugin))
        listening(monkeypatch, servers[-1].server_address[1])
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.05}).start()

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site(site_of):
    """The lab, its hosts' services at the loopback."""
    lab = inventory.load("lab")
    local = {"management": IPv4Address("127.0.0.1")}
    return site_of(replace(lab, nodes=tuple(replace(node, addresses=node.addresses | local) for node in lab.nodes)))


def told(site) -> list[str]:
    return list(gate._rabbitmq(site))


def test_three_members_are_a_whole_cluster(site, answering):
    answering(site.secrets["rabbitmq.openstack"], *MEMBERS)
    assert told(site) == []


def test_a_member_that_is_missing_is_told(site, answering):
    answering(site.secrets["rabbitmq.openstack"], *MEMBERS[:2])
    assert told(site) == ["RabbitMQ: 2 members, partitions: (), alarms: ()"]


def test_a_refusal_is_told_as_one_and_not_as_no_members(site, answering):
    answering("another", *MEMBERS)
    (finding,) = told(site)
    assert "RabbitMQ answers 401 at http://127.0.0.1" in finding


def test_nobody_at_the_port_is_told_without_the_password(site, monkeypatch):
    listening(monkeypatch, 1)
    (finding,) = told(site)
    assert finding == "RabbitMQ does not answer at http://127.0.0.1:1/api/nodes: ConnectionError"


LOOKS = ["_traces", "_pacemaker", "_galera", "_vip", "_apis", "_units", "_etcd", "_rabbitmq", "_routers", "_agents"]


class Looking:
    """Stands for every look; each takes 0.3 s of a clock of its own, and `amiss` names those that find something."""

    def __init__(self, monkeypatch) -> None:
        self.now, self.slept, self.asked, self.amiss = 100.0, [], [], set()
        for name in LOOKS:
            monkeypatch.setattr(gate, name, partial(self._look, name))
        monkeypatch.setattr(gate, "time", SimpleNamespace(monotonic=lambda: self.now, sleep=self.slept.append))

    def _look(self, name: str, _: object):
        self.now += 0.3
        self.asked.append(name)
        yield from {name} & self.amiss


def test_all_that_is_amiss_is_found_without_a_rest(site, monkeypatch):
    looking = Looking(monkeypatch)
    looking.amiss = {*LOOKS}
    assert list(gate.findings(site, history=False)) == LOOKS
    assert looking.slept == []


def test_a_lookout_rests_after_each_look_for_as_long_as_it_took(site, monkeypatch):
    looking = Looking(monkeypatch)
    assert gate.Lookout(site).amiss() == ""
    assert looking.asked == LOOKS
    assert looking.slept == pytest.approx([0.3] * len(LOOKS))


def test_a_lookout_asks_for_what_was_amiss_before_all_else_and_then_for_all_else(site, monkeypatch):
    looking, lookout = Looking(monkeypatch), gate.Lookout(site)
    looking.amiss = {"_galera", "_units"}
    assert lookout.amiss() == "_galera"
    looking.asked.clear()
    assert lookout.amiss() == "_galera"
    assert looking.asked == ["_galera"]
    looking.amiss.discard("_galera")
    assert lookout.amiss() == "_units"
    looking.asked.clear()
    looking.amiss.clear()
    assert lookout.amiss() == ""
    assert looking.asked[0] == "_units"
    assert sorted(looking.asked) == sorted(LOOKS)


@pytest.fixture
def pacemakers(site, monkeypatch, recording):
    """What the gate finds where Pacemaker tells that on every controller."""

    def found(status: str, configuration: str) -> list[str]:
        seen = pacemaker.parse(recording("pacemaker", status))
        told = pacemaker.parse_configuration(recording("pacemaker", configuration))
        monkeypatch.setattr(pacemaker, "status", lambda _: seen)
        monkeypatch.setattr(pacemaker, "configuration", lambda _: told)
        return list(gate._pacemaker(site))

    return found


def test_a_pacemaker_that_does_not_tell_what_should_run_is_amiss(pacemakers):
    assert not [each for each in pacemakers("whole", "cib") if "does not tell" in each]
    assert pacemakers("whole", "not-running") == ["controller01: Pacemaker does not tell what should run"]


def test_a_cluster_is_not_whole_while_a_node_is_being_fenced(pacemakers):
    finding = "Pacemaker sees controller01, controller03, quorum: True"
    assert pacemakers("being-fenced", "cib")[:3] == [f"{name}: {finding}" for name in CONTROLLERS]
