"""The lab's command line: up, status, shell, power, image, down."""

import argparse
import os
import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from deploy import power as device
from deploy.errors import LabError, StackproofError
from deploy.inventory import Cluster, Node
from deploy.inventory import load as load_inventory
from deploy.journal import JOURNAL, Event
from deploy.lab import keys, power, prepare, room

_GIB = 1 << 30
_EPILOG = "Exit codes: 0 done, 1 an error or (status) a host that is off or does not answer, 2 wrong usage."


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 an error or an unhealthy lab, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    unsubscribe = JOURNAL.subscribe(_printer())
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        prepare.require_root()
        return command(options)
    except StackproofError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:
        print(f"the lab's own files or processes: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("interrupted; run the same command again to continue, or `down` to remove the lab", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        unsubscribe()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.lab", description=__doc__, epilog=_EPILOG)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(command=run)
        return command

    for name, run, text in (
        ("up", _up, "start the missing hosts, and wait until every host answers by SSH"),
        ("image", _image, "build only the image of the inventory's hosts"),
    ):
        add(name, run, text).add_argument(
            "--inventory", default="lab", help="lab, lab-small, two-node, or a TOML file (default: lab)"
        )
    add("status", _status, "show every host; exit code 1 unless all are on and answer")
    shell = add("shell", _shell, "log in to a host by SSH, or run a command there")
    shell.add_argument("host", metavar="HOST")
    shell.add_argument("words", nargs="*", metavar="CMD", help="after --: a command to run instead of a shell")
    switch = add("power", _power, "switch a host's power; off is a power cut, not a shutdown")
    switch.add_argument("action", choices=("on", "off", "cycle", "status"))
    switch.add_argument("host", metavar="HOST")
    down = add("down", _down, "remove the lab: hosts, networks, disks, keys; images stay cached")
    down.add_argument("--purge", action="store_true", help="remove the cached images too")
    return parser


def _up(options: argparse.Namespace) -> int:
    room.up(load_inventory(options.inventory), build=False)
    return 0


def _image(options: argparse.Namespace) -> int:
    print(room.build_image(load_inventory(options.inventory)))  # noqa: T201
    return 0


def _down(options: argparse.Namespace) -> int:
    room.down(purge=options.purge)
    return 0


def _status(_: argparse.Namespace) -> int:
    cluster = _current()
    table = Table(title=f"lab {cluster.name}")
    for heading in ("host", "roles", "addresses", "power", "ssh", "memory", "disk"):
        table.add_column(heading, no_wrap=True)
    found = room.status(cluster)
    for host in found:
        table.add_row(
            host.node.name,
            "\n".join(host.node.roles),
            "\n".join(str(address) for address in host.node.addresses.values()),
            "on" if host.on else "off",
            "yes" if host.ssh else "no",
            f"{host.memory / _GIB:.2f}G",
            f"{host.disk / _GIB:.2f}G",
        )
    Console().print(table)
    return 0 if all(host.on and host.ssh for host in found) else 1


def _shell(options: argparse.Namespace) -> int:
    node = _node(_current(), options.host)
    os.execvp(  # noqa: S606
        "ssh",
        [
            *("ssh", "-i", str(keys.KEY), "-o", "IdentitiesOnly=yes"),
            *("-o", f"UserKnownHostsFile={keys.KNOWN_HOSTS}", "-o", "StrictHostKeyChecking=yes"),
            *("--", f"root@{node.management}", *options.words),
        ],
    )


def _power(options: argparse.Namespace) -> int:
    cluster = _current()
    node = _node(cluster, options.host)
    if options.action == "status":
        on = device.of(node).is_on() if node.power else power.is_on(node)
        print("on" if on else "off")  # noqa: T201
    elif node.power:
        # Through the power controller, like real machines: only then does the controller know the host's state.
        switch = device.of(node)
        {"on": switch.on, "off": switch.off, "cycle": switch.cycle}[options.action]()
    else:
        if options.action != "on":
            power.power_off(cluster, node)
        if options.action != "off":
            power.power_on(cluster, node)
    return 0


def _current() -> Cluster:
    cluster = room.current()
    if cluster is None:
        raise LabError("no lab is up", hint="start one with `python -m deploy.lab up`")
    return cluster


def _node(cluster: Cluster, name: str) -> Node:
    try:
        return cluster.node(name)
    except KeyError:
        known = ", ".join(node.name for node in cluster.nodes)
        raise LabError(f"the lab {cluster.name} has no host {name}", expected=f"one of {known}") from None


def _printer() -> Callable[[Event], None]:
    started = time.monotonic()

    def show(event: Event) -> None:
        took = f" ({event.seconds:.1f} s)" if event.seconds is not None else ""
        print(f"{event.at - started:7.1f}  {event.host:<14} {event.text}{took}", file=sys.stderr, flush=True)  # noqa: T201

    return show
