"""The driver for Redfish, the web service of BMCs; the lab's power controller speaks it too."""

from typing import Any
from urllib.parse import urljoin, urlsplit

from deploy.errors import PowerError
from deploy.inventory.power import Redfish
from deploy.power import driver

_LIMITS = (5.0, 60.0)
"""Seconds to connect, and to answer: the lab's controller answers a power cut only when the host is off."""
_ON = {"On", "PoweringOn", "PoweringOff", "Paused"}


class Driver(driver.Driver):
    """Switches by Redfish's ComputerSystem.Reset."""

    def __init__(self, name: str, device: Redfish, password: str) -> None:
        self._name, self._device, self._password = name, device, password

    def is_on(self) -> bool:
        """True where the system's PowerState is not Off; PowerError where PowerState is unknown."""
        state = self._system().get("PowerState")
        if state != "Off" and state not in _ON:
            raise self._trouble("reports no power state", seen=f"PowerState {state!r}")
        return state in _ON

    def _switch(self, *, on: bool) -> None:
        try:
            target = str(self._system()["Actions"]["#ComputerSystem.Reset"]["target"])
        except (LookupError, TypeError):
            raise self._trouble("offers no reset", seen="no ComputerSystem.Reset") from None
        self._ask("POST", self._own(target), {"ResetType": "On" if on else "ForceOff"})

    def _own(self, target: str) -> str:
        """Return the URL of a path that the BMC named; PowerError where it is on another host, port or scheme."""
        url = urljoin(self._device.url, target)
        if urlsplit(url)[:2] != urlsplit(self._device.url)[:2]:
            hint = "the password is sent to the BMC of the inventory only: check the BMC's configuration"
            raise self._trouble("names another host for the reset", seen=url, hint=hint)
        return url

    def _system(self) -> dict[str, Any]:
        return self._ask("GET", self._device.url)

    def _ask(self, method: str, url: str, body: dict[str, str] | None = None) -> dict[str, Any]:
        import requests  # noqa: PLC0415 - slow to import, and most runs switch no power
        import urllib3  # noqa: PLC0415

        # The inventory's documentation already warns those who set verify_tls = false.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        device = self._device
        verify = str(device.ca_file.expanduser()) if device.verify_tls and device.ca_file else device.verify_tls
        try:
            with requests.Session() as session:
                session.trust_env = False  # a proxy of the runner's environment cannot reach the BMCs' network
                auth = (device.user, self._password)
                answer = session.request(method, url, json=body, auth=auth, verify=verify, timeout=_LIMITS)
            if not answer.ok:
                raise self._refusal(method, url, answer.status_code)
            found = answer.json() if answer.content else {}
        except (requests.RequestException, OSError, ValueError) as error:
            raise self._unreached(error) from None
        return found if isinstance(found, dict) else {}

    def _refusal(self, method: str, url: str, status: int) -> PowerError:
        hint = {
            401: "check user and password_file of the node's `power`: the BMC rejects them",
            403: f"user {self._device.user} may not switch power: give the account that right on the BMC",
            404: "check url of the node's `power`: the BMC has no such system; GET /redfish/v1/Systems lists them",
        }
        return self._trouble(f"refused {method} {url}", seen=f"HTTP {status}", hint=hint.get(status, ""))

    def _unreached(self, error: Exception) -> PowerError:
        import requests  # noqa: PLC0415 - as above

        if isinstance(error, requests.exceptions.SSLError):
            return self._trouble(
                "has a certificate that is not trusted", seen=str(error), hint="check ca_file of the node's `power`"
            )
        if isinstance(error, requests.ConnectionError | requests.Timeout):
            hint = "check url of the node's `power`, and the network between runner and BMC"
            return self._trouble("does not answer", seen=str(error), hint=hint)
        return self._trouble("cannot be queried", seen=str(error))

    def _trouble(self, what: str, *, seen: str, hint: str = "") -> PowerError:
        expected = f"Redfish at {self._device.url}"
        return PowerError(f"{self._name}: the power device {what}", expected=expected, seen=seen, hint=hint)
