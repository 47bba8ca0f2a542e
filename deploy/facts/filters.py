"""Filters: packet filters on a host that are not this cluster's, and that could drop its traffic."""

import json
import re
from dataclasses import dataclass

from deploy.facts.ended import END, whole
from deploy.facts.firewall import TABLE
from deploy.host import Reads

MANAGERS = ("firewalld", "ufw", "shorewall", "nftables", "netfilter-persistent")
"""Units that load rules when the machine boots."""
_REFUSALS = {"drop", "reject"}
_HOOKS = {"input", "forward", "output"}


@dataclass(frozen=True)
class Filters:
    """What filters one host besides this cluster's own tables, `stackproof` and those of its services."""

    managers: tuple[str, ...] = ()
    """Running units that load rules."""
    chains: tuple[str, ...] = ()
    """Chains in the way of packets that refuse some: `family table chain`."""


def read(host: Reads) -> Filters:
    """Read one host; CommandFailed where it does not answer."""
    return parse(whole(host, "packet filters", host.check("sh -s", stdin=_READ, timeout=20)))


def parse(text: str) -> Filters:
    """Parse the names of active units, a line `--`, nft's JSON, a line `--`, and the lines of iptables-save.

    Rules that the kernel has from iptables-nft are in nft's JSON already. Where it is missing, iptables counts alone.
    """
    units, rules, tables = [*text.split("--\n"), "", ""][:3]
    managers = tuple(unit for unit in MANAGERS if unit in units.split())
    return Filters(managers, tuple(sorted(_of_nft(rules) | ({} if rules.strip() else _of_iptables(tables)).keys())))


def _of_nft(text: str) -> dict[str, None]:
    try:
        entries = json.loads(text)["nftables"]
    except (ValueError, LookupError, TypeError):
        return {}
    based, refusing = set(), dict[str, None]()
    for chain in (entry["chain"] for entry in entries if "chain" in entry):
        if chain.get("hook") in _HOOKS:
            based.add(_named(chain, "name"))
            if chain.get("policy") == "drop":
                refusing[_named(chain, "name")] = None
    for rule in (entry["rule"] for entry in entries if "rule" in entry):
        if _named(rule, "chain") in based and any(_REFUSALS & part.keys() for part in rule["expr"]):
            refusing[_named(rule, "chain")] = None
    return {name: None for name in refusing if not re.match(rf"{TABLE}[ -]", name)}


def _named(entry: dict[str, str], chain: str) -> str:
    return f"{entry['family']} {entry['table']} {entry[chain]}"


def _of_iptables(text: str) -> dict[str, None]:
    refusing = dict[str, None]()
    for words in map(str.split, text.splitlines()):
        if words[:1] and words[0][1:].lower() in _HOOKS and words[1:2] == ["DROP"]:
            refusing[f"ip filter {words[0][1:]}"] = None
        elif words[:1] == ["-A"] and words[1].lower() in _HOOKS and {"DROP", "REJECT"} & set(words):
            refusing[f"ip filter {words[1]}"] = None
    return refusing


_READ = f"""
for unit in {" ".join(MANAGERS)}; do
  if systemctl -q is-active "$unit"; then echo "$unit"; fi
done
echo --
nft -j list ruleset 2>/dev/null
echo
echo --
iptables-save -t filter 2>/dev/null
echo {END}
"""
