"""RabbitMQ: members, partitions, alarms, queues and accounts, as one member reports them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from string import Template
from typing import Any

from deploy.host import Reads


@dataclass(frozen=True)
class RabbitStatus:
    """The cluster as one member reports it. No running members: that member did not answer."""

    running: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()

    def whole(self, members: int) -> bool:
        """True where `members` members run, none is partitioned, and no alarm blocks publishers."""
        return len(self.running) == members > 0 and not self.partitions and not self.alarms


def status(host: Reads, internals: Mapping[str, str]) -> RabbitStatus:
    """Query the member on that host. `internals`: the service's Erlang expressions, from the catalogue."""
    return parse(evaluated(host, Template(_STATUS).substitute(internals)))


def parse(text: str) -> RabbitStatus:
    """Parse the JSON object that `_STATUS` prints; `RabbitStatus()` where the text is something else."""
    try:
        fields = json.loads(text[text.index("{") :])
        return RabbitStatus(
            running=tuple(sorted(fields["running_nodes"])),
            partitions=tuple(sorted(fields["partitions"])),
            alarms=tuple(str(alarm) for alarm in fields["alarms"]),
        )
    except (ValueError, KeyError, TypeError):
        return RabbitStatus()


def parse_nodes(text: str) -> RabbitStatus:
    """Parse the management plugin's `/api/nodes`; `RabbitStatus()` where the text is something else."""
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


@dataclass(frozen=True)
class Member:
    """One member, as it answers another member. `running` is false where it does not answer."""

    running: bool = False
    kind: str = ""
    """`disc` or `ram`."""
    partitions: tuple[str, ...] = ()
    alarms: tuple[str, ...] = ()
    handling: str = ""
    """Its cluster_partition_handling."""
    loopback_users: tuple[str, ...] = ()
    """Users that may log in only from the member's own host."""


@dataclass(frozen=True)
class Queue:
    """One queue."""

    kind: str
    """`quorum`, `classic` or `stream`."""
    durable: bool = False
    exclusive: bool = False
    members: frozenset[str] = frozenset()
    """Members that keep a replica; empty for a classic queue."""
    online: frozenset[str] = frozenset()
    """Members with a replica that run."""


@dataclass(frozen=True)
class Broker:
    """The whole cluster. No members: no member answered."""

    members: Mapping[str, Member] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Tags by user."""
    permissions: Mapping[tuple[str, str], tuple[str, str, str]] = field(default_factory=dict)
    """The patterns for configure, write and read, by user and virtual host."""
    mirrored: tuple[str, ...] = ()
    """Policies that mirror classic queues."""
    deaf: tuple[str, ...] | None = None
    """Channels that consume from a queue that no longer exists, by connection name; None: a member did not answer."""


def broker(host: Reads, internals: Mapping[str, str]) -> Broker:
    """Query members, queues, users and policies through the member on that host. `internals`: as for `status`."""
    return parse_broker(evaluated(host, Template(_EVERYTHING).substitute(internals)))


@lru_cache(maxsize=32)  # many checks read the same answer
def parse_broker(text: str) -> Broker:
    """Parse the line of JSON that `_EVERYTHING` prints; `Broker()` where there is none."""
    line = next((line for line in text.splitlines() if line.startswith("{")), "")
    try:
        fields = json.loads(line)
        return Broker(
            members={entry["name"]: _member(entry) for entry in fields["members"]},
            queues={_queue_name(entry): _queue(entry) for entry in fields["queues"]},
            users={entry["user"]: tuple(entry["tags"]) for entry in fields["users"]},
            permissions={
                (entry["user"], entry["vhost"]): (entry["configure"], entry["write"], entry["read"])
                for entry in fields["permissions"]
            },
            mirrored=tuple(entry["name"] for entry in fields["policies"] if "ha-mode" in entry["definition"]),
            deaf=tuple(sorted(fields["deaf"])) if isinstance(fields["deaf"], list) else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return Broker()


def _member(entry: dict[str, Any]) -> Member:
    """Return the member; `Member()` where it left one of the questions about it unanswered (null)."""
    if not entry["running"] or None in entry.values():
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


def evaluated(host: Reads, expression: str) -> str:
    """Let the member on that host evaluate an Erlang expression; return its output, empty without an answer."""
    result = host.run("exec sh -s -- %s", expression, stdin=_EVALUATE, timeout=40)
    return result.out if result.ok else ""


# rabbitmqctl starts an Erlang VM for each query: most of a second of CPU time, and seconds on a busy host. erl_call,
# which comes with Erlang, connects as another node does, in a hundredth of that. The node names that its -r option
# makes up are equal for all callers of one second, and a member accepts only one of them; hence -h with the PID.
TELL = """\
node=$(sed -n 's/^NODENAME=//p' /etc/rabbitmq/rabbitmq-env.conf 2>/dev/null)
tell() {
  HOME=/var/lib/rabbitmq erl_call -h "stackproof-$$" -sname "${node:-rabbit@$(hostname -s)}" -timeout 15 \\
    -fetch_stdout -no_result_term -e
}
"""
"""Shell function `tell`: the member on that host evaluates the Erlang on stdin; the function prints its output."""
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
# A member evaluates this Erlang; expressions that differ per release come from the catalogue (`internals`). A frozen
# member counts as running until its peers' net tick runs out; so `Alive` asks each, and null means no answer. A channel
# that is about to consume, or to stop, looks deaf for a moment; so `Deaf` lists the channels twice, 2 s apart.
_EVERYTHING = """
Running = ${running},
Alive = [Node || Node <- Running, rpc:call(Node, erlang, node, [], 3000) =:= Node],
Ask = fun(Node, Module, Function, Arguments) ->
  case lists:member(Node, Alive) andalso rpc:call(Node, Module, Function, Arguments, 3000) of
    false -> null; {badrpc, _} -> null; Said -> Said
  end
