"""The process of the lab's power controller, which `up` starts and `down` ends.

Run as `python -m deploy.lab.redfish STATE-DIRECTORY`.
"""

import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

from deploy import power
from deploy.errors import LabError
from deploy.inventory import Cluster
from deploy.inventory.power import Redfish
from deploy.lab import certificate, groups, keys, names, network, processes
from deploy.lab.redfish_http import Server
from deploy.lab.shell import until

LOG = names.STATE / "redfish.log"
_STARTS_IN = 15.0
_MODULE = "deploy.lab.redfish"


def ensure(cluster: Cluster) -> None:
    """Start the controller where the inventory has power entries and none answers; LabError where it stays silent."""
    powers = _powers(cluster)
    if not powers:
        return
    address, port = _where(cluster, powers)
    certificate.ensure(address)
    switch = power.of(next(node for node in cluster.nodes if isinstance(node.power, Redfish)))
    if switch.answers():
        return
    stop()
    _spawn()
    if not until(switch.answers, timeout=_STARTS_IN):
        raise LabError(
            "the lab's power controller does not answer",
            expected=f"Redfish at https://{address}:{port}",
            seen=LOG.read_text(errors="replace")[-500:] if LOG.exists() else "no log",
            evidence=str(LOG),
        )


def stop() -> None:
    """Kill the controller."""
    for pid in running():
        processes.send(pid, signal.SIGKILL, _is_controller)


def running() -> list[int]:
    """Return the PIDs of the controllers that serve this lab: one, or none."""
    return [pid for pid in processes.everyone() if _is_controller(pid)]


def _is_controller(pid: int) -> bool:
    return processes.runs(pid, "python", _MODULE, str(names.STATE))


def _spawn() -> None:
    here = Path(__file__).parents[2]
    with LOG.open("a") as log:
        command = [sys.executable, "-m", _MODULE, str(names.STATE)]
        groups.detach(command, log, {**os.environ, "PYTHONPATH": str(here)})


def _powers(cluster: Cluster) -> list[Redfish]:
    """Return the power entries that this controller serves."""
    return [node.power for node in cluster.nodes if isinstance(node.power, Redfish)]


def _where(cluster: Cluster, powers: list[Redfish]) -> tuple[str, int]:
    """Return the address and port in all power entries; LabError where they differ or are not the runner's."""
    expected = str(network.runner_address(cluster.management))
    found = {
        (urlsplit(power.url).hostname, urlsplit(power.url).port, power.user, power.password_file) for power in powers
    }
    host, port, _, password = next(iter(found))
    if len(found) > 1 or host != expected or password != keys.PASSWORD or port is None:
        raise LabError(
            "the lab's power entries must name one controller",
            expected=f"url https://{expected}:PORT/redfish/v1/Systems/NODE, one user, password_file {keys.PASSWORD}",
            seen="; ".join(sorted(f"{power.url} as {power.user}" for power in powers)),
            hint="copy the power entries of deploy/inventories/lab.toml",
        )
    return expected, port


def main() -> int:
    """Serve until killed; return 1 where no lab is up."""
    from deploy.lab import room, switches  # noqa: PLC0415 - the room imports this module

    cluster = room.current()
    if cluster is None:
        return 1
    powers = _powers(cluster)
    password = keys.PASSWORD.read_text().strip()
    Server(_where(cluster, powers), switches.LabSwitches(), powers[0].user, password, certificate.PEM).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
