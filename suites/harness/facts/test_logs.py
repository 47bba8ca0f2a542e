"""Facts of logs: which lines are trouble, of which source, how many in ten minutes, and which logs were not read."""

import gzip
import json
import lzma
import os
import shutil
import subprocess
from datetime import datetime

import pytest

from deploy.facts import log_script, logs
from deploy.facts.log_script import JOURNAL, SAMPLE
from deploy.facts.logs import UNKNOWN, Trouble

AT = "2026-11-21 09:3"
"""The beginning of a log line within one span of ten minutes."""
BEFORE, SINCE = "2026-11-20 12:00", "2026-11-21 09:00"
REQUEST = "[None req-cd0a5096-690e-4e8b-95c7-974fdc226920 - - - - - -]"
WORKED = f"file\t{SAMPLE}\tcritical\t{AT}0:00\t1\ta line\nended 1\nread\t0\n"
"""The output of a host without trouble."""


@pytest.fixture
def journal(tmp_path):
    """A journalctl whose entries a test replaces: its script prints the entries that match."""
    program = tmp_path / "programs" / "journalctl"
    program.parent.mkdir()

    def becomes(script):
        program.write_text(f'#!/bin/sh\ncase " $* " in *" -g . "*) echo one entry; exit ;; esac\n{script}\n')
        program.chmod(0o755)

    becomes("exit 1")
    return becomes


@pytest.fixture
def log(tmp_path):
    """Write a log below the folder that stands for /var/log, with the time of its last line."""

    def write(name, *lines, at=f"{AT}9"):
        path = tmp_path / "log" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        content = "".join(f"{line}\n" for line in lines).encode()
        pack = {".gz": gzip.compress, ".xz": lzma.compress}.get(path.suffix, bytes)
        path.write_bytes(pack(content))
        written = datetime.fromisoformat(at).timestamp()
        os.utime(path, (written, written))
        return path

    return write


@pytest.fixture
def read(tmp_path, journal):
    """Run the script of a host on the logs and the journal of the test."""
    (tmp_path / "log").mkdir()
    text = log_script.SCRIPT.replace("/var/log", str(tmp_path / "log"))
    path = f"{tmp_path / 'programs'}:{os.environ['PATH']}"

    def run(since=SINCE, path=path):
        result = subprocess.run(
            [shutil.which("sh"), "-s", "--", since],
            input=text,
            env={**os.environ, "PATH": path, "TZ": "UTC"},
            text=True,
            capture_output=True,
            check=False,
        )
        assert result.returncode == 0
        return logs.parse(result.stdout)

    return run


def of_journal(message, **fields):
    return json.dumps({"MESSAGE": message, "__REALTIME_TIMESTAMP": "1795253760000000", **fields})


def found(text):
    return [(trouble.source, trouble.kind) for trouble in logs.parse(f"{text}\n{WORKED}").troubles]


# -- files ---------------------------------------------------------------------------------------


def test_a_critical_line_is_trouble(read, log):
    line = f"{AT}1:02.300 12 CRITICAL nova {REQUEST} Unhandled error: KeyError: 'a'"
    log("nova/nova-api-wsgi.log", "2026-11-21 09:30:00.000 12 INFO nova [-] x", line)
    seen = read()
    assert seen.troubles == (Trouble("nova-api-wsgi", "critical", 1, 1, line),)
    assert seen.since == "2026-11-21 09:00:00 (as given)"


def test_a_client_that_hung_up_is_no_trouble(read, log):
    line = f"{AT}1:02.300 12 CRITICAL nova {REQUEST} Unhandled error: OSError: write error"
    log("nova/nova-api-wsgi.log", line, f"{AT}1:02.300 12 ERROR nova ")
    assert read().troubles == ()


def test_a_traceback_is_named_by_the_first_line_of_its_message(read, log):
    head = f"{AT}1:02.300 12 ERROR nova.servicegroup {REQUEST} Unexpected error while reporting: Timed out"
    trace = f"{AT}1:02.300 12 ERROR nova.servicegroup Traceback (most recent call last):"
    log("nova/nova-compute.log", head, "[SQL: SELECT 1]", "(Background on this error)", trace)
    assert read().troubles == (Trouble("nova-compute", "traceback", 1, 1, head),)


def failure(at, request=REQUEST):
    """The two lines of a failure: its message, and its traceback."""
    logger = f"{at}.300 12 ERROR neutron.plugins.ml2.managers"
    return f"{logger} {request} Mechanism driver failed", f"{logger} Traceback (most recent call last):"


