"""Broker: the resources of one RabbitMQ member against their limits, and the length of the queues that it leads."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.facts import rabbitmq
from deploy.facts.limits import Use
from deploy.host import Reads


@dataclass(frozen=True)
class BrokerUse:
    """The resources of one member. No `limits`: the member did not answer."""

    limits: Mapping[str, Use] = field(default_factory=dict)
    """In use by name. `disk`: the free bytes at which publishers are blocked, against those that are free."""
    messages: Mapping[str, int] | None = None
    """Messages in each queue that this member leads and that is not empty; None: the member counts none."""


def use(host: Reads) -> BrokerUse:
    """Query the member on that host.

    Its open files and sockets are those of its process (`facts.limits.processes`): RabbitMQ keeps a tenth of them back
    for itself, so that they are near its own limit when they are near the kernel's.
    """
    return parse(rabbitmq.evaluated(host, _USE))


def parse(text: str) -> BrokerUse:
    """Parse the line of JSON that `_USE` prints; `BrokerUse()` where there is none, or a value is no number."""
    line = next((line for line in text.splitlines() if line.startswith("{")), "")
    try:
        fields = json.loads(line)
        return BrokerUse(
            {name: Use(int(used), int(allowed)) for name, (used, allowed) in fields["limits"].items()},
            {entry["name"]: int(entry["messages"]) for entry in fields["queues"]} if fields["counts"] else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return BrokerUse()


# The table queue_coarse_metrics is what RabbitMQ itself answers from. To ask the queues' processes could take for ever.
_USE = """
Leads = fun(Q) -> case amqqueue:get_pid(Q) of
  {_, Node} -> Node =:= node(); Pid when is_pid(Pid) -> node(Pid) =:= node(); _ -> false
end end,
Messages = fun(Name) -> case ets:lookup(queue_coarse_metrics, Name) of
  [{_, _, _, Count, _}] -> Count; [] -> 0
end end,
Named = fun({resource, Host, queue, Name}) -> case Host of
  <<"/">> -> Name; _ -> <<Host/binary, "/", Name/binary>>
end end,
io:format("~ts~n", [rabbit_json:encode(#{
  limits => #{
    memory => [vm_memory_monitor:get_process_memory(), vm_memory_monitor:get_memory_limit()],
    disk => [rabbit_disk_monitor:get_disk_free_limit(), rabbit_disk_monitor:get_disk_free()],
    processes => [erlang:system_info(process_count), erlang:system_info(process_limit)],
    ports => [erlang:system_info(port_count), erlang:system_info(port_limit)]
  },
  counts => application:get_env(rabbit, collect_statistics, none) =/= none,
  queues => [#{name => Named(amqqueue:get_name(Q)), messages => Messages(amqqueue:get_name(Q))}
    || Q <- rabbit_amqqueue:list(), Leads(Q), Messages(amqqueue:get_name(Q)) > 0]
})]).
"""
