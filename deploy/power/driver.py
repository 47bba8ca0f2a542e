"""The interface of every power driver: switch one machine's power, and read whether it is on."""

from abc import ABC, abstractmethod

from deploy.errors import PowerError
from deploy.wait import until

OFF_WITHIN = 60.0
"""Seconds a machine may take from a power cut until the device reports it off."""


class Driver(ABC):
    """The power of one machine. All methods raise PowerError where the device fails or does not answer."""

    @abstractmethod
    def is_on(self) -> bool:
        """True where the machine's power is on."""

    @abstractmethod
    def _switch(self, *, on: bool) -> None:
        """Switch the power. The device may refuse where the power already is as wanted."""

    def on(self) -> None:
        """Switch the power on; a machine that is on stays on."""
        self._reach(on=True)

    def off(self) -> None:
        """Cut the power at once, without a shutdown; return when the device has accepted the command."""
        self._reach(on=False)

    def cycle(self) -> None:
        """Cut the power, wait until it is off, and switch it on; StepFailed where it is on after 60 s."""
        self.off()
        until(lambda: not self.is_on(), timeout=OFF_WITHIN, interval=0.5, what="power cycle", expected="power off")
        self.on()

    def answers(self) -> bool:
        """True where the device reports the machine's power."""
        try:
            self.is_on()
        except PowerError:
            return False
        return True

    def _reach(self, *, on: bool) -> None:
        try:
            self._switch(on=on)
        except PowerError as refusal:
            if not self._is_already(on=on):
                raise refusal from None

    def _is_already(self, *, on: bool) -> bool:
        """True where the power is as wanted: some devices accept a command without effect, others refuse it."""
        try:
            return self.is_on() is on
        except PowerError:
            return False
