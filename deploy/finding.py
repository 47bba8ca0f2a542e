"""A finding: one thing that is amiss on a host, or in the cluster as a whole."""

from dataclasses import dataclass

from deploy.errors import StackproofError


@dataclass(frozen=True)
class Finding:
    """One thing that is amiss."""

    what: str
    host: str = ""
    """The host's name; empty: the cluster as a whole."""
    unit: str = ""
    """The unit whose journal on the host has the reason; empty: none has."""
    hint: str = ""
    """What to do. Where it is empty, the unit's journal is the place to look."""
    final: bool = False
    """It does not pass by itself, however long one waits."""
    foreign: bool = False
    """An operator or a tenant made it: a build neither waits for it nor fails by it; status and drills show it."""

    def __str__(self) -> str:
        return f"{self.host}: {self.what}" if self.host else self.what

    @classmethod
    def of(cls, error: StackproofError, host: str = "") -> "Finding":
        """An error of a reading, in one line."""
        parts = (error.what.removeprefix(f"{host}: "), error.seen)
        return cls(": ".join(" ".join(part.split()) for part in parts if part), host, hint=error.hint)
