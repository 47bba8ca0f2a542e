"""Facts of logs: which lines are trouble, of which source, how many in ten minutes, and the first line."""

import json
import shutil
import subprocess

import pytest

from deploy.facts import logs
from deploy.facts.logs import Trouble

AT = "2026-11-21 09:3"
"""The beginning of a log line within one span of ten minutes."""
REQUEST = "[None req-cd0a5096-690e-4e8b-95c7-974fdc226920 - - - - - -]"


def of_file(source, *lines):
    return "".join(f"file\t{source}\t{line}\n" for line in lines)


def of_journal(message, **fields):
    return json.dumps({"MESSAGE": message, "__REALTIME_TIMESTAMP": "1795253760000000", **fields}) + "\n"


def test_a_critical_line_is_trouble():
    line = f"{AT}1:02.300 12 CRITICAL nova {REQUEST} Unhandled error: KeyError: 'a'"
    assert logs.parse(of_file("nova-api-wsgi", line)) == [Trouble("nova-api-wsgi", "critical", 1, 1, line)]


def test_a_client_that_hung_up_is_no_trouble():
    line = f"{AT}1:02.300 12 CRITICAL nova {REQUEST} Unhandled error: OSError: write error"
    assert logs.parse(of_file("nova-api-wsgi", line, f"{AT}1:02.300 12 ERROR nova ")) == []


def test_a_traceback_is_named_by_the_line_before_it():
    head = f"{AT}1:02.300 12 ERROR nova.servicegroup {REQUEST} Unexpected error while reporting: Timed out"
    trace = f"{AT}1:02.300 12 ERROR nova.servicegroup Traceback (most recent call last):"
    assert logs.parse(of_file("nova-compute", head, trace)) == [Trouble("nova-compute", "traceback", 1, 1, head)]


def test_a_request_to_keystone_for_a_missing_object_is_no_trouble():
    logger = f"{AT}1:02.300 12 ERROR keystone.server.flask.application"
    lines = (
        f"{logger} {REQUEST} Could not find project: demo.: NotFound",
        f"{logger} Traceback (most recent call last):",
        f"{logger} ",
        f"{logger} Traceback (most recent call last):",
    )
    assert logs.parse(of_file("keystone-wsgi-public", *lines)) == []


def test_the_largest_count_in_ten_minutes_is_reported():
    lines = [f"{at} 12 CRITICAL nova [-] no" for at in (f"{AT}1:00", "2026-11-21 09:40:00", "2026-11-21 09:49:59")]
    (trouble,) = logs.parse(of_file("nova-compute", *lines))
    assert (trouble.count, trouble.most, trouble.first) == (3, 2, lines[0])


@pytest.mark.parametrize(
    "message",
    [
        "nova-api.service: Main process exited, code=dumped, status=11/SEGV",
        "nova-api.service: Failed with result 'oom-kill'.",
        "nova-api.service: A process of this unit has been killed by the OOM killer.",
        "!!! uWSGI process 589 got Segmentation Fault !!!",
    ],
)
def test_a_crash_is_reported_for_its_unit(message):
    found = logs.parse(of_journal(message, UNIT="nova-api.service", _SYSTEMD_UNIT="init.scope"))
    assert [(trouble.source, trouble.kind) for trouble in found] == [("nova-api", "crash")]
    assert found[0].first.endswith(message)


def test_an_out_of_memory_kill_is_reported_for_the_kernel():
    found = logs.parse(of_journal("Out of memory: Killed process 12 (mariadbd)", SYSLOG_IDENTIFIER="kernel"))
    assert [(trouble.source, trouble.kind) for trouble in found] == [("kernel", "crash")]


def test_a_binary_journal_message_is_skipped():
    assert logs.parse(of_journal([32, 67, 255], _SYSTEMD_UNIT="a.service")) == []


@pytest.fixture
def script(tmp_path):
    """Run the script of a host on the logs in `tmp_path`, without a journal."""
    text = logs._SCRIPT.replace("/var/log", str(tmp_path)).replace("journalctl", "true")

    def run(since):
        command = [shutil.which("sh"), "-s", "--", since]
        return subprocess.run(command, input=text, text=True, capture_output=True, check=False)

    return run


def test_only_lines_after_the_given_time_are_read(script, tmp_path):
    (tmp_path / "nova").mkdir()
    (tmp_path / "nova" / "nova-compute.log").write_text(
        "2026-11-21 09:00:00.000 1 CRITICAL nova [-] old\n2026-11-21 10:00:00.000 1 CRITICAL nova [-] new\n"
    )
    (trouble,) = logs.parse(script("2026-11-21 09:30").stdout)
    assert (trouble.source, trouble.count, trouble.first[-3:]) == ("nova-compute", 1, "new")


def test_an_invalid_time_is_an_error(script):
    assert script("the other day").returncode != 0
