"""Ceph: health, monitors, OSDs, placement groups, pools and the rights of keys, as its own commands tell them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.errors import CommandFailed
from deploy.facts.ceph_ask import Question, answer, ask, objects
from deploy.host import Reads
from deploy.rados import OWN, Account, Pool

CLEAN = "active+clean"
_TRIAL = f"""set -eu
name=trial.$(uname -n).$$
try() {{ timeout 8 rados -p {OWN} "$@"; }}
trap 'try rm "$name" 2>/dev/null || :; rm -f "$got"' EXIT
got=$(mktemp)
date +%s.%N | try put "$name" -
try get "$name" "$got"
[ -s "$got" ] && echo acknowledged
"""


@dataclass(frozen=True)
class CephStatus:
    """What `ceph -s` tells. The states of placement groups come through the manager, and are old while none is active.

    An empty `health`: no answer.
    """

    fsid: str = ""
    health: str = ""
    checks: tuple[tuple[str, str], ...] = ()
    """Each health check that is not well: its name, and its text."""
    quorum: tuple[str, ...] = ()
    monitors: int = 0
    osds: int = 0
    up: int = 0
    inside: int = 0
    """OSDs that are in: data is placed on them."""
    groups: int = 0
    states: tuple[tuple[str, int], ...] = ()
    """States of placement groups with the number of groups in each."""
    used: float = 0.0
    """The used share of all OSDs' space, from 0 to 1."""
    managed: bool = False
    """True where a manager is active."""

    @property
    def clean(self) -> bool:
        """True where every placement group is served and has all its copies; a scrub beside it does not count."""
        good = sum(count for state, count in self.states if state.startswith(CLEAN))
        return self.groups == good > 0

    @property
    def active(self) -> bool:
        """True where every placement group is served: no data is out of reach."""
        return self.groups == sum(count for state, count in self.states if "active" in state.split("+")) > 0


def status(host: Reads) -> CephStatus:
    """Ask the monitors from that host; CephStatus() where they do not answer."""
    return parse_status(answer(host, "status"))


