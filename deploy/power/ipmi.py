"""The driver for IPMI 2.0 over LAN, by ipmitool."""

from deploy.errors import PowerError
from deploy.inventory.power import Ipmi
from deploy.power import driver, tool

_STATES = {"Chassis Power is on": True, "Chassis Power is off": False}
_MEANINGS = {
    "RAKP 2 HMAC is invalid": ("does not accept the password", "password_file of the node's `power`"),
    "password is longer than": ("does not accept the password", "IPMI 2.0 takes passwords of up to 20 bytes"),
    "unauthorized name": ("does not know the user", "user of the node's `power`"),
    "Insufficient privilege level": ("does not let the user switch", "the account needs OPERATOR on the LAN channel"),
    "invalid authentication algorithm": ("does not have that cipher suite", "cipher of the node's `power`"),
    "does not support IPMI v2": ("speaks IPMI 1.5 only", "IPMI 2.0 (RMCP+) in the BMC's settings or firmware"),
    "Address lookup for": (
        "has an address that does not resolve",
        "address of the node's `power`, and the runner's DNS",
    ),
    "Unable to establish IPMI v2": (
        "does not answer",
        "address and port of the node's `power`; IPMI over LAN must be on in the BMC, and UDP let through",
    ),
}
"""ipmitool's message, its meaning, and what to check; the first message found counts."""
_NOISE = (
    "Loading IANA PEN",
    "Unable to Get Channel Cipher",
    "Running Get VSO",
    "Invalid completion",
    "Discovered IPMB",
)
"""Beginnings of lines that -v prints for every BMC."""


class Driver(driver.Driver):
    """Switches by ipmitool's chassis power commands."""

    def __init__(self, name: str, device: Ipmi, password: str) -> None:
        self._name, self._device, self._password = name, device, password

    def is_on(self) -> bool:
        """True where the chassis has power."""
        answer = self._ask("status")
        state = _STATES.get(answer.out.strip())
        if answer.code or state is None:
            raise self._trouble(answer)
        return state

    def _switch(self, *, on: bool) -> None:
        answer = self._ask("on" if on else "off")
        if answer.code:
            raise self._trouble(answer)

    def _ask(self, action: str) -> tool.Answer:
        device = self._device
        cipher = () if device.cipher is None else ("-C", str(device.cipher))
        # Only -v distinguishes a wrong password from a missing BMC. -E: the password is in IPMI_PASSWORD.
        where = ("-I", "lanplus", "-v", "-H", device.address, "-p", str(device.port), "-U", device.user, "-E", *cipher)
        return tool.run(
            ("ipmitool", *where, "-N", "2", "-R", "2", "chassis", "power", action),
            what=self._name,
            hint="install ipmitool on the runner",
            # ipmitool prefers the first variable, which the runner's environment may already hold.
            secret={"IPMITOOL_PASSWORD": self._password, "IPMI_PASSWORD": self._password},
        )

    def _trouble(self, answer: tool.Answer) -> PowerError:
        meanings = (meaning for message, meaning in _MEANINGS.items() if message in answer.err)
        what, hint = next(meanings, ("gave an unexpected answer", "run ipmitool by hand on the runner"))
        lines = [line for line in answer.err.splitlines() if not line.startswith(_NOISE)]
        seen = tool.Answer(answer.code, answer.out, "\n".join(lines)).summary
        expected = f"IPMI 2.0 at {self._device.address} port {self._device.port}"
        return PowerError(f"{self._name}: the power device {what}", expected=expected, seen=seen, hint=hint)
