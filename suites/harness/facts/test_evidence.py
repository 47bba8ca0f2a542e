"""Uncaught exceptions in a journal, and what a kernel reports."""

import json
import re
import subprocess

import pytest

from deploy.facts import kernel, uncaught
from deploy.facts.kernel import Kernel
from deploy.facts.uncaught import HEAD, Uncaught


def entries(*texts, unit="x.service", process="1"):
    return "".join(
        json.dumps({"MESSAGE": text, "_PID": process, "_SYSTEMD_UNIT": unit, "__REALTIME_TIMESTAMP": str(number)})
        + "\n"
        for number, text in enumerate(texts)
    )


def test_lost_threads_of_the_dhcp_agent_are_found(recording):
    found = uncaught.parse(recording("uncaught", "dhcp-agent"))
    assert [(each.unit, each.text.split(":")[0], each.count, each.first) for each in found] == [
        ("neutron-dhcp-agent", "KeyError", 1, "2026-11-29 12:01:52"),
        ("neutron-dhcp-agent", "neutron.agent.linux.ip_lib.AddressNotReady", 1, "2026-11-29 12:05:22"),
    ]


def test_equal_exceptions_are_counted():
    found = uncaught.parse(entries(HEAD, "KeyError: 1", HEAD, "ValueError", HEAD, "KeyError: 1"))
    assert [(each.text, each.count) for each in found] == [("KeyError: 1", 2), ("ValueError", 1)]
    assert str(found[0]) == "x: 2 x KeyError: 1 (first at 1970-01-01 00:00:00)"


def test_only_the_last_of_chained_exceptions_was_uncaught():
    chained = "During handling of the above exception, another exception occurred:"
    direct = "The above exception was the direct cause of the following exception:"
    found = uncaught.parse(entries(HEAD, "IndexError", chained, HEAD, "KeyError: 1", direct, HEAD, "ValueError: 2"))
    assert [each.text for each in found] == ["ValueError: 2"]


def test_tracebacks_of_two_processes_may_mingle():
    one = entries(HEAD, "KeyError: 1").splitlines()
    two = entries(HEAD, "ValueError: 2", process="2").splitlines()
    found = uncaught.parse("\n".join((one[0], two[0], one[1], two[1])))
    assert {each.text for each in found} == {"KeyError: 1", "ValueError: 2"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage\n",
        "{",
        "{}",
        entries("KeyError: 1"),  # a line like the end of a traceback, without a traceback
        entries(HEAD),
        entries(HEAD, "OSError: write error"),
        "file\tone\n",
    ],
)
def test_other_text_is_no_exception(text):
    assert uncaught.parse(text) == ()


def test_an_ended_thread_in_a_log_file_is_found():
    line = "2026-11-29 12:00:00.123 7 ERROR oslo_service.service [-] Error starting thread.: KeyError: 1"
    (found,) = uncaught.parse(f"file\tnova-scheduler\t{line}\n")
    assert found == Uncaught(
        "nova-scheduler", "7 ERROR oslo_service.service [-] Error starting thread.: KeyError: 1", 1, line[:19]
    )


@pytest.mark.parametrize(
    "message",
    [
        "blk_update_request: I/O error, dev sda, sector 2048 op 0x0:(READ)",
        "Buffer I/O error on dev dm-3, logical block 1, lost async page write",
        "EXT4-fs (sda1): Remounting filesystem read-only",
        "EXT4-fs error (device sda1): ext4_journal_check_start:83: Detected aborted journal",
        "XFS (sdb1): Metadata corruption detected at xfs_agf_read_verify",
        "INFO: task mariadbd:812 blocked for more than 120 seconds.",
        "watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [qemu:77]",
        "rcu: INFO: rcu_preempt self-detected stall on CPU",
        "mce: [Hardware Error]: Machine check events logged",
        "nf_conntrack: nf_conntrack: table full, dropping packet",
        "neighbour: arp_cache: neighbor table overflow!",
        "clocksource: timekeeping watchdog on CPU2: Marking clocksource 'tsc' as unstable",
        "Forward time jump detected!",
    ],
)
def test_trouble_of_a_kernel_is_found(message):
    found = kernel.parse("known\n" + json.dumps({"MESSAGE": message}))
    assert found.known
    assert len(found.troubles) >= 1
    assert message[:150] in found.troubles[0]


@pytest.mark.parametrize("message", ["EXT4-fs (sda1): mounted filesystem", "Linux version 6.1.0", "eth0: link up"])
def test_usual_messages_are_no_trouble(message):
    assert kernel.parse(json.dumps({"MESSAGE": message})) == Kernel()


@pytest.mark.parametrize("text", ["", "garbage", "{", '{"MESSAGE": null}'])
def test_a_text_without_messages_says_that_nothing_is_known(text):
    assert kernel.parse(text) == Kernel(known=False, container=False, troubles=())


def test_a_container_is_marked():
    assert kernel.parse("container\n") == Kernel(container=True)


@pytest.mark.parametrize("script", [uncaught._SCRIPT, kernel._SCRIPT])
@pytest.mark.parametrize(
    ("journalctl", "code", "error"),
    [
        ("exit 1", 1, "the journal holds nothing"),  # without a journal, pattern matching or the right to read it
        ('case "$*" in *"-n 1 "*) echo one ;; *) exit 137 ;; esac', 1, "the search of the journal failed"),
        ('case "$*" in *"-n 1 "*) echo one ;; *) exit 1 ;; esac', 0, ""),  # no entry matches
    ],
)
def test_a_search_that_finds_nothing_says_so_only_where_it_could_find(script, journalctl, code, error, tmp_path):
    (tmp_path / "journalctl").write_text(f"#!/bin/sh\n{journalctl}\n")
    (tmp_path / "journalctl").chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-s", "--", "1 minute ago", "chrony"],
        input=script,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert error in done.stderr


def test_the_search_finds_every_kind():
    """The search on the host and the patterns here are one text, so none can find more than the other."""
    assert all(re.escape(pattern.pattern) in re.escape(kernel._SCRIPT) for pattern in kernel.KINDS.values())
