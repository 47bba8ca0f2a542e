"""Promises: the functions that tenants and operators rely on, the allowed outage per class of fault, and limits."""

from functools import cache
from pathlib import Path

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from deploy.catalogue.read import Table, parsed
from deploy.errors import InventoryError
from deploy.inventory.features import FeatureName

FILE = Path(__file__).with_name("promises.toml")
STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=STRICT)
class Limits:
    """The allowed failures and latency of a promise besides its longest outage."""

    lost: float = Field(ge=1)
    """Allowed sum of all outages, as a multiple of the allowed longest outage."""
    failed: float = Field(ge=0, lt=1)
    """Allowed share of failed attempts once the allowed outage has passed."""
    slower: float = Field(gt=0)
    """Seconds by which the 95th percentile of the latency may exceed the one before the fault."""
    times: float = Field(ge=1)
    """Factor by which it may exceed the one before the fault, where that allows more than `slower`."""


@dataclass(frozen=True, config=STRICT)
class Promise:
    """One promise, named after the promised function and not after the program that provides it today."""

    name: str
    title: str
    budget: dict[str, float] = Field(default_factory=dict)
    """Allowed outage in seconds, by class of fault; empty: no limit, but the function must return."""
    limits: Limits | None = None
    """None: only the longest outage is limited."""
    needs: tuple[FeatureName, ...] = ()
    """Features that a cluster must have to make the promise."""
    projects: tuple[str, ...] = ()
    """Projects that a cluster must have to make the promise."""

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, config=STRICT)
class Declared:
    """The content of promises.toml."""

    faults: dict[str, str]
    """The meaning of each class of fault, by name."""
    budgets: dict[str, dict[str, float]]
    """Tables of allowed outages in seconds, by class of fault; the table without a name is empty."""
    limits: dict[str, Limits]
    """The limits of each table of budgets, by the name of the table."""
    promises: tuple[Promise, ...]
    stops: tuple[str, ...] = ()
    """Classes of fault for which services must stop; limits do not apply, and no write is accepted."""

    @classmethod
    def of(cls, table: Table) -> "Declared":
        """Validate a parsed promises.toml; InventoryError names each mistake."""
        budgets = {"": {}, **table.get("budgets", {})}
        limits = table.get("limits", {})
        if names := ", ".join(sorted(({*budgets} - {""}) ^ {*limits})):
            raise _wrong(f"limits: tables of budgets and of limits must have the same names; alone: {names}")
        classes = {fault for budget in budgets.values() for fault in budget} | {*table.get("stops", ())}
        if unknown := sorted(classes - set(table.get("faults", {}))):
            raise _wrong(f"budgets, stops: no class of fault is named {', '.join(unknown)}")
        promises = []
        for name, entry in table.get("promises", {}).items():
            if (budget := entry.get("budget", "")) not in budgets:
                raise _wrong(f"promises.{name}: budget: no table of budgets is named {budget}")
            promises.append({**entry, "name": name, "budget": budgets[budget], "limits": limits.get(budget)})
        try:
            return TypeAdapter(cls).validate_python({**table, "budgets": budgets, "promises": promises})
        except ValidationError as error:
            raise _wrong(str(error)) from None


@cache
def declared() -> Declared:
    """Return the validated content of promises.toml."""
    return Declared.of(parsed(FILE))


def require_fault(kind: str) -> None:
    """Raise InventoryError for an undeclared class of fault: without any budget, nothing would be judged."""
    if kind not in declared().faults:
        raise InventoryError(
            f"no class of fault is named {kind}",
            expected=f"one of {', '.join(declared().faults)}",
            hint=f"declare it in {FILE.name}, with a budget for each promise that the fault may interrupt",
        )


def services_stop(kind: str) -> bool:
    """Return whether the control plane must stop, and accept no write, during a fault of that class."""
    return kind in declared().stops


def _wrong(found: str) -> InventoryError:
    return InventoryError(f"{FILE} has mistakes; no host was touched\n  {found}", hint="correct the file")
