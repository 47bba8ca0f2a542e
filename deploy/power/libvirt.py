"""The driver for virtual machines of libvirt, by virsh."""

from deploy.errors import PowerError
from deploy.inventory.power import Libvirt
from deploy.power import driver, tool

_STATES = {
    **dict.fromkeys(("running", "idle", "paused", "in shutdown", "pmsuspended", "no state"), True),
    **dict.fromkeys(("shut off", "crashed"), False),
}
"""Output of `virsh domstate`, and whether it means power; a paused or suspended domain has power."""
_MEANINGS = {
    "failed to connect to the hypervisor": (
        "the hypervisor does not answer",
        "uri of the node's `power`; `virsh -c URI list --all` on the runner must work without a prompt",
    ),
    "failed to get domain": (
        "the hypervisor has no machine of that name",
        "domain of the node's `power`; `virsh -c URI list --all` lists the names",
    ),
}


class Driver(driver.Driver):
    """Switches by `virsh destroy` and `virsh start`."""

    def __init__(self, name: str, device: Libvirt) -> None:
        self._name, self._device = name, device
        self._domain = device.domain or name

    def is_on(self) -> bool:
        """True where the domain is running, suspended or paused."""
        answer = self._ask("domstate")
        state = _STATES.get(answer.out.strip())
        if answer.code or state is None:
            raise self._trouble(answer)
        return state

    def _switch(self, *, on: bool) -> None:
        answer = self._ask("start" if on else "destroy")
        if answer.code:
            raise self._trouble(answer)

    def _ask(self, action: str) -> tool.Answer:
        return tool.run(
            ("virsh", "-q", "-c", self._device.uri, action, "--domain", self._domain),
            what=self._name,
            hint="install virsh, libvirt's command line client, on the runner",
        )

    def _trouble(self, answer: tool.Answer) -> PowerError:
        meanings = (meaning for message, meaning in _MEANINGS.items() if message in answer.err)
        what, hint = next(meanings, ("virsh gave an unexpected answer", "run virsh by hand on the runner"))
        expected = f"the domain {self._domain} at {self._device.uri}"
        return PowerError(f"{self._name}: {what}", expected=expected, seen=answer.summary, hint=hint)
