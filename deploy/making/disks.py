"""Disks of the inventory: a build stops before its first change where one carries what is not the cluster's."""

from collections.abc import Iterable, Mapping

from deploy.errors import StepFailed


def refuse(step: str, found: Mapping[str, Iterable[str]], expected: str) -> None:
    """Raise StepFailed where anything is found; `found` has the reasons by the host's name, empty ones for none."""
    wrong = [f"{name}: {why}" for name, reasons in found.items() for why in reasons if why]
    if wrong:
        raise StepFailed(
            f"{step}: {len(wrong)} disk{'s' if len(wrong) > 1 else ''} cannot be used, and nothing was changed on any",
            expected=expected,
            seen="; ".join(wrong),
            hint="correct `disks` in the inventory; what nobody needs is cleared by hand: wipefs -a DISK",
        )