@pytest.mark.parametrize(
    ("second", "count"),
    [
        pytest.param(failure(f"{AT}1:09"), 1, id="one request within ten seconds"),
        pytest.param(failure(f"{AT}1:10"), 2, id="one request, later"),
        pytest.param(failure(f"{AT}1:09", "[None req-0 - - - - - -]"), 2, id="another request"),
    ],
)
def test_the_tracebacks_of_one_request_count_once_in_ten_seconds(read, log, second, count):
    first = failure(f"{AT}1:02")
    log("neutron/neutron-rpc-server.log", *first, *second)
    assert read().troubles == (Trouble("neutron-rpc-server", "traceback", count, count, first[0]),)


def test_tracebacks_without_a_request_all_count(read, log):
    log("neutron/neutron-rpc-server.log", *failure(f"{AT}1:02", "[-]") * 3)
    assert read().troubles[0].count == 3


def test_a_request_to_keystone_for_a_missing_object_is_no_trouble(read, log):
    logger = f"{AT}1:02.300 12 ERROR keystone.server.flask.application"
    lines = (
        f"{logger} {REQUEST} Could not find project: demo.: NotFound",
        f"{logger} Traceback (most recent call last):",
        *[f"{logger} "] * 9,
        f"{logger} Traceback (most recent call last):",
    )
    log("keystone/keystone-wsgi-public.log", *lines)
    assert read().troubles == ()


def test_a_traceback_after_a_harmless_one_is_trouble(read, log):
    logger = f"{AT}1:02.300 12 ERROR keystone.server.flask.application"
    harmless = f"{logger} {REQUEST} Could not find project: demo.: NotFound"
    trace = f"{AT}5:00.000 12 ERROR keystone.common.wsgi Traceback (most recent call last):"
    log("keystone/keystone-wsgi-public.log", harmless, f"{logger} Traceback (most recent call last):", trace)
    assert read().troubles == (Trouble("keystone-wsgi-public", "traceback", 1, 1, trace),)


def test_the_largest_count_in_ten_minutes_is_reported(read, log):
    lines = [f"{at} 12 CRITICAL nova [-] no" for at in (f"{AT}1:00", "2026-11-21 09:40:00", "2026-11-21 09:49:59")]
    log("nova/nova-compute.log", *lines)
    assert read().troubles == (Trouble("nova-compute", "critical", 3, 2, lines[0]),)


def test_no_number_of_lines_hides_another(read, log):
    lines = [f"2026-11-21 {10 + hour}:00:00 12 CRITICAL nova [-] no" for hour in range(9) for _ in range(900)]
    newest = "2026-11-21 23:00:00 12 ERROR nova Traceback (most recent call last):"
    log("nova/nova-compute.log", *lines, newest)
    assert read().troubles == (
        Trouble("nova-compute", "critical", 8100, 900, lines[0]),
        Trouble("nova-compute", "traceback", 1, 1, newest),
    )


def test_only_lines_after_the_given_time_are_read(read, log):
    old, new = "2026-11-21 08:59:59.000 1 CRITICAL nova [-] old", "2026-11-21 10:00:00.000 1 CRITICAL nova [-] new"
    log("nova/nova-compute.log", old, new)
    log("nova/nova-conductor.log", old, at=BEFORE)
    assert read().troubles == (Trouble("nova-compute", "critical", 1, 1, new),)


@pytest.mark.parametrize(
    "name",
    [
        "haproxy.log",
        "nova/nova-conductor.log.1",
        "nova/nova-conductor.log.2.gz",
        "nova/nova-conductor.log-20261121.xz",
        "nova/nova-conductor.log.old",
        "libvirt/qemu/instance-1.log",
    ],
)
def test_rotated_logs_and_those_of_any_folder_are_read(read, log, name):
    line = f"{AT}1:02.300 1 CRITICAL nova [-] just before logrotate"
    log(name, line)
    source = name.rpartition("/")[2].partition(".log")[0]
    assert read().troubles == (Trouble(source, "critical", 1, 1, line),)


def test_a_source_is_counted_across_its_rotated_logs(read, log):
    first, second = f"{AT}1:02.300 1 CRITICAL nova [-] a", f"{AT}2:02.300 1 CRITICAL nova [-] b"
    log("nova/nova-conductor.log", second)
    log("nova/nova-conductor.log.1", first)
    assert read().troubles == (Trouble("nova-conductor", "critical", 2, 2, first),)


def test_what_the_syslog_daemon_copies_from_the_journal_is_not_counted_twice(read, log):
    log("kern.log", f"{AT}1:02.300 host kernel: Out of memory: Killed process 1 (a)")
    assert read().troubles == ()


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-21T09:31:02.300+00:00 controller01 haproxy[1]: exited with code 139 (Segmentation fault)",
        "Nov 21 09:31:02.300 controller01 pacemakerd [1046] error: terminated with signal 11",
        "uWSGI got Segmentation Fault",
    ],
)
def test_a_line_with_another_date_or_none_is_read(read, log, line):
    log("a/a.log", line)
    assert read().troubles == (Trouble("a", "crash", 1, 1, line),)


