"""Claims: who answers on the wire for the VIP, by name; questions that reached nobody show nothing."""

import os
import socket
import subprocess
import sys
from ipaddress import IPv4Address

import pytest

from deploy.errors import HostUnreachable
from deploy.inventory import Node
from fixtures.drills.run import asker
from fixtures.drills.run import claims as claiming
from fixtures.drills.run.claims import Claims, Round, claims, rounds
from suites.harness.clusters import with_networks_apart

VIP, MEMBERS = "10.0.0.30", {"one": "10.0.0.31", "two": "10.0.0.32"}
ONE, TWO, STRANGER = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:09"


def line(at: float, heard: int = 2, vip: str = ONE) -> str:
    return f"{at:.3f} {at + 0.25:.3f} {heard} {VIP}={vip} 10.0.0.31={ONE} 10.0.0.32="


def test_rounds_have_the_clock_of_the_runner_by_the_quickest_line():
    found = list(rounds([(1000.35, line(7.0)), (1000.51, line(7.25)), (1000.9, line(7.5))]))
    assert [round(each.at, 3) for each in found] == [1000.01, 1000.26, 1000.51]
    assert found[0] == Round(
        found[0].at, 2, {VIP: frozenset({ONE}), "10.0.0.31": frozenset({ONE}), "10.0.0.32": frozenset()}
    )


@pytest.mark.parametrize(
    "text", ["", "Traceback (most recent call last):", "1.0 2.0 x 10.0.0.30=", "1.0 2.0 1 10.0.0.30"]
)
def test_other_lines_are_skipped(text):
    assert len(list(rounds([(1000.0, text), (1000.3, line(7.0))]))) == 1


def test_without_lines_there_are_no_rounds():
    assert list(rounds([])) == []


def heard(at: float, vip: set[str], **own: str) -> Round:
    answers = {MEMBERS[name]: frozenset({mac}) for name, mac in own.items()}
    return Round(at, len(own) + len(vip), {VIP: frozenset(vip), **answers})


def test_a_claim_has_the_name_of_the_controller_that_answers_for_its_own_address_too():
    found = [heard(1.0, {ONE}, one=ONE, two=TWO), heard(1.3, {ONE, TWO}, one=ONE), heard(1.6, {TWO, STRANGER})]
    assert claims(found, MEMBERS, VIP) == (
        (1.0, frozenset({"one"})),
        (1.3, frozenset({"one", "two"})),
        (1.6, frozenset({"two", STRANGER})),
    )


def test_a_round_that_no_other_host_answered_is_left_out():
    found = [heard(1.0, set(), two=TWO), heard(1.3, set()), Round(1.6, 0, {VIP: frozenset({ONE})})]
    assert claims(found, MEMBERS, VIP) == ((1.0, frozenset()),)


def test_hosts_that_are_no_controllers_listen_first_and_victims_never(site_of):
    site = site_of("lab-small")
    assert [host.name for host in Claims.of(site, ["controller01"])._hosts] == [
        "compute02",
        "compute01",
        "controller02",
        "controller03",
    ]
    assert "compute02" not in [host.name for host in Claims.of(site, ["compute02"])._hosts]
    assert Claims.of(site, [])._members["controller02"] == str(site.cluster.node("controller02").management)


def test_hosts_listen_on_the_network_of_the_vip(site_of):
    claims = Claims.of(site_of(with_networks_apart()), ["controller01"])
    assert [host.name for host in claims._hosts] == ["controller02", "controller03"]
    assert claims._members["controller02"] == "10.77.3.32"


class Listener:
    """A host that listens; `lines` is what it hears, None: it cannot listen."""

    def __init__(self, name: str, lines: list[str] | None) -> None:
        self.name, self.lines, self.asked = name, lines, ()
        self.node = Node(name, (), {"management": IPv4Address("10.0.0.40")})

    def follow(self, command, *arguments, take, over, timeout):
        self.asked = arguments
        assert (command.count("%s"), timeout) == (len(arguments), claiming.LONGEST)
        if self.lines is None:
            raise HostUnreachable(f"{self.name}: no connection")
        for text in self.lines:
            take(text)
        over.__self__.wait(5)

    def disconnect(self):
        pass


def test_where_a_host_cannot_listen_the_next_one_does(monkeypatch):
    monkeypatch.setattr(claiming, "_AGAIN", 0.01)
    dead, well = Listener("dead", None), Listener("well", [line(7.0), line(7.25)])
    with Claims([dead, well], MEMBERS, VIP) as found:
        for _ in range(500):
            if found.listeners:
                break
            found._over.wait(0.01)
    assert found.listeners == ("well",)
    assert found.notes == ("dead could not listen for the VIP: dead: no connection",)
    assert [hosts for _, hosts in found.claims()] == [{"one"}, {"one"}]
    assert well.asked[1:] == (claiming.EVERY, IPv4Address("10.0.0.40"), VIP, *MEMBERS.values())


def test_without_a_host_nobody_listens():
    with Claims([], MEMBERS, VIP) as found:
        pass
    assert (found.listeners, found.claims()) == ((), ())


# -- the program on the host --------------------------------------------------------------------------------------

MAC = bytes.fromhex("020000000040")


def frame(kind: int = asker.ANSWER, to: bytes = MAC) -> bytes:
    """A frame from ONE that says who has the VIP."""
    sender = bytes.fromhex(ONE.replace(":", ""))
    head = to + sender + bytes.fromhex("08060001080006040000")[:-2] + kind.to_bytes(2, "big")
    return head + sender + socket.inet_aton(VIP) + MAC + bytes(4)


def test_an_answer_to_this_host_is_a_claim():
    assert asker.answer(frame(), MAC) == (VIP, ONE)


@pytest.mark.parametrize("other", [frame(asker.QUESTION), frame(to=b"\xff" * 6), frame()[:41], b""])
def test_questions_announcements_and_fragments_are_none(other):
    assert asker.answer(other, MAC) == ("", "")


def test_a_question_has_no_sender_s_address_that_a_host_could_learn():
    asked = asker.question(MAC, socket.inet_aton(VIP))
    assert (len(asked), asked[:6], asked[6:12], asked[12:14]) == (42, b"\xff" * 6, MAC, b"\x08\x06")
    assert (asked[20:22], asked[22:28], asked[28:32], asked[38:]) == (b"\x00\x01", MAC, bytes(4), socket.inet_aton(VIP))


TABLE = """\
           |-- 10.0.0.30
              /32 host LOCAL
           |-- 10.0.0.3
              /32 link UNICAST
"""


def test_the_address_of_the_host_itself_is_local():
    assert asker.local(TABLE, "10.0.0.30")
    assert not asker.local(TABLE, "10.0.0.3")
    assert not asker.local(TABLE, "10.0.0.31")


def test_an_interface_is_found_by_its_address():
    assert asker.device("127.0.0.1") == "lo"
    with pytest.raises(SystemExit, match=r"no interface has the address 192\.0\.2\.7"):
        asker.device("192.0.2.7")


@pytest.mark.skipif(os.geteuid() != 0, reason="a packet socket needs root")
def test_the_program_ends_with_its_standard_input():
    command = [sys.executable, "-I", "-S", "-c", claiming._SCRIPT, "0.05", "127.0.0.1", "127.0.0.1", "192.0.2.7"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        (found,) = rounds([(0.0, process.stdout.readline())])
        process.stdin.close()
        assert process.wait(5) == 0
    # The kernel of a host does not answer itself.
    assert found.heard == 0
    assert found.answers == {"127.0.0.1": {"00:00:00:00:00:00"}, "192.0.2.7": frozenset()}
