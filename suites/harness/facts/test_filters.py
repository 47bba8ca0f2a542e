"""Filters and listeners: who else refuses packets on a host, and whether a port can be reached."""

import json
import socket

import pytest

from deploy.errors import CommandFailed
from deploy.facts import filters, firewall, listener
from deploy.facts.filters import Filters
from fixtures.prechecks import ThisMachine

HERE = ThisMachine()


def chain(table, name, **more):
    return {"chain": {"family": "ip", "table": table, "name": name, **more}}


def rule(table, name, *expressions):
    return {"rule": {"family": "ip", "table": table, "chain": name, "expr": list(expressions)}}


def said(*entries, units="", iptables=""):
    return f"{units}--\n{json.dumps({'nftables': entries})}\n--\n{iptables}"


FORWARD = chain("filter", "FORWARD", hook="forward", policy="drop")
INPUT = chain("filter", "INPUT", hook="input", policy="accept")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (said(), Filters()),
        (said(units="ufw\n"), Filters(("ufw",))),
        (said(FORWARD), Filters((), ("ip filter FORWARD",))),
        (said(INPUT), Filters()),
        (said(INPUT, rule("filter", "INPUT", {"match": {}}, {"drop": None})), Filters((), ("ip filter INPUT",))),
        (said(INPUT, rule("filter", "INPUT", {"reject": {}})), Filters((), ("ip filter INPUT",))),
        (
            said(INPUT, rule("filter", "INPUT", {"jump": {"target": "x"}}), rule("filter", "x", {"drop": None})),
            Filters(),
        ),
        (said(chain("nat", "PREROUTING", hook="prerouting", policy="drop")), Filters()),
        (said(iptables=":INPUT DROP [0:0]\n"), Filters()),
        ("--\n\n--\n:INPUT DROP [0:0]\n:own DROP [0:0]\n", Filters((), ("ip filter INPUT",))),
        ("--\n\n--\n:INPUT ACCEPT [0:0]\n-A FORWARD -s 1.2.3.4 -j REJECT\n", Filters((), ("ip filter FORWARD",))),
        ("", Filters()),
    ],
)
def test_who_refuses_packets(text, found):
    assert filters.parse(text) == found


@pytest.mark.parametrize("table", ["stackproof", "stackproof-rabbitmq"])
def test_this_clusters_own_table_is_no_other_filter(table):
    own = {"family": "inet", "table": table, "name": "input", "hook": "input", "policy": "drop"}
    assert filters.parse(said({"chain": own})) == Filters()


def test_an_answer_that_breaks_off_is_no_host_without_filters():
    class Silent(ThisMachine):
        def check(self, *_, **__):
            return "ufw\n"

    with pytest.raises(CommandFailed, match="packet filters: not known"):
        filters.read(Silent())


@pytest.fixture
def briefly(monkeypatch):
    monkeypatch.setattr(listener, "SECONDS", 1.5)


def test_a_listener_stands_in_at_free_ports_only(briefly):
    with socket.create_server(("127.0.0.3", 0)) as taken, socket.socket() as probe:
        probe.bind(("127.0.0.3", 0))
        free, used = probe.getsockname()[1], taken.getsockname()[1]
        probe.close()
        assert listener.listening(HERE, "127.0.0.3", [used, free]) == {free: True, used: False}
        doors = {("127.0.0.3", free), ("127.0.0.3", used)}
        assert firewall.answered(HERE, doors) == dict.fromkeys(doors, "open")


@pytest.mark.parametrize("text", ["", "garbage", "x free", "80"])
def test_garbage_names_no_port(text):
    assert listener.parse(text) == {}
