"""A Redfish client for one machine: the lab's command line switches its hosts as an operator switches real ones."""

from typing import Any

import requests

from deploy.errors import LabError
from deploy.inventory import Power
from deploy.lab import certificate

_ANSWER = 60.0
"""Seconds a controller may take: a power cut is confirmed only when the host is dead."""


def answers(power: Power) -> bool:
    """Whether the controller answers at all."""
    try:
        _ask(power, "GET", power.url)
    except LabError:
        return False
    return True


def is_on(power: Power) -> bool:
    """Whether the machine's power is on; LabError where the controller does not say."""
    return bool(_ask(power, "GET", power.url)["PowerState"] == "On")


def reset(power: Power, kind: str) -> None:
    """Do a reset, such as On or ForceOff; LabError where the controller refuses."""
    target = _ask(power, "GET", power.url)["Actions"]["#ComputerSystem.Reset"]["target"]
    _ask(power, "POST", power.url.partition("/redfish/")[0] + target, {"ResetType": kind})


def _ask(power: Power, method: str, url: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    verify = str(certificate.PEM) if certificate.PEM.exists() else power.verify_tls
    try:
        password = power.password_file.read_text().strip()
        with requests.Session() as session:
            # A proxy of the runner's environment has no way to the lab's networks.
            session.trust_env = False
            answer = session.request(
                method, url, json=body, auth=(power.user, password), verify=verify, timeout=(5, _ANSWER)
            )
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
    except (requests.RequestException, OSError, ValueError) as error:
        raise LabError(
            f"the power controller refused {method} {url}",
            seen=str(error),
            hint="`python -m deploy.lab up` starts the lab's controller where it has ended",
        ) from None
    return found
