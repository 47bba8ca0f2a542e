"""Capacity: whether the computes carry the instances an inventory demands, with all computes and with one lost.

The arithmetic is Nova's: a compute offers `(total - reserved) * allocation ratio` of each resource, rounded down
(nova/virt/libvirt/driver.py, update_provider_tree; placement/objects/inventory.py), and one instance never gets more
than the physical total (max_unit). The questions are those of the sizing guide: how many cores, how much memory, how
many servers, and how many instances per server: ratio * cores / cores of an instance.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from deploy.inventory import Capacity, Flavor

CLASSES = ("VCPU", "MEMORY_MB", "DISK_GB")
"""Placement's names of resources; its MB and GB are MiB and GiB."""


@dataclass(frozen=True)
class Amount:
    """An amount of each resource."""

    vcpus: int = 0
    memory_mib: int = 0
    disk_gib: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(*(a + b for a, b in self._beside(other)))

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(*(a - b for a, b in self._beside(other)))

    def __mul__(self, count: int) -> "Amount":
        return Amount(*(a * count for a in self.each))

    @property
    def each(self) -> tuple[int, int, int]:
        """The amounts in the order of CLASSES."""
        return self.vcpus, self.memory_mib, self.disk_gib

    def holds(self, other: "Amount") -> bool:
        """True where this is at least `other` in every resource."""
        return all(a >= b for a, b in self._beside(other))

    def times(self, other: "Amount") -> int:
        """Return how many times `other` fits into this: the guide's number of instances per server."""
        return min((max(a, 0) // b for a, b in self._beside(other) if b), default=0)

    def share(self, whole: "Amount") -> float:
        """Return the largest share this takes of any resource of `whole`."""
        return max((a / b if b > 0 else math.inf for a, b in self._beside(whole) if a), default=0.0)

    def _beside(self, other: "Amount") -> Iterable[tuple[int, int]]:
        return zip(self.each, other.each, strict=True)


@dataclass(frozen=True)
class Compute:
    """One compute's resources: logical CPUs, MiB of memory, GiB of the file system of instances."""

    name: str
    total: Amount


@dataclass(frozen=True)
class Rules:
    """The amount of each resource reserved for the host, and the allocation ratios of the rest."""

    reserved: Amount
    ratios: tuple[float, float, float]

    @classmethod
    def of(cls, capacity: Capacity, defaults: Mapping[str, float]) -> "Rules":
        """Return the inventory's rules, completed by `defaults` of Nova; both use the names of nova.conf."""
        chosen = {**defaults, **capacity.settings}
        return cls(
            reserved=Amount(
                int(chosen["reserved_host_cpus"]),
                int(chosen["reserved_host_memory_mb"]),
                math.ceil(chosen["reserved_host_disk_mb"] / 1024),
            ),
            ratios=(
                chosen["cpu_allocation_ratio"],
                chosen["ram_allocation_ratio"],
                chosen["disk_allocation_ratio"],
            ),
        )

    def offered(self, compute: Compute) -> Amount:
        """Return what one compute offers to instances in Placement."""
        free = (compute.total - self.reserved).each
        return Amount(*(max(0, int(amount * ratio)) for amount, ratio in zip(free, self.ratios, strict=True)))

    def real(self, amount: Amount) -> Amount:
        """Return the physical resources a machine needs to offer `amount`, rounded up."""
        return Amount(*(math.ceil(a / ratio) for a, ratio in zip(amount.each, self.ratios, strict=True)))


@dataclass(frozen=True)
class Case:
    """The demand compared with one set of computes."""

    lost: str
    """The name of the lost compute; empty: none is lost."""
    computes: int
    supply: Amount
    margin: Amount
    """Supply minus demand; negative where the supply is short."""
    left: Mapping[str, int]
    """Number of instances without a place, by flavor."""
    needed: int
    """Number of computes like the largest to add; 0: none needed, -1: no number of them suffices."""

    @property
    def fits(self) -> bool:
        """True where every instance has a place."""
        return not self.left

    @property
    def title(self) -> str:
        """The case's name in tables and messages."""
        if self.lost:
            return f"without {self.lost}"
        return f"all {self.computes} computes" if self.computes > 1 else "the only compute"


@dataclass(frozen=True)
class Judgement:
    """The calculation for both cases: all computes, and one lost."""

    demand: Mapping[str, Flavor]
    computes: tuple[Compute, ...]
    rules: Rules
    largest: Compute
    """The compute whose loss costs most. It is lost in `one_lost`, and `needed` counts computes like it."""
    all: Case
    one_lost: Case

    @property
    def fits(self) -> bool:
        """True where every instance has a place in both cases."""
        return self.all.fits and self.one_lost.fits

    @property
    def promise(self) -> str:
        """The expected result, for messages."""
        return f"a place for every instance ({_count(self.demand)})"

    def reason(self, case: Case) -> str:
        """Return what a case lacks and how much would suffice; the promise where nothing is lacking."""
        if case.fits:
            return self.promise
        short = Amount(*(max(0, -amount) for amount in case.margin.each))
        parts = [f"no place for {_listed(case.left)}"]
        if any(short.each):
            parts.append(f"short of {_worded(short)}, which takes {_worded(self.rules.real(short), REAL)}")
        elif case.needed >= 0:
            parts.append("the totals suffice, but no single compute has that much left")
        if case.needed > 0:
            plural = "s" if case.needed > 1 else ""
            parts.append(f"{case.needed} more compute{plural} like {self.largest.name} would suffice")
        elif case.needed < 0:
            parts.append(f"no number of computes like {self.largest.name} would suffice: one instance is larger")
        return "; ".join(parts)

    def lines(self) -> list[str]:
        """Return the lines of a table of the calculation, with the verdicts below."""
        each = {name: _amount(flavor) for name, flavor in self.demand.items()}
        rows: list[tuple[str, Sequence[object], str]] = [("", CLASSES, "")]
        rows += [
            (f"{flavor.instances} x {name}", (each[name] * flavor.instances).each, _one(each[name]))
            for name, flavor in self.demand.items()
        ]
        rows += [("demand", _sum(self.demand).each, f"{_count(self.demand)} instances")]
        rows += [("allocation ratio", [f"{ratio:g}" for ratio in self.rules.ratios], "nova.conf")]
        rows += [("reserved for the host", self.rules.reserved.each, "on each compute")]
        for name, compute in _kinds(self.computes):
            offered = self.rules.offered(compute)
            alone = " or ".join(f"{_held(compute, offered, amount)} {flavor}" for flavor, amount in each.items())
            rows += [(f"{name} has", compute.total.each, ""), (f"{name} offers", offered.each, alone)]
        for case in (self.all, self.one_lost):
            rows += [(f"{case.title}: offered", case.supply.each, "")]
            rows += [("  margin", [f"{a:+d}" for a in case.margin.each], "" if case.fits else "short")]
        width = max(len(label) for label, _, _ in rows)
        table = [
            f"{label:<{width}}  {cells[0]!s:>8}  {cells[1]!s:>11}  {cells[2]!s:>9}  {note}".rstrip()
            for label, cells, note in rows
        ]
        notes = [PROOF] if any(compute.total.disk_gib for compute in self.computes) else [PROOF, NO_DISKS]
        return [*table, *(f"{case.title}: {self.reason(case)}" for case in (self.all, self.one_lost)), *notes]


REAL = ("logical CPUs", "MiB of memory", "GiB of disk")
PROOF = (
    "(Instances are placed largest first, each on the first compute with room. If all get a place, a placement exists, "
    "though Nova, which spreads instances, may not find it. If only the totals suffice, another order might fit.)"
)
NO_DISKS = "(Cores and memory are judged, and disk space is not: instances' disks are in one pool of all computes.)"


def without_disks(capacity: Capacity, computes: Sequence[Compute]) -> tuple[Capacity, list[Compute]]:
    """Return demand and computes without disk space, for instances whose disks are on none of the computes."""
    flavors = {name: replace(flavor, disk_gib=0) for name, flavor in capacity.flavors.items()}
    bare = [replace(compute, total=replace(compute.total, disk_gib=0)) for compute in computes]
    return replace(capacity, flavors=flavors, reserved_host_disk_mib=0), bare


def judge(capacity: Capacity, defaults: Mapping[str, float], computes: Sequence[Compute]) -> Judgement:
    """Judge all computes, and the loss of the one that costs most. `defaults`: Nova's values where nothing is set."""
    rules = Rules.of(capacity, defaults)
    demand = _largest_first(capacity.flavors, _supply(computes, rules))
    losses = {compute.total: compute for compute in reversed(computes)}  # of equal computes the first
    cases = [(compute, _case(demand, _without(computes, compute), rules, compute.name)) for compute in losses.values()]
    largest, worst = min(cases, key=lambda pair: _comfort(pair[1], demand))
    return Judgement(
        demand=demand,
        computes=tuple(computes),
        rules=rules,
        largest=largest,
        all=_with_needed(_case(demand, computes, rules, ""), demand, computes, largest, rules),
        one_lost=_with_needed(worst, demand, _without(computes, largest), largest, rules),
    )


def _case(demand: Mapping[str, Flavor], computes: Sequence[Compute], rules: Rules, lost: str) -> Case:
    supply = _supply(computes, rules)
    return Case(lost, len(computes), supply, supply - _sum(demand), _unplaced(demand, computes, rules), 0)


def _comfort(case: Case, demand: Mapping[str, Flavor]) -> tuple[bool, float]:
    """Sort key of a case: fits or not, then the smallest margin as a share of the demand; less is worse."""
    wanted = _sum(demand)
    return case.fits, min(a / b for a, b in zip(case.margin.each, wanted.each, strict=True) if b)


def _with_needed(
    case: Case, demand: Mapping[str, Flavor], computes: Sequence[Compute], kind: Compute, rules: Rules
) -> Case:
    """Return the case with `needed` filled in."""
    if case.fits:
        return case
    if any(not _fits_alone(kind, rules.offered(kind), _amount(demand[name])) for name in case.left):
        return replace(case, needed=-1)
    offered = rules.offered(kind)
    count = max(
        (math.ceil(-a / b) for a, b in zip(case.margin.each, offered.each, strict=True) if a < 0 < b), default=1
    )
    while _unplaced(demand, [*computes, *[kind] * count], rules):
        count += 1
    return replace(case, needed=count)


def _unplaced(demand: Mapping[str, Flavor], computes: Sequence[Compute], rules: Rules) -> dict[str, int]:
    """Place each instance, in the order of `demand`, on the first compute with room; return those left, by flavor."""
    free = [rules.offered(compute) for compute in computes]
    left = {}
    for name, flavor in demand.items():
        one, waiting = _amount(flavor), flavor.instances
        for place, compute in enumerate(computes):
            placed = min(waiting, free[place].times(one)) if compute.total.holds(one) else 0
            free[place] -= one * placed
            waiting -= placed
        if waiting:
            left[name] = waiting
    return left


def _largest_first(flavors: Mapping[str, Flavor], supply: Amount) -> dict[str, Flavor]:
    """Return the flavors with a wanted count > 0, largest dominant share of `supply` first."""
    wanted = [(name, flavor) for name, flavor in flavors.items() if flavor.instances]
    return dict(sorted(wanted, key=lambda item: _amount(item[1]).share(supply), reverse=True))


def _supply(computes: Iterable[Compute], rules: Rules) -> Amount:
    return sum((rules.offered(compute) for compute in computes), Amount())


def _fits_alone(compute: Compute, offered: Amount, one: Amount) -> bool:
    return compute.total.holds(one) and offered.holds(one)


def _held(compute: Compute, offered: Amount, one: Amount) -> int:
    return offered.times(one) if compute.total.holds(one) else 0


def _without(computes: Sequence[Compute], lost: Compute) -> list[Compute]:
    return [compute for compute in computes if compute.name != lost.name]


def _kinds(computes: Sequence[Compute]) -> list[tuple[str, Compute]]:
    """Return each kind of compute once, named by its first compute and the number of others."""
    kinds: dict[Amount, list[Compute]] = {}
    for compute in computes:
        kinds.setdefault(compute.total, []).append(compute)
    return [
        (same[0].name + (f" and {len(same) - 1} like it, each" if len(same) > 1 else ""), same[0])
        for same in kinds.values()
    ]


def _amount(flavor: Flavor) -> Amount:
    return Amount(flavor.vcpus, flavor.memory_mib, flavor.disk_gib)


def _sum(demand: Mapping[str, Flavor]) -> Amount:
    return sum((_amount(flavor) * flavor.instances for flavor in demand.values()), Amount())


def _count(demand: Mapping[str, Flavor]) -> int:
    return sum(flavor.instances for flavor in demand.values())


def _one(amount: Amount) -> str:
    return "one: " + ", ".join(f"{a} {name}" for a, name in zip(amount.each, CLASSES, strict=True))


def _worded(amount: Amount, units: Sequence[str] = CLASSES) -> str:
    return ", ".join(f"{a} {unit}" for a, unit in zip(amount.each, units, strict=True) if a)


def _listed(left: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in left.items())
