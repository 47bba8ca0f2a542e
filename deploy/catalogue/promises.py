"""Promises: the functions that tenants and operators rely on, and the allowed outage of each per class of fault."""

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
class Promise:
    """One promise, named after the promised function and not after the program that provides it today."""

    name: str
    title: str
    budget: dict[str, float] = Field(default_factory=dict)
    """Allowed outage in seconds, by class of fault; empty: no limit, but the function must return."""
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
    promises: tuple[Promise, ...]

    @classmethod
    def of(cls, table: Table) -> "Declared":
        """Validate a parsed promises.toml; InventoryError names each mistake."""
        budgets = {"": {}, **table.get("budgets", {})}
        classes = {fault for budget in budgets.values() for fault in budget}
        if unknown := sorted(classes - set(table.get("faults", {}))):
            raise _wrong(f"budgets: no class of fault is named {', '.join(unknown)}")
        promises = []
        for name, entry in table.get("promises", {}).items():
            if (budget := entry.get("budget", "")) not in budgets:
                raise _wrong(f"promises.{name}: budget: no table of budgets is named {budget}")
            promises.append({**entry, "name": name, "budget": budgets[budget]})
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


def _wrong(found: str) -> InventoryError:
    return InventoryError(f"{FILE} has mistakes; no host was touched\n  {found}", hint="correct the file")
