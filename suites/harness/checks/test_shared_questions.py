"""Shared questions: checks whose answers cost a host much ask it once, however many subjects there are."""

from collections import defaultdict
from contextlib import suppress

import pytest
from _pytest.outcomes import Failed

from deploy.errors import StackproofError
from deploy.facts.ended import END
from suites.harness.state_checks import StandIns, bound

ONE = {
    "defects": {"test_files::test_package_defect_is_patched"},
    "kernel settings": {"test_hosts::test_kernel_setting_is_active"},
    "secrets of an outpost": {
        "test_security::test_host_holds_the_secrets_of_its_services_alone",
        "test_security::test_no_host_holds_the_administrators_password",
    },
}
"""Checks that share one question to each host."""


@pytest.fixture
def asked(site_of):
    """The questions to each host by check, and the checks with a subject there."""
    found, current = defaultdict(set), [("", "")]

    def answers(command):
        if command.text != "true":  # whether the host answers at all
            found[current[0]].add(command)
        return 1, ""

    site = site_of("lab")
    assert site.secrets["keystone.admin"]
    assert site.secrets["keystone.demo"]
    for check, _, node, call in bound(StandIns(site, answers)):
        if node and any(check in checks for checks in ONE.values()):
            current[0] = (check, node.name)
            with suppress(Failed, StackproofError):
                call()
    return found


@pytest.mark.parametrize("what", ONE)
def test_one_question_to_each_host(what, asked):
    by_host = defaultdict(set)
    for (check, host), commands in asked.items():
        if check in ONE[what]:
            by_host[host] |= commands
    assert by_host
    assert {host: len(commands) for host, commands in by_host.items()} == dict.fromkeys(by_host, 1)


def test_a_controller_is_searched_for_the_passwords_of_the_runner_only(asked):
    check = "test_security::test_no_host_holds_the_administrators_password"
    (command,) = asked[check, "controller01"]
    assert [line.partition("\t")[0] for line in command.stdin.splitlines()] == ["keystone.admin", "keystone.demo"]


SETTINGS = {
    "net.ipv4.ip_forward": 0,
    "net.ipv4.conf.all.arp_ignore": 1,
    "net.ipv4.conf.all.arp_announce": 2,
    "net.ipv4.ip_nonlocal_bind": 0,  # the build sets 1
    "net.ipv4.tcp_keepalive_time": 3,
    "net.ipv4.tcp_keepalive_intvl": 1,
    "net.ipv4.tcp_keepalive_probes": 7,
}
WRONG = {
    "test_hosts::test_kernel_setting_is_active": (
        "".join(f"{key} = {value}\n" for key, value in SETTINGS.items()),
        ["controller01-net.ipv4.ip_nonlocal_bind"],
    ),
    "test_files::test_package_defect_is_patched": (
        f"1\n{END}\n",
        ["controller01-/usr/lib/python3/dist-packages/memcache.py"],
    ),
}
"""What a host answers, and the subjects that are wrong by it."""


@pytest.mark.parametrize("check", WRONG)
def test_each_subject_is_judged_by_its_own_part_of_the_answer(check, site_of):
    text, wrong = WRONG[check]
    red = []
    for name, subject, node, call in bound(StandIns(site_of("lab"), lambda _: (0, text))):
        if name == check and node.name == "controller01":
            try:
                call()
            except Failed:
                red.append(subject)
    assert red == wrong
