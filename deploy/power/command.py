"""The driver for power devices that the operator's own commands switch."""

from deploy.errors import PowerError
from deploy.inventory.power import Command
from deploy.power import driver, tool

PASSWORD = "POWER_PASSWORD"  # noqa: S105 - the variable's name
_STATES = {"on": True, "off": False}


class Driver(driver.Driver):
    """Switches by running the inventory's `on`, `off` and `status` on the runner."""

    def __init__(self, name: str, device: Command, password: str) -> None:
        self._name, self._device, self._password = name, device, password

    def is_on(self) -> bool:
        """True where `status` prints `on`; PowerError where it prints neither `on` nor `off`."""
        answer = self._run("status", self._device.status)
        state = _STATES.get(answer.out.strip().lower())
        if state is None:
            raise self._trouble("status", "exit code 0, and only on or off as output", answer)
        return state

    def _switch(self, *, on: bool) -> None:
        self._run("on" if on else "off", self._device.on if on else self._device.off)

    def _run(self, key: str, words: tuple[str, ...]) -> tool.Answer:
        answer = tool.run(
            [word.format(name=self._name) for word in words],
            what=f"nodes.{self._name}.power.{key}",
            hint=f"install it on the runner, or correct nodes.{self._name}.power.{key}",
            secret={PASSWORD: self._password},
        )
        if answer.code:
            raise self._trouble(key, "exit code 0", answer)
        return answer

    def _trouble(self, key: str, expected: str, answer: tool.Answer) -> PowerError:
        # The command line is not shown: an operator may have written a password there.
        return PowerError(
            f"nodes.{self._name}.power.{key}: the command failed",
            expected=expected,
            seen=answer.summary,
            hint="run the command by hand on the runner",
        )
