"""Answers that may be empty or time-bound: they end with a line of their own, starts are counted, times are read."""

import json
from types import SimpleNamespace

import pytest

from deploy.errors import CommandFailed
from deploy.facts import ended, galera, interfaces, ssh, starts, systemd
from deploy.facts.ended import END


def answering(text: str) -> SimpleNamespace:
    return SimpleNamespace(name="controller01", check=lambda *_, **__: text)


def test_the_last_line_is_left_out_of_the_answer():
    assert ended.whole(answering(""), "things", f"one\ntwo\n{END}\n") == "one\ntwo\n"
    assert ended.whole(answering(""), "things", f"{END}\n") == ""


@pytest.mark.parametrize("text", ["", "\n", "one\n", f"{END} and more\n", f"{END}\none\n"])
def test_an_answer_without_its_last_line_is_not_known(text):
    with pytest.raises(CommandFailed, match="controller01: things: not known"):
        ended.whole(answering(""), "things", text)


def test_failed_units_are_listed_by_name():
    line = "broken.service loaded failed failed /usr/bin/false\n"
    assert systemd.failed(answering(f"{line}{END}\n")) == ["broken.service"]
    assert systemd.failed(answering(f"{END}\n")) == []
    with pytest.raises(CommandFailed, match="not known"):
        systemd.failed(answering(""))


def test_the_entries_of_one_start_count_once(recording):
    text = recording("systemd", "starts")
    assert starts.parse(text) == {"mariadb": 1, "neutron-rpc-server": 3, "nova-scheduler": 1}
    assert starts.most(answering(text), ["mariadb"])["neutron-rpc-server"] == 3


def entry(at: int, start: object, unit: str = "a.service") -> str:
    return json.dumps({"UNIT": unit, "INVOCATION_ID": start, "__REALTIME_TIMESTAMP": f"{at}000000"})


@pytest.mark.parametrize(
    ("times", "most"), [((0, 599), 2), ((0, 600), 1), ((0, 300, 600, 899, 1200), 3), ((900, 0, 450), 2), ((7,), 1)]
)
def test_starts_count_within_ten_minutes_of_one_another(times, most):
    assert starts.parse("\n".join(entry(at, number) for number, at in enumerate(times))) == {"a": most}


@pytest.mark.parametrize(
    "text", ["", "garbage", "{}", "[]", '{"UNIT": 1}', entry(1, "x", 7), entry(1, "x").replace("000000", "soon")]
)
def test_unreadable_entries_are_no_starts(text):
    assert starts.parse(text) == {}


@pytest.mark.parametrize("text", ["", "garbage\n", entry(1, "x")])
def test_without_a_journal_starts_are_not_known(text):
    with pytest.raises(CommandFailed, match="not known"):
        starts.most(answering(text), ["a"])


def test_written_times_are_compared_as_times():
    assert galera.read_check(answering("2026-11-29 12:00:00.5\n")) < galera.read_check(answering("2026-11-29 12:00:01"))


@pytest.mark.parametrize("text", ["", "garbage", "NULL"])
def test_another_text_is_no_time(text):
    with pytest.raises(CommandFailed, match="controller01: MariaDB"):
        galera.write_check(answering(text))


@pytest.mark.parametrize("text", ["", "[]", "garbage", "1", "[1]", "{}"])
def test_a_host_without_interfaces_did_not_answer(text):
    with pytest.raises(CommandFailed, match="interfaces: not known"):
        interfaces.read(answering(text))


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-rsa AAAA root@host", "garbage of words"])
def test_another_text_is_no_host_key(text):
    with pytest.raises(CommandFailed, match="host key: not known"):
        ssh.public_key(answering(text))