def test_an_old_line_of_another_date_is_left_out(read, log):
    log("a/a.log", "Nov 21 08:31:02.300 controller01 pacemakerd [1046] error: terminated with signal 11")
    assert read().troubles == ()


# -- the journal ---------------------------------------------------------------------------------


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
    text = of_journal(message, UNIT="nova-api.service", _SYSTEMD_UNIT="init.scope")
    assert found(text) == [("nova-api", "crash")]
    assert logs.parse(text).troubles[0].first.endswith(message)


def test_an_out_of_memory_kill_is_reported_for_the_kernel():
    message = of_journal("Out of memory: Killed process 12 (mariadbd)", SYSLOG_IDENTIFIER="kernel")
    assert found(message) == [("kernel", "crash")]


def test_a_message_with_other_ends_of_lines_is_one_entry():
    message = json.dumps(
        {"MESSAGE": "a\u2028b CRITICAL c", "__REALTIME_TIMESTAMP": "1", "UNIT": "a.service"}, ensure_ascii=False
    )
    assert found(message) == [("a", "critical")]


def test_half_an_entry_is_not_known():
    assert found(of_journal("x CRITICAL x")[:-9]) == [(JOURNAL, UNKNOWN)]


def test_a_binary_journal_message_is_skipped():
    assert found(of_journal([32, 67, 255], _SYSTEMD_UNIT="a.service")) == []


def test_the_newest_entries_of_a_long_journal_are_read_and_the_others_counted(read, journal):
    entry = of_journal("x CRITICAL x", _SYSTEMD_UNIT="NAME")
    journal(f"yes '{entry.replace('NAME', 'a')}' | head -n 5001; echo '{entry.replace('NAME', 'newest')}'")
    counts = {(trouble.source, trouble.kind): trouble for trouble in read().troubles}
    assert counts["a", "critical"].count == 4999
    assert ("newest", "critical") in counts
    assert str(counts[JOURNAL, UNKNOWN]) == "journal: not known: 2 older entries were left out"


# -- what was not read ---------------------------------------------------------------------------


def unknown(seen):
    return {trouble.source for trouble in seen.troubles if trouble.kind == UNKNOWN}


def test_a_damaged_log_is_not_known(read, log):
    log("nova/nova-conductor.log", f"{AT}1:02.300 1 CRITICAL nova [-] a")
    damaged = log("nova/nova-scheduler.log.2.gz", f"{AT}1:02.300 1 CRITICAL nova [-] a")
    damaged.write_bytes(damaged.read_bytes()[:-9])
    seen = read()
    assert unknown(seen) == {"nova-scheduler"}
    assert ("nova-conductor", "critical") in {(trouble.source, trouble.kind) for trouble in seen.troubles}


@pytest.mark.parametrize(
    "script",
    [
        "echo 'Failed to open /var/log/journal: Permission denied' >&2; exit 1",
        "echo 'Compiled without pattern matching support' >&2; exit 1",
        "kill -9 $$",
        "exit 127",
    ],
)
def test_a_journal_that_cannot_be_read_is_not_known(read, journal, script):
    journal(script)
    assert unknown(read()) == {JOURNAL}


def test_a_damaged_file_of_the_journal_is_not_known_within_the_window_only(read, journal, log):
    file = log("a/system.journal", "", at=BEFORE)
    journal(f"echo 'Journal file {file} is truncated, ignoring file.' >&2; exit 1")
    assert unknown(read()) == set()
    log("a/system.journal", "")
    assert unknown(read()) == {JOURNAL}


@pytest.mark.parametrize("tool", ["find", "grep", "awk", "xargs", "journalctl", "cat", "gzip"])
def test_a_search_without_its_tools_is_not_known(read, log, tmp_path, tool):
    log("nova/nova-conductor.log", f"{AT}1:02.300 1 CRITICAL nova [-] a")
    log("nova/nova-conductor.log.2.gz", f"{AT}1:02.300 1 CRITICAL nova [-] a")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in {"find", "grep", "awk", "xargs", "date", "stat", "ps", "cat", "gzip", "sh"} - {tool}:
        (tools / name).symlink_to(shutil.which(name))
    programs = [tools] if tool == "journalctl" else [tools, tmp_path / "programs"]
    assert unknown(read(path=":".join(map(str, programs))))


@pytest.mark.parametrize("text", ["", "ended 0\nread\t0\n", WORKED.replace("ended 1", "ended 137"), "garbage"])
def test_an_answer_without_its_parts_is_not_known(text):
    assert JOURNAL in unknown(logs.parse(text))


def test_an_invalid_time_is_an_error():
    command = [shutil.which("sh"), "-s", "--", "the other day"]
    result = subprocess.run(command, input=log_script.SCRIPT, text=True, capture_output=True, check=False)
    assert result.returncode != 0
    assert "invalid date" in result.stdout
