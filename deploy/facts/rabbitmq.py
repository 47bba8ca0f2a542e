"""RabbitMQ: members, partitions and alarms, as one member sees them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from string import Template
from typing import Any

from deploy.errors import CommandFailed
from deploy.host import Reads


@dataclass(frozen=True)
class RabbitStatus:
    """One member's view of its cluster; no members: it did not answer."""

    running: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()

    def whole(self, members: int) -> bool:
        """All members run, none is partitioned, no alarm stops publishers."""
        return len(self.running) == members > 0 and not self.partitions and not self.alarms


def status(host: Reads, internals: Mapping[str, str]) -> RabbitStatus:
    """Ask the member on that host. `internals`: the Erlang of its release, as the catalogue has it for the service."""
    return parse(_evaluated(host, Template(_STATUS).substitute(internals)))


def parse(text: str) -> RabbitStatus:
    """The JSON object that `_STATUS` prints."""
    try:
        told = json.loads(text[text.index("{") :])
        return RabbitStatus(
            running=tuple(sorted(told["running_nodes"])),
            partitions=tuple(sorted(told["partitions"])),
            alarms=tuple(str(alarm) for alarm in told["alarms"]),
        )
    except (ValueError, KeyError, TypeError):
        return RabbitStatus()


def listed(text: str) -> RabbitStatus:
    """The list of members that the management plugin's `/api/nodes` answers, as the member asked sees them."""
    try:
        nodes = json.loads(text)
        return RabbitStatus(
            running=tuple(sorted(node["name"] for node in nodes if node["running"])),
            partitions=tuple(sorted({name for node in nodes for name in node.get("partitions", ())})),
            alarms=tuple(
                f"{alarm} of {node['name']}"
                for node in nodes
                for alarm in ("mem_alarm", "disk_free_alarm")
                if node.get(alarm, False)
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return RabbitStatus()


def users(host: Reads) -> dict[str, tuple[str, ...]]:
    """The users and their tags."""
    out = _evaluated(host, _USERS)
    try:
        return {entry["user"]: tuple(entry["tags"]) for entry in json.loads(out[out.index("[") :])}
    except (ValueError, KeyError, TypeError):
        raise CommandFailed(f"{host.name}: RabbitMQ does not tell its users", seen=out[:300] or "nothing") from None


@dataclass(frozen=True)
class Member:
    """One member, as it answers another; not `running`: it does not."""

    running: bool = False
    kind: str = ""
    """disc or ram."""
    partitions: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    handling: str = ""
    """What it does in a partition."""
    loopback_users: tuple[str, ...] = ()
    """Who may log in from the member itself only."""


@dataclass(frozen=True)
class Queue:
    """One queue."""

    kind: str
    """quorum, classic or stream."""
    durable: bool = False
    exclusive: bool = False
    members: frozenset[str] = frozenset()
    """Members that keep a copy; a classic queue tells none."""
    online: frozenset[str] = frozenset()
    """Those of them that run."""


@dataclass(frozen=True)
class Broker:
    """The whole cluster; no members: nobody answered."""

    members: Mapping[str, Member] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Tags by user."""
    permissions: Mapping[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)
    """What each user may configure, write and read, by user and virtual host."""
    mirrored: tuple[str, ...] = ()
    """Policies that mirror classic queues."""
    deaf: tuple[str, ...] | None = None
    """Channels, by their connections' ends, that listen to a queue which is gone; None: somebody did not answer."""


def broker(host: Reads, internals: Mapping[str, str]) -> Broker:
    """Ask the member on that host for all there is to know. `internals`: as for `status`."""
    return parse_broker(_evaluated(host, Template(_EVERYTHING).substitute(internals)))


@lru_cache(maxsize=32)  # many checks read the same answer
def parse_broker(text: str) -> Broker:
    """The JSON object that `_EVERYTHING` prints, on a line of its own."""
    line = next((line for line in text.splitlines() if line.startswith("{")), "")
    try:
        told = json.loads(line)
        return Broker(
            members={entry["name"]: _member(entry) for entry in told["members"]},
            queues={_queue_name(entry): _queue(entry) for entry in told["queues"]},
            users={entry["user"]: tuple(entry["tags"]) for entry in told["users"]},
            permissions={
                (entry["user"], entry["vhost"]): (entry["configure"], entry["write"], entry["read"])
                for entry in told["permissions"]
            },
            mirrored=tuple(entry["name"] for entry in told["policies"] if "ha-mode" in entry["definition"]),
            deaf=tuple(sorted(told["deaf"])) if isinstance(told["deaf"], list) else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Broker()


def _member(entry: dict[str, Any]) -> Member:
    if not entry["running"]:
        return Member()
    return Member(
        running=True,
        kind=entry["kind"],
        partitions=tuple(sorted(entry["partitions"])),
        alarms=tuple(entry["alarms"]),
        handling=entry["handling"],
        loopback_users=tuple(entry["loopback_users"]),
    )


def _queue_name(entry: dict[str, Any]) -> str:
    return entry["name"] if entry["vhost"] == "/" else f"{entry['vhost']}/{entry['name']}"


def _queue(entry: dict[str, Any]) -> Queue:
    return Queue(
        kind=entry["kind"].removeprefix("rabbit_").removesuffix("_queue"),
        durable=entry["durable"],
        exclusive=entry["exclusive"],
        members=frozenset(entry["members"]),
        online=frozenset(entry["online"]),
    )


def _evaluated(host: Reads, expression: str) -> str:
    """What an Erlang expression prints that the member on that host evaluates; empty: it does not answer."""
    result = host.run("exec sh -s -- %s", expression, stdin=_EVALUATE, timeout=40)
    return result.out if result.ok else ""


# rabbitmqctl starts a virtual machine of its own for each question, which takes most of a second of a processor and
# seconds on a busy host. erl_call, which comes with Erlang, asks as another node would, in a hundredth of that.
# Names of nodes that -r makes up are the same for all who ask in one second, and a member lets in one of them.
TELL = """\
node=$(sed -n 's/^NODENAME=//p' /etc/rabbitmq/rabbitmq-env.conf 2>/dev/null)
tell() {
  HOME=/var/lib/rabbitmq erl_call -h "stackproof-$$" -sname "${node:-rabbit@$(hostname -s)}" -timeout 15 \\
    -fetch_stdout -no_result_term -e
}
"""
"""Shell: what `tell` does with the Erlang on its stdin, the member on that host does, and prints what that prints."""
_EVALUATE = f"""{TELL}
printf '%s\\n' "$1" | tell 2>/dev/null && exit
exec rabbitmqctl -q --timeout 15 eval "$1"
"""
_STATUS = """
Told = ${status},
io:format("~ts~n", [rabbit_json:encode(#{
  running_nodes => proplists:get_value(running_nodes, Told, []),
  partitions => [Node || {Node, [_ | _]} <- proplists:get_value(partitions, Told, [])],
  alarms => [iolist_to_binary(io_lib:format("~0p", [Alarm])) || Alarm <- rabbit_alarm:get_alarms()]
})]).
"""
_USERS = """
io:format("~ts~n", [rabbit_json:encode([maps:from_list(User) || User <- rabbit_auth_backend_internal:list_users()])]).
"""
# Erlang that a member runs; what differs per release is the catalogue's (`internals`). Who is about to listen, or to
# stop, seems deaf for a moment; hence twice.
_EVERYTHING = """
Running = ${running},
Ask = fun(Node, Module, Function, Arguments) ->
  case rpc:call(Node, Module, Function, Arguments, 3000) of {badrpc, _} -> []; Said -> Said end
end,
Setting = fun(Node, Key) ->
  case Ask(Node, application, get_env, [rabbit, Key]) of {ok, Value} -> Value; _ -> [] end
end,
Text = fun(Term) -> iolist_to_binary(io_lib:format("~0p", [Term])) end,
Word = fun(Term) when is_atom(Term) -> Term; (Term) -> Text(Term) end,
Member = fun(Node) -> #{
  name => Node,
  running => lists:member(Node, Running),
  kind => case lists:member(Node, ${disc}) of true -> disc; false -> ram end,
  partitions => Ask(Node, rabbit_node_monitor, partitions, []),
  alarms => [Text(Alarm) || Alarm <- Ask(Node, rabbit_alarm, get_local_alarms, [])],
  handling => Word(Setting(Node, cluster_partition_handling)),
  loopback_users => Setting(Node, loopback_users)
} end,
Queue = fun(Q) ->
  {resource, Host, queue, Name} = amqqueue:get_name(Q),
  Copies = case amqqueue:get_type_state(Q) of #{nodes := Nodes} -> Nodes; _ -> [] end,
  #{
    name => Name, vhost => Host, kind => amqqueue:get_type(Q), durable => amqqueue:is_durable(Q),
    exclusive => amqqueue:get_exclusive_owner(Q) =/= none,
    members => Copies, online => [Copy || Copy <- Copies, lists:member(Copy, Running)]
  }
end,
Plain = fun(Pairs) -> maps:from_list(Pairs) end,
Listening = fun() ->
  Known = [proplists:get_value(channel_pid, C)
    || V <- rabbit_vhost:list_names(), C <- rabbit_amqqueue:consumers_all(V)],
  [proplists:get_value(name, I)
    || Node <- Running, I <- rpc:call(Node, rabbit_channel, info_local, [[pid, name, consumer_count]], 3000),
      proplists:get_value(consumer_count, I) > length([K || K <- Known, K =:= proplists:get_value(pid, I)])]
end,
Deaf = case catch Listening() of
  [_ | _] = Once -> timer:sleep(2000), case catch Listening() of
    Twice when is_list(Twice) -> [Name || Name <- Twice, lists:member(Name, Once)]; _ -> null
  end;
  [] -> []; _ -> null
end,
io:format("~ts~n", [rabbit_json:encode(#{
  members => [Member(Node) || Node <- ${members}],
  queues => [Queue(Q) || Q <- rabbit_amqqueue:list()],
  users => [Plain(User) || User <- rabbit_auth_backend_internal:list_users()],
  permissions => [Plain(Permission) || Permission <- rabbit_auth_backend_internal:list_permissions()],
  deaf => Deaf,
  policies => [#{name => proplists:get_value(name, P), definition => Plain(proplists:get_value(definition, P))}
    || P <- rabbit_policy:list()]
})]).
"""
