"""The power switches of the lab's hosts, behind the power controller, with the self-test of a real machine."""

import threading

from deploy.errors import LabError, StackproofError
from deploy.inventory import Cluster, Node
from deploy.lab import power, room
from deploy.lab.redfish_http import log

SELF_TEST = 12.0
"""Seconds from power on to boot. Without them a container boots before its peers know that it was fenced; its Pacemaker
then logs "allegedly just fenced" and stays down. The self-test of any real machine takes longer."""


class LabSwitches:
    """Switches the power of lab hosts; thread-safe."""

    def __init__(self, self_test: float = SELF_TEST) -> None:
        self._self_test = self_test
        self._testing: dict[str, threading.Timer] = {}
        self._lock = threading.Lock()

    def systems(self) -> tuple[str, ...]:
        """Return the names of the lab's hosts, read anew each time because `up` may add hosts."""
        return tuple(node.name for node in _cluster().nodes)

    def is_on(self, system: str) -> bool:
        """True where a host runs, or is in its self-test."""
        return system in self._testing or power.is_on(_cluster().node(system))

    def reset(self, system: str, kind: str) -> None:
        """Switch a host: On returns before it boots, ForceOff when it is off. LabError where switching fails."""
        cluster = _cluster()
        node = cluster.node(system)
        if kind == "GracefulShutdown":
            power.press_button(node)
        if kind in {"ForceOff", "ForceRestart"}:
            self._end_test(system)
            power.power_off(cluster, node)
        if kind in {"On", "ForceRestart"} and not self.is_on(system):
            self._begin_test(cluster, node)

    def _begin_test(self, cluster: Cluster, node: Node) -> None:
        timer = threading.Timer(self._self_test, self._boot, (cluster, node))
        timer.daemon = True
        with self._lock:
            if node.name not in self._testing:
                self._testing[node.name] = timer
                timer.start()

    def _end_test(self, system: str) -> None:
        with self._lock:
            timer = self._testing.pop(system, None)
        if timer:
            timer.cancel()

    def _boot(self, cluster: Cluster, node: Node) -> None:
        with self._lock:
            # The host was switched off in the last moment, or another timer has replaced this one.
            if self._testing.get(node.name) is not threading.current_thread():
                return
        try:
            power.power_on(cluster, node)
        except StackproofError as error:
            log(str(error))
        finally:
            with self._lock:
                self._testing.pop(node.name, None)


def _cluster() -> Cluster:
    cluster = room.current()
    if cluster is None:
        raise LabError("no lab is up")
    return cluster
