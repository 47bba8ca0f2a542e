"""Facts of the computes that templates need and that no inventory contains."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock

from deploy.errors import StackproofError
from deploy.inventory import Cluster

KINDS = ("kvm", "qemu")
"""The values of `virt_type`."""


class Unknown(StackproofError):
    """A template needs a fact that a host did not answer; the error names the host and the reason."""


class Answers(Mapping[str, str]):
    """One answer per host, by host name. All hosts are queried at the first use, each once.

    `ask` returns the answer or the error of each host. The use of an error raises Unknown, so that only files that
    depend on that host fail. KeyError for a host that is not in `names`.
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
            raise Unknown(
                f"a fact of {name} is unknown: {answer.what}", hint=answer.hint or f"repair {name}, or repeat later"
            )
        return answer

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass(eq=False)
class Found:
    """The facts, each by node name."""

    virt_type: Mapping[str, str]
    """The virtualisation that works on the node: one of KINDS."""
    host_keys: Mapping[str, str]
    """The public key of the node's SSH server: type and key, as in known_hosts."""

    @classmethod
    def assumed(cls, cluster: Cluster) -> "Found":
        """Return made-up facts, to render templates without hosts."""
        names = [node.name for node in cluster.role("compute")]
        return cls(dict.fromkeys(names, "qemu"), {name: f"ssh-ed25519 key-of-{name}" for name in names})

    def take(self, found: "Found") -> None:
        """Replace these facts by those of `found`, as after a build has tried the virtualisation."""
        self.virt_type, self.host_keys = found.virt_type, found.host_keys

    def possible(self, name: str) -> tuple["Found", ...]:
        """Return the possible facts of that host: these, or one set per kind where its virtualisation is unknown."""
        try:
            self.virt_type.get(name)
        except Unknown:
            return tuple(Found({name: kind}, self.host_keys) for kind in KINDS)
        return (self,)
