"""libvirt: a virtual machine is a machine whose power its hypervisor switches, by virsh."""

from deploy.errors import PowerError
from deploy.inventory.power import Libvirt
from deploy.power import driver, tool

_STATES = {
    **dict.fromkeys(("running", "idle", "paused", "in shutdown", "pmsuspended", "no state"), True),
    **dict.fromkeys(("shut off", "crashed"), False),
}
"""The words of virsh domstate; a domain that sleeps or is paused still has its power."""
_MEANINGS = {
    "failed to connect to the hypervisor": (
        "the hypervisor does not answer",
        "uri of the node's `power`; `virsh -c URI list --all` on the runner must work without a question",
    ),
    "failed to get domain": (
        "the hypervisor has no machine of that name",
        "domain of the node's `power`; `virsh -c URI list --all` names those there are",
    ),
}


class Driver(driver.Driver):
    """Switches by destroying and starting the domain."""

    def __init__(self, name: str, device: Libvirt) -> None:
        self._name, self._device = name, device
        self._domain = device.domain or name

    def is_on(self) -> bool:
        """Whether the domain exists as a running, sleeping or paused machine."""
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
        meanings = (told for words, told in _MEANINGS.items() if words in answer.err)
        what, hint = next(meanings, ("virsh did not do or say what was asked", "run virsh by hand on the runner"))
        expected = f"the domain {self._domain} at {self._device.uri}"
        return PowerError(f"{self._name}: {what}", expected=expected, seen=answer.told, hint=hint)
