"""Errors for operators: what and where, what was expected, what was last seen, the evidence, what to do."""

from collections.abc import Iterable
from difflib import get_close_matches


def meant(wrong: str, known: Iterable[str]) -> str:
    """Return `; did you mean X?` where a known name is spelled nearly like the wrong one; otherwise nothing."""
    found = get_close_matches(wrong, list(known), n=1)
    return f"; did you mean {found[0]}?" if found else ""


class StackproofError(Exception):
    """Base of all errors for operators; its text has the parts in one fixed order, without the empty ones."""

    def __init__(
        self,
        what: str,
        *,
        expected: str = "",
        seen: str = "",
        evidence: str = "",
        hint: str = "",
    ) -> None:
        self.what, self.expected, self.seen = what, expected, seen
        self.evidence, self.hint = evidence, hint
        super().__init__(str(self))

    def __str__(self) -> str:
        parts = {
            "expected": self.expected,
            "last seen": self.seen,
            "evidence": self.evidence,
            "what to do": self.hint,
        }
        lines = [f"  {label:<11}{text}" for label, text in parts.items() if text]
        return "\n".join([self.what, *lines])


class InventoryError(StackproofError):
    """The inventory contradicts itself or the catalogue; no host was touched."""


class HostUnreachable(StackproofError):
    """A host did not answer within its deadline, or refused the connection."""


class CommandFailed(StackproofError):
    """A command on a host failed, or did not end within its deadline."""


class StepFailed(StackproofError):
    """A step of the deployment could not be applied, or was not verified within its deadline."""


class StageMissing(StackproofError):
    """A run that only verifies found a missing or broken stage of the deployment."""


class Interrupted(StackproofError):
    """The run was interrupted; work in other threads ends with this error."""


class PowerError(StackproofError):
    """A power device did not answer, refused, or gave an answer that cannot be parsed."""


class LabError(StackproofError):
    """The lab's machine room could not be built, started or removed."""
