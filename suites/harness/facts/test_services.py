"""The smaller facts: names, chrony, HAProxy, memcached, virtualisation."""

import socketserver
import threading
from urllib.parse import quote

import pytest

from deploy.facts import chrony, haproxy, memcached, names, virt
from fixtures.prechecks import ThisMachine

GONE = b""
"""The value of a key that memcached lists, and that has expired."""
GARBAGE = ["", "\n", "garbage", "506 Cannot talk to daemon", "ERROR\r\n", "a,b,c"]


def test_a_following_clock_has_a_source_and_an_offset(recording):
    seen = chrony.parse(recording("chrony", "following"))
    assert (seen.synchronised, seen.source, seen.sources) == (True, "172.16.181.31", {"172.16.181.31": True})
    assert seen.offset == pytest.approx(-0.000003673)


def test_a_source_without_an_answer_is_told(recording):
    silent = recording("chrony", "following").replace(",10,6,7,", ",0,6,0,")
    assert chrony.parse(silent).sources == {"172.16.181.31": False}


def test_a_clock_that_serves_its_own_time_is_synchronised(recording):
    assert chrony.parse(recording("chrony", "serving")) == chrony.Clock(synchronised=True)


def test_a_clock_that_chrony_calls_unsynchronised_is_not_synchronised(recording):
    assert not chrony.parse(recording("chrony", "following").replace("Normal", "Not synchronised")).synchronised


def test_a_clock_whose_source_was_removed_is_not_synchronised(recording):
    last_known, _ = recording("chrony", "following").splitlines()
    assert not chrony.parse(last_known).synchronised


@pytest.mark.parametrize("text", GARBAGE)
def test_unreadable_output_is_no_synchronised_clock(text):
    assert chrony.parse(text) == chrony.Clock() == chrony.Clock(False, "", 0.0, {})


def test_sources_that_are_not_followed_are_no_source(recording):
    tracking, source = recording("chrony", "following").splitlines()
    other = source.replace("172.16.181.31", "10.0.0.9").replace(",*,", ",-,")
    assert other != source
    assert chrony.parse("\n".join([tracking, other, source])).source == "172.16.181.31"
    assert not chrony.parse("\n".join([tracking, other, "^,*"])).synchronised
    assert chrony.parse("\n".join([tracking, "^,*,10.0.0.9"])).source == "10.0.0.9"


def test_haproxy_lists_every_server_and_no_totals(recording):
    seen = haproxy.parse(recording("haproxy", "whole"))
    assert len(seen) == 24
    assert seen["keystone", "controller02"] == "UP"
    assert {server for _, server in seen} == {"controller01", "controller02", "controller03"}


@pytest.mark.parametrize("state", ["DOWN", "UP 1/2", "MAINT", "no check"])
def test_a_server_s_state_is_haproxy_s_own_text(recording, state):
    lines = recording("haproxy", "whole").splitlines()
    changed = [
        line.replace(",UP,", f",{state},") if line.startswith("glance,controller01,") else line for line in lines
    ]
    assert haproxy.parse("\n".join(changed))["glance", "controller01"] == state


@pytest.mark.parametrize("text", GARBAGE)
def test_unreadable_output_lists_no_server(text):
    assert haproxy.parse(text) == {}


def test_memcached_reports_its_connections(recording):
    seen = memcached.parse(recording("memcached", "answering"))
    assert (seen.version, seen.connections, seen.allowed, seen.refused) == ("1.6.18", 43, 4096, 0)


@pytest.mark.parametrize("text", [*GARBAGE, "STAT", "STAT version", "STAT max_connections ²"])
def test_unreadable_output_means_that_memcached_does_not_answer(text):
    assert memcached.parse(text) == memcached.MemcachedStatus()


def test_tokens_in_memcached_are_counted_by_form():
    assert memcached.parse_forms("encrypted\nclear\nencrypted\n") == {"encrypted": 2, "clear": 1}
    assert memcached.parse_forms("pickle\n") == {"pickle": 1}
    assert [memcached.parse_forms(text) for text in GARBAGE] == [{}] * len(GARBAGE)


@pytest.fixture
def memcached_of(tmp_path):
    """A memcached of a few lines: it lists its keys, once it was asked twice, and returns their values."""
    stored = {}

    class Serving(socketserver.StreamRequestHandler):
        def handle(self):
            for number, line in enumerate(self.rfile):
                if line == b"lru_crawler metadump all\r\n":
                    keys = b"".join(b"key=%s exp=1 la=1\r\n" % quote(key, safe="").encode() for key in stored)
                    self.wfile.write(keys + b"END\r\n" if number else b"BUSY currently processing\r\n")
                else:
                    key = line.split()[1].decode()
                    flags, value = stored[key]
                    found = b"VALUE %s %d %d\r\n%s\r\n" % (key.encode(), flags, len(value), value)
                    self.wfile.write((b"" if value is GONE else found) + b"END\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Serving) as server:
        threading.Thread(target=server.serve_forever).start()
        yield stored, server.server_address
        server.shutdown()


def test_tokens_are_told_from_other_values_and_by_their_form(memcached_of):
    stored, (address, port) = memcached_of
    stored |= {
        "tokens/a+/=": (0, b"c2VhbGVk=="),
        "tokens/b": (0, b'{"token": {}}'),
        "tokens/c": (1, b"cos"),
        "tokens/d": (0, GONE),
        "another": (0, b"gAAAAABqy_c-="),
        "others": (0, b"cos"),
    }
    forms = {"encrypted": 1, "clear": 1, "pickle": 1, "sealed": 1, "open": 1}
    assert memcached.forms(ThisMachine(), address, port) == forms


@pytest.mark.parametrize(
    ("text", "found"), [("kvm\n", "kvm"), ("qemu\n", "qemu"), ("", ""), ("xen\n", ""), ("kvm qemu", "")]
)
def test_virtualisation_is_kvm_or_qemu_or_unknown(text, found):
    assert virt.parse(text) == found


def test_names_are_listed_with_all_their_addresses():
    seen = names.parse("controller01 172.16.181.31\ncontroller02 10.9.9.9 172.16.181.32\nnobody\n\n")
    assert seen == {"controller01": {"172.16.181.31"}, "controller02": {"10.9.9.9", "172.16.181.32"}, "nobody": set()}
