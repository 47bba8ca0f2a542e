"""Computes: the virtualisation type and SSH host key of each compute, which templates contain."""

from collections.abc import Callable, Iterable, Mapping

from deploy.errors import StackproofError
from deploy.facts import ssh, virt
from deploy.found import Answers, Found
from deploy.host import Reads

Answer = str | StackproofError
Ask = Callable[[Callable[[Reads], Answer]], Mapping[str, Answer]]
"""Takes one reading on every compute in parallel; returns the answers by node name."""


def read(names: Iterable[str], ask: Ask) -> Found:
    """Return what the named computes report. They are queried at the first use of a value, and nothing is changed."""
    names = tuple(names)
    return Found(Answers(names, lambda: ask(_virt_type)), Answers(names, lambda: ask(_host_key)))


def _virt_type(host: Reads) -> Answer:
    try:
        return virt.kept(host) or StackproofError(
            f"{host.name}: no build has tried virtualisation since the host booted", hint="`pytest -m deploy` tries it"
        )
    except StackproofError as error:
        return error


def _host_key(host: Reads) -> Answer:
    try:
        return ssh.public_key(host)
    except StackproofError as error:
        return error
