"""RabbitMQ's facts: whole means every member, no partition and no alarm, and nothing else does."""

import json
import subprocess
from types import SimpleNamespace

import pytest

from deploy import catalogue, inventory
from deploy.errors import CommandFailed
from deploy.facts import rabbitmq
from fixtures.drills.ledgers import messages

INTERNALS = catalogue.load().of(inventory.load("lab"))["rabbitmq"].internals
MEMBERS = ("rabbit@controller01", "rabbit@controller02", "rabbit@controller03")


@pytest.fixture
def seen(recording):
    return lambda case: rabbitmq.parse(recording("rabbitmq", case))


def test_a_whole_cluster(seen):
    assert seen("whole") == rabbitmq.RabbitStatus(running=MEMBERS)
    assert seen("whole").whole(3)


def test_a_cluster_of_the_wrong_size_is_not_whole(seen):
    assert not seen("whole").whole(5)
    assert not seen("whole").whole(1)


@pytest.mark.parametrize("case", ["one-missing", "partitioned", "disk-alarm"])
def test_no_other_cluster_is_whole(seen, case):
    assert not seen(case).whole(3)


def test_each_trouble_is_told(seen):
    assert seen("one-missing").running == ("rabbit@controller01", "rabbit@controller03")
    assert seen("partitioned").partitions == ("rabbit@controller01",)
    assert "disk" in seen("disk-alarm").alarms[0]


def listing(**last: object) -> str:
    """What the management plugin answers, its last member as told."""
    well = {"running": True, "partitions": [], "mem_alarm": False, "disk_free_alarm": False}
    return json.dumps([{"name": name, **well, **(last if name == MEMBERS[-1] else {})} for name in MEMBERS])


def test_a_whole_cluster_as_listed():
    assert rabbitmq.parse_nodes(listing()) == rabbitmq.RabbitStatus(running=MEMBERS)


@pytest.mark.parametrize("trouble", [{"partitions": [MEMBERS[0]]}, {"mem_alarm": True}, {"disk_free_alarm": True}])
def test_no_other_cluster_is_whole_as_listed(trouble):
    assert not rabbitmq.parse_nodes(listing(**trouble)).whole(3)


def test_each_trouble_is_told_as_listed():
    # One that is down has neither partitions nor alarms to tell.
    down = [*json.loads(listing())[:2], {"name": MEMBERS[2], "running": False}]
    assert rabbitmq.parse_nodes(json.dumps(down)) == rabbitmq.RabbitStatus(running=MEMBERS[:2])
    assert rabbitmq.parse_nodes(listing(partitions=[MEMBERS[0]])).partitions == (MEMBERS[0],)
    assert rabbitmq.parse_nodes(listing(disk_free_alarm=True)).alarms == (f"disk_free_alarm of {MEMBERS[2]}",)


NONE = ["", "Error: unable to perform an operation", "{", "{}", "[]", '{"running_nodes": null}', '{"running_nodes": 5}']


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_status_is_that_of_nobody(text):
    assert rabbitmq.parse(text) == rabbitmq.RabbitStatus()
    assert not rabbitmq.parse(text).whole(0)


@pytest.mark.parametrize("text", [*NONE, '{"error": "not_authorised"}', '["rabbit"]', '[{"name": "rabbit"}]'])
def test_what_is_no_list_is_that_of_nobody(text):
    assert rabbitmq.parse_nodes(text) == rabbitmq.RabbitStatus()


def test_a_warning_before_the_answer_is_skipped(recording):
    assert rabbitmq.parse(f"warning: something\n{recording('rabbitmq', 'whole')}").whole(3)


@pytest.fixture
def broker(recording):
    return rabbitmq.parse_broker(recording("rabbitmq", "broker"))


def test_every_member_is_told_with_what_it_does_in_a_partition(broker):
    assert set(broker.members) == {f"rabbit@controller0{number}" for number in (1, 2, 3)}
    assert {member.handling for member in broker.members.values()} == {"pause_minority"}
    assert {(member.running, member.kind, member.alarms) for member in broker.members.values()} == {(True, "disc", ())}


def test_a_quorum_queue_is_told_with_its_copies(broker):
    kinds = {queue.kind for queue in broker.queues.values()}
    assert kinds == {"quorum", "classic"}
    quorum = [queue for queue in broker.queues.values() if queue.kind == "quorum"]
    assert all(queue.durable and queue.online == queue.members == set(broker.members) for queue in quorum)


def test_users_and_what_they_may_are_told(broker):
    assert broker.users == {"openstack": ("monitoring",)}
    assert broker.permissions == {("openstack", "/"): (".*", ".*", ".*")}
    assert broker.mirrored == ()


def test_a_member_that_does_not_run_tells_nothing(recording):
    text = recording("rabbitmq", "broker").replace('"running":true', '"running":false', 1)
    seen = rabbitmq.parse_broker(text).members
    assert [member for member in seen.values() if not member.running] == [rabbitmq.Member()]


