"""`python -m deploy.bench`: measure and print the cost of each phase of a lab build; no verdict.

It builds the lab from nothing (the lab must be down), builds again, then measures the idle cluster and its first API.
With --against=FILE it then measures the lab of another inventory as well, and prints what this one costs as ratios.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import requests

from deploy import inventory
from deploy.errors import LabError, StackproofError
from deploy.inventory import Cluster
from deploy.lab import groups, room
from deploy.site import Site

ROOT = Path(__file__).parent.parent
SETTLE, WATCH = 60.0, 60.0
"""Seconds to wait for the cluster to come to rest, and seconds to measure it idle."""
GIB = 2**30
REQUESTS = 200

Row = tuple[str, str, str]


def main() -> int:
    """Return the exit code: 0 measured, 1 an error that says what to do."""
    parser = argparse.ArgumentParser(prog="python -m deploy.bench", description=__doc__)
    parser.add_argument("--inventory", default="lab", metavar="NAME|FILE", help="a lab's inventory (default: lab)")
    parser.add_argument("--against", metavar="FILE", help="another lab's inventory, to compare with")
    parser.add_argument("--cold", action="store_true", help="remove the cached images first")
    options = parser.parse_args()
    try:
        clusters = {name: inventory.load(name) for name in (options.inventory, options.against) if name}
        measured: list[list[Row]] = []
        for name, cluster in clusters.items():
            if measured:
                room.down()
            measured.append(list(measure(cluster, name, cold=options.cold)))
    except StackproofError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"\n{'phase':<50}{'figure':>10}{'   against  ratio' if options.against else ''}  unit")
    others = {name: figure for name, figure, _ in measured[-1]} if options.against else {}
    for name, figure, unit in measured[0]:
        print(f"{name:<50}{figure:>10}{_compared(figure, others.get(name))}  {unit}")
    return 0


def _compared(figure: str, other: str | None) -> str:
    """Return the columns of the other inventory's figure and of the ratio; empty without one."""
    if other is None:
        return ""
    return f"{other:>10}{float(figure) / float(other):>7.2f}" if float(other) else f"{other:>10}{'-':>7}"


def measure(cluster: Cluster, name: str, *, cold: bool) -> Iterator[Row]:
    """Build, build again, measure the idle cluster; yield rows. LabError where a lab is up or a build fails."""
    if room.current() is not None:
        raise LabError(
            "a lab is up", expected="no lab: a build from nothing is measured", hint="python -m deploy.lab down"
        )
    if cold:
        room.down(purge=True)
    with tempfile.TemporaryDirectory(prefix="stackproof-bench-") as folder:
        results = Path(folder)
        yield from _phases(_build(name, results / "first"), results / "first")
        again = _build(name, results / "second", "--deselect=suites/flows")
        yield "second build, nothing to change", f"{again:.1f}", "s"
    yield from _idle(cluster)
    yield from _latency(cluster)


def _build(name: str, results: Path, *more: str) -> float:
    started = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-m", "deploy", f"--inventory={name}", f"--results={results}", *more]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise LabError("the build failed", hint="see the errors above")
    return time.monotonic() - started


def _phases(total: float, results: Path) -> Iterator[Row]:
    events = [json.loads(line) for line in (results / "events.jsonl").read_text().splitlines()]
    for event in events:
        if event["kind"] == "phase" and event.get("seconds") and not event.get("host"):
            yield event["text"].removesuffix(": done"), f"{event['seconds']:.1f}", "s"
    for step in json.loads((results / "steps.json").read_text()):
        yield f"step {step['step']} (steps overlap)", f"{step['seconds']:.1f}", f"s, {len(step['changes'])} changes"
    yield "all steps together", f"{_span(events, 'step'):.1f}", "s"
    yield "instance, from the first call to its web page", f"{_span(events, 'note', 'tenant'):.1f}", "s"
    yield "the whole run, tests and removal included", f"{total:.1f}", "s"


def _span(events: list[dict[str, Any]], kind: str, host: str = "") -> float:
    times = [event["time"] for event in events if event["kind"] == kind and event.get("host", "") == host]
    return max(times) - min(times) if times else 0.0


def _idle(cluster: Cluster) -> Iterator[Row]:
    # These two sleep instead of polling: the measurement is CPU used per second of time.
    time.sleep(SETTLE)
    before = {node.name: _cpu(node.name) for node in cluster.nodes}
    started = time.monotonic()
    time.sleep(WATCH)
    span = time.monotonic() - started
    used = {name: (_cpu(name) - seconds) / span for name, seconds in before.items()}
    for host in room.status(cluster):
        yield f"idle {host.node.name}", f"{used[host.node.name]:.3f}", "cores"
        yield f"memory of {host.node.name}", f"{host.memory / GIB:.2f}", "GiB"
    memory = sum(host.memory for host in room.status(cluster))
    yield "idle, all hosts", f"{sum(used.values()):.3f}", "cores"
    yield "memory, all hosts", f"{memory / GIB:.2f}", "GiB"


def _latency(cluster: Cluster) -> Iterator[Row]:
    """Yield the median time of a page of Keystone's that needs neither database nor token."""
    site = Site.of(cluster)
    url = site.addresses.api("keystone").url("/v3")
    with requests.Session() as session:
        for way, get in (("new connection", requests.get), ("open connection", session.get)):
            took = [get(url, verify=site.ca or True, timeout=5).elapsed.total_seconds() for _ in range(REQUESTS)]
            yield f"a page at the API's address, {way}", f"{1000 * median(took):.2f}", "ms, median"


def _cpu(node: str) -> float:
    """Return the seconds of CPU a host has used since its boot."""
    stat = dict(line.split() for line in (groups.parent() / node / "cpu.stat").read_text().splitlines())
    return int(stat["usage_usec"]) / 1e6


if __name__ == "__main__":
    sys.exit(main())
