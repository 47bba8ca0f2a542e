"""`python -m deploy`: shows the catalogue, a dry run or the findings of a cluster, or recovers Galera."""

import argparse
import sys
import time

from deploy import catalogue, inventory, preview, recover, steps, whole
from deploy.catalogue import tables
from deploy.errors import StackproofError
from deploy.inventory import Cluster
from deploy.journal import JOURNAL, Event
from deploy.lab import claim
from deploy.site import Site


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Exit codes: 0 done, 1 an error or a finding, 2 wrong usage, 130 interrupted."""
    options = _parser().parse_args(arguments)
    JOURNAL.subscribe(_show)
    try:
        cluster = inventory.load(options.inventory)
        code: int = options.run(cluster)
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
    for command in (plan, recovery, status, shown):
        command.add_argument("--inventory", default="lab", metavar="NAME|FILE", help="the cluster (default: lab)")
    return parser


def _site(cluster: Cluster) -> Site:
    claim.require(cluster)
    return Site.of(cluster)


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
    print(recover.galera(_site(cluster)))
    return 0


def _status(cluster: Cluster) -> int:
    found = whole.findings(_site(cluster))
    print("\n".join(whole.table(found)) if found else "no findings")
    return 1 if found else 0


def _show(event: Event) -> None:
    print(f"{time.strftime('%H:%M:%S')} {event.host:<13} {event.text}")


if __name__ == "__main__":
    sys.exit(main())