def test_a_member_that_is_frozen_tells_nothing(recording):
    seen = rabbitmq.parse_broker(recording("rabbitmq", "one-silent"))
    assert seen.members["rabbit@controller03"] == rabbitmq.Member()
    assert all(len(queue.online) == 2 for queue in seen.queues.values() if queue.kind == "quorum")


@pytest.mark.parametrize("field", ["alarms", "partitions", "handling", "loopback_users"])
def test_a_member_that_leaves_a_question_unanswered_tells_nothing(recording, field):
    fields = json.loads(recording("rabbitmq", "broker").splitlines()[0])
    fields["members"][0][field] = None
    assert rabbitmq.parse_broker(json.dumps(fields)).members[fields["members"][0]["name"]] == rabbitmq.Member()


def test_a_policy_that_mirrors_is_told(recording):
    policy = '"policies":[{"name":"ha","definition":{"ha-mode":"all"}},{"name":"ttl","definition":{"expires":1}}]'
    text = recording("rabbitmq", "broker").replace('"policies":[]', policy)
    assert rabbitmq.parse_broker(text).mirrored == ("ha",)


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        ("[]", ()),
        ('["172.16.181.32:5 -> 172.16.181.31:5672 (1)"]', ("172.16.181.32:5 -> 172.16.181.31:5672 (1)",)),
        ("null", None),
    ],
)
def test_who_listens_to_a_queue_that_is_gone_is_told_or_that_nobody_knows(recording, told, seen):
    text = recording("rabbitmq", "broker").replace('"deaf":[]', f'"deaf":{told}')
    assert rabbitmq.parse_broker(text).deaf == seen


@pytest.mark.parametrize("text", ["", "ok", "{}", '{"members": 5}', "Error: unable to perform an operation on node"])
def test_of_nothing_nobody_answers(text):
    assert rabbitmq.parse_broker(text) == rabbitmq.Broker()


@pytest.fixture
def member(tmp_path, monkeypatch):
    """A host whose Erlang tools are ours: each says its name, what it was asked, and ends as told."""
    for tool, asked in (("erl_call", "$(cat)"), ("rabbitmqctl", "$5")):
        (tmp_path / tool).write_text(f'#!/bin/sh\n[ -e {tmp_path}/{tool}.ok ] || exit 1\necho "{tool} {asked}"\n')
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    def run(command, expression, stdin, timeout):
        words = ["sh", "-s", "--", expression]
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
        return SimpleNamespace(ok=done.returncode == 0, out=done.stdout)

    def script(text, timeout):
        done = subprocess.run(["sh", "-s"], input=text, capture_output=True, text=True, timeout=timeout, check=True)
        return done.stdout

    return SimpleNamespace(
        name="controller01", run=run, script=script, answering=lambda tool: (tmp_path / f"{tool}.ok").touch()
    )


def test_a_member_is_asked_without_a_virtual_machine_of_its_own(member):
    member.answering("erl_call")
    member.answering("rabbitmqctl")
    assert rabbitmq.evaluated(member, "1 + 'one'.") == "erl_call 1 + 'one'.\n"


def test_who_asks_has_a_name_of_its_own(member, tmp_path):
    """The real erl_call refuses the second of two with one name, as those that -r makes up in one second are."""
    (tmp_path / "erl_call").write_text(f'#!/bin/sh\ncat > /dev/null\necho "$*" >> {tmp_path}/words\n')
    for _ in range(2):
        rabbitmq.evaluated(member, "1.")
    first, second = (line.split() for line in (tmp_path / "words").read_text().splitlines())
    assert first[:1] == second[:1] == ["-h"]
    assert first[1] != second[1]


def test_where_erlang_has_no_such_tool_rabbitmqs_own_asks(member):
    member.answering("rabbitmqctl")
    assert rabbitmq.evaluated(member, "1 + 1.") == "rabbitmqctl 1 + 1.\n"


def test_a_member_that_does_not_answer_says_nothing(member):
    assert rabbitmq.evaluated(member, "1.") == ""
    assert rabbitmq.status(member, INTERNALS) == rabbitmq.RabbitStatus()


def test_a_member_does_what_a_drill_tells_it_and_no_command_line_has_that(member, tmp_path):
    member.answering("erl_call")
    (tmp_path / "erl_call").write_text(f'#!/bin/sh\necho "$*" > {tmp_path}/words\ncat > {tmp_path}/told\necho done\n')
    assert messages._evaluate(member, "tell(secret)") == ""
    assert (tmp_path / "told").read_text() == 'tell(secret),\nio:format("done~n").\n'
    assert "secret" not in (tmp_path / "words").read_text()


@pytest.mark.parametrize("said", ["", "queue stackproof-ledger-1"])
def test_what_it_did_not_do_to_the_end_is_an_error(member, tmp_path, said):
    (tmp_path / "erl_call").write_text(f"#!/bin/sh\ncat > /dev/null\necho '{said}'\n")
    with pytest.raises(CommandFailed, match="controller01: RabbitMQ did not complete a command of the drill"):
        messages._evaluate(member, "ok")
