"""Found: what templates need to know of the computes, and no inventory can say."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock

from deploy.errors import StackproofError
from deploy.inventory import Cluster

KINDS = ("kvm", "qemu")
"""What `virt_type` may be."""


class Unknown(StackproofError):
    """A template needs what a host has not answered; names the host and the reason."""


class Answers(Mapping[str, str]):
    """One answer of each host, by its name. All hosts are asked at the first use; none is asked twice.

    `ask` returns each host's answer, or the error why it has none. The use of such an answer raises Unknown, so that
    only what depends on that host fails. A host that is not in `names` has no answer: KeyError.
    """

    def __init__(self, names: Iterable[str], ask: Callable[[], Mapping[str, str | StackproofError]]) -> None:
        self._names, self._ask = tuple(names), ask
        self._asked: Mapping[str, str | StackproofError] | None = None
        self._lock = Lock()

    def __getitem__(self, name: str) -> str:
        if name not in self._names:
            raise KeyError(name)
        with self._lock:
            if self._asked is None:
                self._asked = self._ask()
        answer = self._asked[name]
        if isinstance(answer, StackproofError):
            raise Unknown(f"not known of {name}: {answer.what}", hint=answer.hint or f"mend {name}, or ask it later")
        return answer

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(eq=False)
class Found:
    """What the computes were found to be, each by the name of its node."""

    virt_type: Mapping[str, str]
    """One of KINDS: the virtualisation that works there."""
    host_keys: Mapping[str, str]
    """The public key of its SSH server, as known_hosts has it: kind and key."""

    @classmethod
    def assumed(cls, cluster: Cluster) -> "Found":
        """Stand-ins for reading the templates without hosts."""
        names = [node.name for node in cluster.role("compute")]
        return cls(dict.fromkeys(names, "qemu"), {name: f"ssh-ed25519 key-of-{name}" for name in names})

    def take(self, found: "Found") -> None:
        """Know from now on what another has found: a build has tried what nobody had tried before."""
        self.virt_type, self.host_keys = found.virt_type, found.host_keys

    def possible(self, name: str) -> tuple["Found", ...]:
        """What may hold of that host: itself, or one for each kind of virtualisation where that is not known."""
        try:
            self.virt_type.get(name)
        except Unknown:
            return tuple(Found({name: kind}, self.host_keys) for kind in KINDS)
        return (self,)
