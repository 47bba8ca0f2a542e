"""Finding: what templates need to know of the computes; read alike by a build, a dry run and the drift check."""

from collections.abc import Callable, Iterable, Mapping

from deploy.errors import StackproofError
from deploy.facts import ssh, virt
from deploy.found import Answers, Found
from deploy.host import Reads

Answer = str | StackproofError
Ask = Callable[[Callable[[Reads], Answer]], Mapping[str, Answer]]
"""Takes one reading on every compute at once; returns the answers by the name of the node."""


def read(names: Iterable[str], ask: Ask) -> Found:
    """What the computes of those names have kept or have, asked at the first use. Changes nothing."""
    names = tuple(names)
    return Found(Answers(names, lambda: ask(_virt_type)), Answers(names, lambda: ask(_host_key)))


def _virt_type(host: Reads) -> Answer:
    try:
        return virt.kept(host) or StackproofError(
            f"{host.name}: no virtualisation was tried since it booted", hint="`pytest -m deploy` tries it"
        )
    except StackproofError as error:
        return error


def _host_key(host: Reads) -> Answer:
    try:
        return ssh.public_key(host)
    except StackproofError as error:
        return error
