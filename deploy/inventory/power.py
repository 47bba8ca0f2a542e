"""Power devices as data: the kinds of device that switch a machine's power from outside the machine."""

import shlex
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid")
_OF_A_SHELL = {"|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "2>&1"}


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Redfish:
    """A BMC that speaks Redfish."""

    fences: ClassVar[bool] = True
    driver: Literal["redfish"] = "redfish"
    url: str
    """The URL of the system resource, such as https://10.0.0.9:443/redfish/v1/Systems/1"""
    user: str
    password_file: Path
    """A file on the runner, mode 0600, that holds the password."""
    verify_tls: bool = True
    ca_file: Path | None = None
    """CA certificates that the runner and the controllers verify the BMC's certificate with; None: the public
    authorities."""
    insecure: bool = False
    """Consent to an http:// URL: everybody on the way can read the password."""

    @property
    def where(self) -> str:
        """The device, for people."""
        return self.url


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Ipmi:
    """A BMC that speaks IPMI 2.0 over LAN."""

    fences: ClassVar[bool] = True
    driver: Literal["ipmi"]
    address: str
    user: str
    password_file: Path
    port: int = Field(default=623, ge=1, le=65535)
    cipher: Annotated[int, Field(ge=0, le=255)] | None = None
    """Cipher suite, such as 3 or 17; None: the best the BMC offers."""

    @property
    def where(self) -> str:
        """The device, for people."""
        return f"ipmi://{self.address}:{self.port}"


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Libvirt:
    """A virtual machine that libvirt manages."""

    # fence_virsh logs in to the hypervisor: every controller would need a key for root there.
    fences: ClassVar[bool] = False
    password_file: ClassVar[None] = None
    """No password: libvirt uses SSH keys, certificates or its own client configuration."""
    driver: Literal["libvirt"]
    uri: str
    """The URI of the hypervisor's libvirt, such as qemu+ssh://root@kvm1/system"""
    domain: str = ""
    """The domain's name; empty: the node's name."""

    @property
    def where(self) -> str:
        """The device, for people."""
        return f"{self.uri} {self.domain}".rstrip()


def _words(value: Any) -> Any:
    """Split a command line into words; `{name}` is the only placeholder. A shell operator is an error."""
    if isinstance(value, str):
        value = shlex.split(value)
        if shell := sorted(_OF_A_SHELL & set(value)):
            raise ValueError(f'{" ".join(shell)} needs a shell; write ["sh", "-c", "..."]')
    if not isinstance(value, list):
        return value
    for word in filter(lambda word: isinstance(word, str), value):
        if any(field not in {None, "name"} or spec or how for _, field, spec, how in Formatter().parse(word)):
            raise ValueError("{name} is the only placeholder; double a literal brace")
    return tuple(value)


Words = Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(_words)]


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Command:
    """The operator's own commands, run on the runner without a shell; a string is split into words.

    `on` and `off` exit 0 once the power is switched; `status` exits 0 and prints `on` or `off`.
    """

    fences: ClassVar[bool] = False  # the commands are on the runner, not on the controllers
    driver: Literal["command"]
    on: Words
    off: Words
    status: Words
    password_file: Path | None = None
    """The file's content is in the commands' environment as POWER_PASSWORD."""

    @property
    def where(self) -> str:
        """The device, for people."""
        return f"the command {self.off[0]}"


def _driver(power: Any) -> str | None:
    """Return the driver of a `power` table; without the key it is redfish, as in inventories older than the key."""
    named = power.get("driver", "redfish") if isinstance(power, dict) else getattr(power, "driver", None)
    return named if isinstance(named, str) else None


Power = Annotated[
    Annotated[Redfish, Tag("redfish")]
    | Annotated[Ipmi, Tag("ipmi")]
    | Annotated[Libvirt, Tag("libvirt")]
    | Annotated[Command, Tag("command")],
    Discriminator(
        _driver,
        custom_error_type="driver",
        custom_error_message="must be a table whose driver is redfish, ipmi, libvirt or command",
    ),
]
