"""The packet filter's fact: live rules against those of the file, and ports that do not stay silent."""

import socket
import subprocess
import sys

import pytest

from deploy.errors import CommandFailed
from deploy.facts import firewall
from deploy.facts.ended import END
from deploy.facts.firewall import Firewall

RULES = 'table inet stackproof {\n\tchain input {\n\t\tiifname "lo" accept\n\t}\n}\n'


def test_equal_rules_have_no_differences():
    assert firewall.parse(f"{RULES}--\n{RULES}").differences == ()


def test_missing_and_additional_rules_are_named():
    live = RULES.replace('iifname "lo" accept', "tcp dport 9999 accept")
    assert firewall.parse(f"{live}--\n{RULES}").differences == ('- iifname "lo" accept', "+ tcp dport 9999 accept")


def test_a_host_without_the_table_lacks_every_rule():
    found = firewall.parse(f"--\n{RULES}")
    assert found.live == ()
    assert len(found.differences) == len(set(RULES.splitlines()))


def test_an_answer_without_its_middle_is_no_answer():
    assert firewall.parse(RULES) == Firewall()


class Local:
    """This machine, as a host."""

    name = "here"

    def __init__(self, shorten=0):
        self.shorten = shorten

    def check(self, command, *arguments, stdin, timeout):

        words = [str(each) for each in arguments]
        done = subprocess.run(
            [sys.executable, "-IS", "-", *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=True,
        )
        assert command.startswith("exec python3")
        return done.stdout[: len(done.stdout) - self.shorten]


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_open_and_refused_ports_are_told_and_silent_ones_are_not(monkeypatch, listener):
    monkeypatch.setattr(firewall, "WAIT", 0.3)
    closed = ("127.0.0.1", 1)
    assert firewall.answered(Local(), [("127.0.0.1", listener), closed]) == {
        ("127.0.0.1", listener): "open",
        closed: "refused",
    }


def test_an_incomplete_answer_is_an_error():
    with pytest.raises(CommandFailed, match="closed ports: not known"):
        firewall.answered(Local(shorten=len(END) + 1), [("127.0.0.1", 1)])
