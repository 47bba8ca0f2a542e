"""Promises: what tenants and operators may count on, and how long each may be away during each class of fault."""

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
    """One promise, named after what is promised and not after the program that keeps it today."""

    name: str
    title: str
    budget: dict[str, float] = Field(default_factory=dict)
    """Seconds that it may be away, by class of fault; empty: it is not judged, and must only come back."""
    needs: tuple[FeatureName, ...] = ()
    """Features without which a cluster does not make it."""
    projects: tuple[str, ...] = ()
    """Projects without which a cluster does not make it."""

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, config=STRICT)
class Declared:
    """All that promises.toml declares."""

    faults: dict[str, str]
    """Classes of faults, with what each means."""
    budgets: dict[str, dict[str, float]]
    """Tables of budgets in seconds, by class of fault; the nameless table is empty."""
    promises: tuple[Promise, ...]

    @classmethod
    def of(cls, table: Table) -> "Declared":
        """The declarations of a parsed file; InventoryError names what is wrong in it."""
        budgets = {"": {}, **table.get("budgets", {})}
        classes = {fault for budget in budgets.values() for fault in budget}
        if unknown := sorted(classes - set(table.get("faults", {}))):
            raise _wrong(f"budgets: no class of faults is named {', '.join(unknown)}")
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
    """What the file beside this module declares."""
    return Declared.of(parsed(FILE))


def require_fault(kind: str) -> None:
    """Refuse a class of faults that is not declared: no promise has a budget for it, and nothing would be judged."""
    if kind not in declared().faults:
        raise InventoryError(
            f"no class of faults is named {kind}",
            expected=f"one of {', '.join(declared().faults)}",
            hint=f"declare it in {FILE.name}, with a budget for each promise that it may cost something",
        )


def _wrong(found: str) -> InventoryError:
    return InventoryError(f"{FILE} has mistakes; no host was touched\n  {found}", hint="mend the file")
