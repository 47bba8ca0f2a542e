"""`python -m deploy`: shows the catalogue, a dry run or the findings of a cluster, or recovers Galera."""

import argparse
import os
import sys
import time
from getpass import getpass
from pathlib import Path

from deploy import catalogue, inventory, lease, owner, preview, recover, steps, whole
from deploy.catalogue import tables
from deploy.errors import StackproofError
from deploy.inventory import Cluster
from deploy.journal import JOURNAL, Event
from deploy.lab import claim
from deploy.sealing import opened, seal
from deploy.secrets import Secrets
from deploy.site import Site


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Exit codes: 0 done, 1 an error or a finding, 2 wrong usage, 130 interrupted."""
    options = _parser().parse_args(arguments)
    JOURNAL.subscribe(_show)
    try:
        cluster = inventory.load(options.inventory)
        more = (options,) if options.run in {_secrets, _lease} else ()
        code: int = options.run(cluster, *more)
    except StackproofError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    plan = commands.add_parser(
        "plan", help="dry run: steps, and missing packages and files of each host; changes nothing"
    )
    plan.set_defaults(run=_plan)
    recovery = commands.add_parser("recover", help="restart a cluster service that lost all its members at once")
    recovery.add_argument("what", choices=("galera",), help="galera: starts the member with the newest data first")
    recovery.set_defaults(run=_recover)
    status = commands.add_parser("status", help="findings by step and host; exit code 1 where there are any")
    status.set_defaults(run=_status)
    shown = commands.add_parser("catalogue", help="tables of services, ports and budgets; contacts no host")
    shown.set_defaults(run=_catalogue)
    moved = commands.add_parser("secrets", help="move the cluster's secrets to another runner, or compare them with it")
    moved.add_argument(
        "action",
        choices=("export", "import", "check"),
        help="export: write them to FILE, encrypted with a passphrase; import: read them from FILE; "
        "check: whether the hosts were built with the secrets of this runner",
    )
    moved.add_argument("file", nargs="?", type=Path, metavar="FILE", help="for export a new file, for import an export")
    moved.set_defaults(run=_secrets)
    work = commands.add_parser("lease", help="who is at work on the cluster: a build, a drill, a recovery or a heal")
    work.add_argument("--break", dest="end", metavar="OWNER", help="remove the lease of a run that has died elsewhere")
    work.set_defaults(run=_lease)
    for command in (plan, recovery, status, shown, moved, work):
        command.add_argument("--inventory", default="lab", metavar="NAME|FILE", help="the cluster (default: lab)")
    return parser


def _site(cluster: Cluster) -> Site:
    claim.require(cluster)
    site = Site.of(cluster)
    owner.require(site)
    return site


def _catalogue(cluster: Cluster) -> int:
    known = catalogue.load().of(cluster)
    for line in (*tables.lines(cluster, known), *known.notes):
        print(line)
    return 0


def _plan(cluster: Cluster) -> int:
    site = _site(cluster)
    for note in site.catalogue.notes:
        print(note)
    print("steps, each after its required steps:")
    for step, names in preview.steps(site, steps.of(site.catalogue)):
        print(f"  {step.name:<16}{step.title:<54}{', '.join(names)}")
    if site.ha and site.cluster.unfenced:
        print(f"without fencing, because of {', '.join(site.cluster.unfenced)}")
    for left in preview.left(site):
        print(
            f"no longer in the inventory, so a build refuses to begin without --remove={left.project}: {left.removal}"
        )
    print("missing on the hosts:")
    previews = preview.hosts(site)
    for name, lacks in previews.items():
        if lacks.error:
            print(f"  {name}: {lacks.error}")
            continue
        print(f"  {name}: {len(lacks.packages)} packages, {len(lacks.files)} files")
        for kind, items in (("package", lacks.packages), ("file", lacks.files), ("unknown:", lacks.unknown)):
            for item in items:
                print(f"    {kind} {item}")
    return 1 if any(lacks.error or lacks.unknown for lacks in previews.values()) else 0


def _recover(cluster: Cluster) -> int:
    site = _site(cluster)
    with lease.held(site, "recovery"):
        print(recover.galera(site))
    return 0


def _lease(cluster: Cluster, options: argparse.Namespace) -> int:
    site = _site(cluster)
    there = lease.read(site)
    for name, each in there.items():
        print(f"{name}: {each}")
    if not there:
        print(f"nobody works on cluster {cluster.name}")
    if options.end:
        if not (ended := lease.end(site, options.end)):
            raise StackproofError(
                f"no lease of {options.end}", expected="an owner as `python -m deploy lease` prints it"
            )
        print(f"removed on {', '.join(ended)}")
    return 0


def _secrets(cluster: Cluster, options: argparse.Namespace) -> int:
    if (options.action == "check") != (options.file is None):
        print("usage: python -m deploy secrets export FILE | import FILE | check", file=sys.stderr)
        return 2
    own = Secrets.of(cluster.name, makes=False)
    if options.action == "check":
        _site(cluster)
        print(f"cluster {cluster.name} was built with the secrets of this runner, or is not built yet")
    elif options.action == "export":
        if not len(own):
            raise StackproofError(f"no secrets of cluster {cluster.name} here", seen=f"no {own.path}")
        _write_sealed(options.file, seal(cluster.name, own.saved(), _passphrase(repeat=True)))
        print(f"{options.file}: {len(own)} secrets of cluster {cluster.name}, encrypted")
    else:
        name, values = opened(_text(options.file), _passphrase())
        if name != cluster.name:
            raise StackproofError(f"{options.file} is of cluster {name}", expected=f"secrets of {cluster.name}")
        own.replace(values)
        print(f"{own.path}: {len(own)} secrets of cluster {cluster.name}")
    return 0


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, ValueError) as error:
        raise StackproofError(f"{path} cannot be read", seen=str(error), hint="name an exported file") from None


def _write_sealed(path: Path, text: str) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
    except OSError as error:
        raise StackproofError(f"{path} cannot be written", seen=str(error), hint="name a new file") from None


def _passphrase(*, repeat: bool = False) -> str:
    """Ask for the passphrase, twice where it is new; from a pipe, take the first line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    given = getpass("passphrase: ")
    if repeat and getpass("again: ") != given:
        raise StackproofError("the two passphrases differ", hint="repeat the command")
    return given


def _status(cluster: Cluster) -> int:
    found = whole.findings(_site(cluster))
    print("\n".join(whole.table(found)) if found else "no findings")
    return 1 if found else 0


def _show(event: Event) -> None:
    print(f"{time.strftime('%H:%M:%S')} {event.host:<13} {event.text}")


if __name__ == "__main__":
    sys.exit(main())
