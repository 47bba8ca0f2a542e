"""Hosts: several hosts, and work on all of them in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from concurrent.futures import TimeoutError as FutureTimeout
from contextvars import copy_context
from typing import TypeVar

from deploy.errors import CommandFailed, StackproofError
from deploy.host.host import Host
from deploy.interrupt import stop_for

T = TypeVar("T")


class Hosts(Mapping[str, Host]):
    """Several hosts, in inventory order. `each` works on all in parallel, with one deadline and a result per host."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        self._hosts = {host.name: host for host in hosts}

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._hosts)

    def __len__(self) -> int:
        return len(self._hosts)

    @property
    def first(self) -> Host:
        """The first in inventory order."""
        return next(iter(self._hosts.values()))

    def role(self, *roles: str) -> Hosts:
        """Return the hosts whose node has any of the roles."""
        return Hosts(host for host in self._hosts.values() if set(roles) & set(host.node.roles))

    def without(self, *names: str) -> Hosts:
        """Return the hosts except those named."""
        return Hosts(host for host in self._hosts.values() if host.name not in names)

    def each(self, work: Callable[[Host], T], *, timeout: float = 1800) -> dict[str, T]:
        """Do `work` on all hosts in parallel; return results by name, or raise one error naming every failed host."""
        if not self._hosts:
            return {}
        pool = ThreadPoolExecutor(len(self._hosts), thread_name_prefix="host")
        # Each thread gets the caller's context, which holds the step that journal events belong to.
        futures = {pool.submit(copy_context().run, work, host): host for host in self._hosts.values()}
        results: dict[str, T] = {}
        failures: dict[str, StackproofError] = {}
        try:
            for future in as_completed(futures, timeout=timeout):
                try:
                    results[futures[future].name] = future.result()
                except StackproofError as error:
                    failures[futures[future].name] = error
        except FutureTimeout:
            late = [host.name for future, host in futures.items() if not future.done()]
            failures.update({name: CommandFailed(f"{name}: not done within {timeout:g} s") for name in late})
            for name in late:
                self._hosts[name].disconnect()  # ends what still runs there, before the caller goes on
        except BaseException as error:
            stop_for(error)
            self.disconnect()  # ends the commands that still run in other threads
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        _raise(failures)
        return {name: results[name] for name in self._hosts}

    def disconnect(self) -> None:
        """Close every connection."""
        for host in self._hosts.values():
            host.disconnect()


def _raise(failures: dict[str, StackproofError]) -> None:
    if len(failures) == 1:
        raise next(iter(failures.values()))
    if failures:
        first = next(iter(failures.values()))
        listed = "".join(f"\n  {str(error).replace(chr(10), chr(10) + '  ')}" for error in failures.values())
        raise type(first)(f"{len(failures)} hosts failed: {', '.join(failures)}{listed}")
