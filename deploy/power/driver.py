"""What every driver does: switch one machine's power, and say whether it is on."""

from abc import ABC, abstractmethod

from deploy.errors import PowerError
from deploy.wait import until

OFF_WITHIN = 60.0
"""Seconds a machine may take from a cut to being told off."""


class Driver(ABC):
    """The power of one machine. All methods raise PowerError where the device does not do or say it."""

    @abstractmethod
    def is_on(self) -> bool:
        """Whether the machine's power is on."""

    @abstractmethod
    def _switch(self, *, on: bool) -> None:
        """Have the device switch; it may refuse what is so already."""

    def on(self) -> None:
        """Give the machine power; nothing happens to one that has it."""
        self._reach(on=True)

    def off(self) -> None:
        """Cut the power at once, without a word to the machine; returns when the device has accepted it."""
        self._reach(on=False)

    def cycle(self) -> None:
        """Cut the power, and give it back once it is off; StepFailed where it stays on."""
        self.off()
        until(lambda: not self.is_on(), timeout=OFF_WITHIN, interval=0.5, what="power cycle", expected="power off")
        self.on()

    def answers(self) -> bool:
        """Whether the device tells the machine's power at all."""
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
        """Devices differ in what they say to that: some call it done, others refuse."""
        try:
            return self.is_on() is on
        except PowerError:
            return False