def parse_status(text: str) -> CephStatus:
    """Parse `ceph status -f json`; CephStatus() where the text is something else."""
    try:
        found = json.loads(text)
        osds, groups = found["osdmap"], found["pgmap"]
        checks = found["health"].get("checks", {})
        return CephStatus(
            fsid=str(found["fsid"]),
            health=str(found["health"]["status"]),
            checks=tuple((name, str(each["summary"]["message"])) for name, each in checks.items()),
            quorum=tuple(map(str, found["quorum_names"])),
            monitors=int(found["monmap"]["num_mons"]),
            osds=int(osds["num_osds"]),
            up=int(osds["num_up_osds"]),
            inside=int(osds["num_in_osds"]),
            groups=int(groups["num_pgs"]),
            states=tuple((str(each["state_name"]), int(each["count"])) for each in groups.get("pgs_by_state", ())),
            used=int(groups.get("bytes_used", 0)) / max(1, int(groups.get("bytes_total", 0))),
            managed=found.get("mgrmap", {}).get("available") is True,
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return CephStatus()


def nearly_full(host: Reads) -> float:
    """Return the used share above which Ceph takes an OSD for nearly full; CommandFailed where it does not say."""
    said = answer(host, "osd dump")
    if (ratio := parse_nearly_full(said)) is None:
        expected = "nearfull_ratio of `ceph osd dump`"
        raise CommandFailed(f"{host.name}: Ceph's ratios are not known", expected=expected, seen=said[:300])
    return ratio


def parse_nearly_full(text: str) -> float | None:
    """Parse `ceph osd dump -f json`, which has floats of 32 bits; None where the text is something else."""
    try:
        return round(float(json.loads(text)["nearfull_ratio"]), 6)
    except (ValueError, LookupError, TypeError):
        return None


@dataclass(frozen=True)
class Osd:
    """One OSD of the cluster's map."""

    number: int
    host: str
    """The host below which the map has it; empty: none, as one that never started."""
    up: bool
    inside: bool


def osds(host: Reads) -> tuple[Osd, ...]:
    """Return all OSDs of the map; empty where the monitors do not answer."""
    return parse_osds(answer(host, "osd tree"))


def parse_osds(text: str) -> tuple[Osd, ...]:
    """Parse `ceph osd tree -f json`; empty where the text is something else."""
    try:
        found = json.loads(text)
        above = {child: each["name"] for each in found["nodes"] if each["type"] == "host" for child in each["children"]}
        listed = [*(each for each in found["nodes"] if each["type"] == "osd"), *found.get("stray", ())]
        return tuple(
            Osd(int(each["id"]), above.get(each["id"], ""), each["status"] == "up", float(each["reweight"]) > 0)
            for each in listed
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return ()


def pools(host: Reads) -> dict[str, Pool]:
    """Return the pools by name; CommandFailed where the monitors do not answer."""
    (said,) = ask(host, Question.of("osd pool ls", detail="detail"))
    if said.code:
        raise CommandFailed(f"{host.name}: Ceph's pools are not known", expected="an answer", seen=said.message)
    return parse_pools(said.out)


def parse_pools(text: str) -> dict[str, Pool]:
    """Parse `ceph osd pool ls detail -f json`; an empty dict where the text is something else."""
    try:
        return {
            each["pool_name"]: Pool(
                each["pool_name"],
                int(each["size"]),
                int(each["min_size"]),
                int(each["pg_num"]),
                tuple(each["application_metadata"]),
            )
            for each in json.loads(text)
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


def accounts(host: Reads) -> dict[str, Account]:
    """Return the accounts by name, such as `client.glance`; empty where the monitors do not answer."""
    return parse_accounts(answer(host, "auth ls"))


def parse_accounts(text: str) -> dict[str, Account]:
    """Parse `ceph auth ls -f json`; an empty dict where the text is something else."""
    try:
        return {each["entity"]: Account(each["key"], dict(each["caps"])) for each in json.loads(text)["auth_dump"]}
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


def monitors(host: Reads) -> tuple[str, ...]:
    """Return the names of the monitors' own list; empty where they do not answer."""
    return tuple(str(each["name"]) for each in objects(answer(host, "mon dump")).get("mons", ()))


@dataclass(frozen=True)
class Monitor:
    """What one monitor tells of itself, by its socket on its host: it answers without a quorum as well."""

    state: str = ""
    """`leader`, `peon`, `electing`, `probing` or `synchronizing`; empty: no answer."""
    quorum: tuple[str, ...] = ()


def monitor(host: Reads) -> Monitor:
    """Ask the monitor of that host."""
    return parse_monitor(answer(host, "mon_status", daemon=f"mon.{host.name}"))


def parse_monitor(text: str) -> Monitor:
    """Parse `ceph daemon mon.NAME mon_status`; Monitor() where the text is something else."""
    try:
        found = json.loads(text)
        names = {each["rank"]: str(each["name"]) for each in found["monmap"]["mons"]}
        return Monitor(str(found["state"]), tuple(names[rank] for rank in found["quorum"]))
    except (ValueError, LookupError, TypeError):
        return Monitor()


def osd_states(host: Reads, numbers: Iterable[int]) -> dict[int, str]:
    """Return what each OSD of that host tells of itself, such as `active` or `booting`; empty: no answer."""
    asked = list(numbers)
    if not asked:
        return {}
    said = ask(host, *(Question.of("status", daemon=f"osd.{number}") for number in asked))
    return {number: parse_state(each.out) for number, each in zip(asked, said, strict=True)}


def parse_state(text: str) -> str:
    """Parse `ceph daemon osd.N status`; empty where the text is something else."""
    try:
        return str(json.loads(text)["state"])
    except (ValueError, LookupError, TypeError):
        return ""


def versions(host: Reads) -> dict[str, int]:
    """Return how many daemons run each version; empty where the monitors do not answer."""
    return parse_versions(answer(host, "versions"))


def parse_versions(text: str) -> dict[str, int]:
    """Parse `ceph versions -f json`; an empty dict where the text is something else."""
    try:
        return {str(version): int(count) for version, count in json.loads(text)["overall"].items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


def skews(host: Reads) -> dict[str, float]:
    """Return how many seconds each monitor's clock is off the leader's; empty where they do not answer."""
    return parse_skews(answer(host, "time-sync-status"))


def parse_skews(text: str) -> dict[str, float]:
    """Parse `ceph time-sync-status -f json`; an empty dict where the text is something else."""
    try:
        listed = json.loads(text)["time_skew_status"]
        return {str(name): abs(float(each["skew"])) for name, each in listed.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}


def settings(host: Reads, daemon: str) -> Mapping[str, Any]:
    """Return the settings in force of a running daemon of that host, such as `osd.0`; empty without an answer."""
    return objects(answer(host, "config show", daemon=daemon))


def writes(host: Reads) -> bool:
    """Write an object and read it back; True where both are acknowledged within some seconds."""
    return host.run("exec sh -s", stdin=_TRIAL, timeout=40).out.strip() == "acknowledged"