end,
Setting = fun(Node, Key) ->
  case Ask(Node, application, get_env, [rabbit, Key]) of {ok, Value} -> Value; null -> null; _ -> [] end
end,
Text = fun(Term) -> iolist_to_binary(io_lib:format("~0p", [Term])) end,
Word = fun(Term) when is_atom(Term) -> Term; (Term) -> Text(Term) end,
Member = fun(Node) -> #{
  name => Node,
  running => lists:member(Node, Alive),
  kind => case lists:member(Node, ${disc}) of true -> disc; false -> ram end,
  partitions => Ask(Node, rabbit_node_monitor, partitions, []),
  alarms => case Ask(Node, rabbit_alarm, get_local_alarms, []) of null -> null; Said -> [Text(S) || S <- Said] end,
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


@dataclass(frozen=True)
class Runtime:
    """What a client or an operator can set in a running cluster beside users and permissions, by name."""

    hosts: tuple[str, ...] = ()
    """Virtual hosts."""
    policies: tuple[str, ...] = ()
    """Policies and operator policies."""
    parameters: tuple[str, ...] = ()
    """Parameters, those of all virtual hosts included, and limits of virtual hosts."""
    level: str = ""
    """The least severe level that the member logs."""
    drained: bool = False
    """True where the member is in maintenance: it has closed its listeners for clients."""


def runtime(host: Reads) -> Runtime | None:
    """Query the member on that host; None without an answer."""
    return parse_runtime(evaluated(host, _RUNTIME))


def parse_runtime(text: str) -> Runtime | None:
    """Parse the line of JSON that `_RUNTIME` prints; None where there is none."""
    line = next((line for line in text.splitlines() if line.startswith("{")), "")
    try:
        fields = json.loads(line)
        return Runtime(
            hosts=tuple(sorted(fields["hosts"])),
            policies=tuple(sorted(fields["policies"])),
            parameters=tuple(sorted(fields["parameters"])),
            level=str(fields["level"]),
            drained=fields["drained"] is True,
        )
    except (ValueError, KeyError, TypeError):
        return None


# `internal_cluster_id` is a parameter that RabbitMQ sets itself.
_RUNTIME = """
Named = fun(Lists) -> [proplists:get_value(name, Each) || Each <- lists:append(Lists)] end,
io:format("~ts~n", [rabbit_json:encode(#{
  hosts => rabbit_vhost:list_names(),
  policies => Named([rabbit_policy:list(), rabbit_policy:list_op()]),
  parameters => [Name || Name <- Named([rabbit_runtime_parameters:list(), rabbit_runtime_parameters:list_global()]),
    Name =/= internal_cluster_id],
  level => maps:get(level, logger:get_primary_config()),
  drained => rabbit_maintenance:is_being_drained_local_read(node())
})]).
"""
