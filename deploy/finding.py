"""A finding: one fault of a host, or of the cluster as a whole."""

from dataclasses import dataclass

from deploy.errors import StackproofError


@dataclass(frozen=True)
class Finding:
    """One fault. `what` describes it in one sentence."""

    what: str
    host: str = ""
    """The host's name; empty: the cluster as a whole."""
    unit: str = ""
    """The unit whose journal on the host may have the reason; empty: none."""
    hint: str = ""
    """What to do; empty: read the unit's journal."""
    final: bool = False
    """True where the fault does not pass by itself."""
    foreign: bool = False
    """True for an operator's or a tenant's change: a build does not wait or fail for it; status and drills show it."""

    def __str__(self) -> str:
        return f"{self.host}: {self.what}" if self.host else self.what

    @classmethod
    def of(cls, error: StackproofError, host: str = "") -> "Finding":
        """Return the finding for a failed reading, in one line."""
        parts = (error.what.removeprefix(f"{host}: "), error.seen)
        return cls(": ".join(" ".join(part.split()) for part in parts if part), host, hint=error.hint)
