"""Accounts of RabbitMQ: tags, rights on virtual hosts, and open connections, as one member reports them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from deploy.errors import CommandFailed
from deploy.facts.rabbitmq import evaluated
from deploy.host import Reads

EVERYTHING = (".*", ".*", ".*")
"""The patterns for configure, write and read of an account that may do anything on a virtual host."""

MONITOR = "monitor"
"""The account that reads the members' state from the management plugin, and may use no virtual host."""


@dataclass(frozen=True)
class Account:
    """One account."""

    tags: tuple[str, ...] = ()
    """What it may do in the management plugin, such as `monitoring`."""
    rights: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    """The patterns for configure, write and read, by virtual host."""
    connections: int = 0
    """Connections of its clients, to all members."""


@dataclass(frozen=True)
class Accounts:
    """All accounts by name, and the names of the virtual hosts."""

    accounts: Mapping[str, Account] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()


def read(host: Reads) -> Accounts:
    """Query the member on that host; CommandFailed where it does not answer."""
    out = evaluated(host, _ACCOUNTS)
    found = parse(out)
    if not found.accounts:
        raise CommandFailed(f"{host.name}: RabbitMQ did not list its accounts", seen=out[:300] or "nothing")
    return found


def parse(text: str) -> Accounts:
    """Parse the JSON object that `_ACCOUNTS` prints; `Accounts()` where the text is something else."""
    try:
        fields = json.loads(text[text.index("{") :])
        rights: dict[str, dict[str, tuple[str, str, str]]] = {}
        for entry in fields["rights"]:
            patterns = entry["configure"], entry["write"], entry["read"]
            rights.setdefault(entry["user"], {})[entry["vhost"]] = patterns
        accounts = {
            entry["user"]: Account(tuple(entry["tags"]), rights.get(entry["user"], {}), int(entry["connections"]))
            for entry in fields["accounts"]
        }
        return Accounts(accounts, frozenset(fields["hosts"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return Accounts()


_ACCOUNTS = """
Plain = fun(Pairs) -> maps:from_list(Pairs) end,
Account = fun(User) ->
  Name = proplists:get_value(user, User),
  #{user => Name, tags => proplists:get_value(tags, User),
    connections => length(rabbit_connection_tracking:list_of_user(Name))}
end,
io:format("~ts~n", [rabbit_json:encode(#{
  accounts => [Account(User) || User <- rabbit_auth_backend_internal:list_users()],
  rights => [Plain(Permission) || Permission <- rabbit_auth_backend_internal:list_permissions()],
  hosts => rabbit_vhost:list_names()
})]).
"""
