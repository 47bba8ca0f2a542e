"""Galera's facts: who is synced, primary and ready may serve, and only an unborn cluster is bootstrapped."""

import subprocess
from types import SimpleNamespace

import pytest

from deploy.errors import CommandFailed
from deploy.facts import galera

UUID = "24f93c4a-e576-11f1-a823-2b4b20c75650"


@pytest.fixture
def status(recording):
    return lambda case: galera.parse_status(recording("galera", case))


@pytest.fixture
def saved(recording):
    return lambda case: galera.parse_saved(recording("grastate", case))


def test_a_synced_member_tells_its_cluster(status):
    seen = status("synced")
    assert (seen.synced, seen.size, seen.primary, seen.ready, seen.uuid) == (True, 3, True, True, UUID)


@pytest.mark.parametrize("case", ["non-primary", "donor", "joining", "inconsistent", "not-ready"])
def test_no_other_member_may_serve(status, case):
    assert not status(case).synced


def test_a_member_of_a_minority_may_not_serve_whatever_else_it_says():
    assert not galera.GaleraStatus("Synced", size=1, primary=False, ready=True).synced


@pytest.mark.parametrize(
    ("case", "state"),
    [
        ("non-primary", "Initialized"),
        ("donor", "Donor/Desynced"),
        ("joining", "Joining: receiving State Transfer"),
        ("inconsistent", "Inconsistent"),
    ],
)
def test_the_state_is_told_in_galeras_own_words(status, case, state):
    assert status(case).state == state


def test_only_an_inconsistent_member_does_not_come_back_by_itself(status):
    cases = ["synced", "non-primary", "donor", "joining", "inconsistent", "not-ready"]
    assert [case for case in cases if status(case).inconsistent] == ["inconsistent"]


@pytest.mark.parametrize(
    "text", ["", "\n", "wsrep_ready", "wsrep_cluster_size\t²", "ERROR 2002 (HY000): Can't connect"]
)
def test_what_is_no_status_is_that_of_nobody(text):
    assert galera.parse_status(text) == galera.GaleraStatus()


def test_a_running_member_is_born(saved):
    seen = saved("running")
    assert (seen.born, seen.running, seen.uuid, seen.seqno, seen.safe_to_bootstrap) == (True, True, UUID, -1, False)


def test_the_last_one_to_go_down_knows_its_place_and_may_be_first(saved):
    seen = saved("last-one-down")
    assert (seen.born, seen.running, seen.seqno, seen.safe_to_bootstrap) == (True, False, 2962, True)


@pytest.mark.parametrize("case", ["absent", "zero-uuid"])
def test_a_member_that_never_was_in_a_cluster_is_unborn(saved, case):
    assert not saved(case).born
    assert not saved(case).running


@pytest.mark.parametrize("case", ["crashed", "empty"])
def test_a_member_that_crashed_is_not_unborn(saved, case):
    assert saved(case).born
    assert not saved(case).safe_to_bootstrap


@pytest.mark.parametrize("text", ["", "seqno: --5\n", "seqno: ²\n", "garbage"])
def test_of_nothing_nothing_is_told(text):
    assert galera.parse_saved(text) == galera.Saved()


@pytest.fixture
def read(tmp_path):
    """Run what is run on a host, for a data directory in `tmp_path`."""

    def run() -> subprocess.CompletedProcess[str]:
        script = galera._SAVED.replace("/var/lib/mysql", str(tmp_path)).replace(
            "systemctl is-active mariadb", "echo inactive"
        )
        return subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False)

    return run


def test_a_file_without_a_last_line_break_is_read_whole(read, tmp_path):
    (tmp_path / "grastate.dat").write_text(f"uuid: {UUID}\nsafe_to_bootstrap: 1")
    seen = galera.parse_saved(read().stdout)
    assert seen == galera.Saved(there=True, uuid=UUID, safe_to_bootstrap=True)


def test_no_file_is_unborn(read):
    assert galera.parse_saved(read().stdout) == galera.Saved()


def test_a_file_that_cannot_be_read_is_an_error_and_not_unborn(read, tmp_path):
    (tmp_path / "grastate.dat").mkdir()
    assert read().returncode != 0


def test_a_member_in_step_has_nothing_waiting_and_holds_nobody_back(status):
    seen = status("synced")
    assert (seen.protocol, seen.receiving, seen.paused, seen.is_pausing) == ("11", 0, 0.0, False)


def test_a_member_that_falls_behind_is_told(recording):
    text = recording("galera", "synced")
    for name, value in (("local_recv_queue", "17"), ("flow_control_paused", "0.25"), ("flow_control_active", "true")):
        lines = [f"wsrep_{name}\t{value}" if line.startswith(f"wsrep_{name}\t") else line for line in text.splitlines()]
        text = "\n".join(lines)
    seen = galera.parse_status(text)
    assert (seen.receiving, seen.paused, seen.is_pausing) == (17, 0.25, True)


def test_variables_are_told_by_name():
    text = "wsrep_on\tON\nwsrep_sst_auth\t\nno tab\n"
    assert galera.parse_variables(text) == {"wsrep_on": "ON", "wsrep_sst_auth": ""}


def test_a_value_may_have_tabs():
    assert galera.parse_variables("init_connect\tSET\tx = 1\n") == {"init_connect": "SET\tx = 1"}
    text = "wsrep_provider_vendor\ta\tb\nwsrep_local_state_comment\tSynced\tnow\n"
    assert galera.parse_status(text).state == "Synced\tnow"


def test_comments_of_a_saved_state_are_no_values():
    text = f"file: there\n# GALERA saved state\n# uuid: {UUID}\nno value\nseqno: 5\n"
    assert galera.parse_saved(text) == galera.Saved(there=True, seqno=5)


@pytest.mark.parametrize(("ok", "state"), [(True, "Synced"), (False, "")])
def test_a_command_that_failed_reports_no_status(recording, ok, state):
    host = SimpleNamespace(run=lambda *_, **__: SimpleNamespace(out=recording("galera", "synced"), ok=ok))
    assert galera.status(host).state == state


@pytest.mark.parametrize(
    ("said", "found"),
    [("172.16.181.32\n172.16.181.31\nend-of-answer\n", ("172.16.181.31", "172.16.181.32")), ("end-of-answer\n", ())],
)
def test_the_list_of_who_may_join_is_sorted(said, found):
    assert galera.allowed(SimpleNamespace(name="here", check=lambda *_, **__: said)) == found


def test_an_answer_that_breaks_off_is_no_empty_list():
    with pytest.raises(CommandFailed, match="allow list: not known"):
        galera.allowed(SimpleNamespace(name="here", check=lambda *_, **__: ""))


def test_transactions_without_a_statement_are_told_with_their_client():
    assert galera.parse_forgotten("1107\tneutron\t172.16.181.32:50652\t265\t1\n") == (
        "connection 1107 of neutron from 172.16.181.32:50652: 265 s without a statement, 1 rows locked",
    )
    assert galera.parse_forgotten("") == ()
