"""`python -m deploy`: show the catalogue, what a build would do and what is amiss; recover what no build may touch."""

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
    """Exit codes: 0 done, 1 an error that says what to do or something amiss, 2 wrong usage, 130 interrupted."""
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
    plan = commands.add_parser("plan", help="a dry run: the steps, and what each host lacks; changes nothing")
    plan.set_defaults(run=_plan)
    recovery = commands.add_parser("recover", help="start again what lost all its members at once")
    recovery.add_argument("what", choices=("galera",), help="galera: the member with the newest data first")
    recovery.set_defaults(run=_recover)
    status = commands.add_parser("status", help="what is amiss, by step and host; exit code 1 if anything is")
    status.set_defaults(run=_status)
    shown = commands.add_parser("catalogue", help="services by role, ports by host, budgets by fault; contacts no host")
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
    print("steps, each after those it requires:")
    for step, names in preview.steps(site, steps.of(site.catalogue)):
        print(f"  {step.name:<16}{step.title:<54}{', '.join(names)}")
    if site.ha and site.cluster.unfenced:
        print(f"without fencing, because of {', '.join(site.cluster.unfenced)}")
    for left in preview.left(site):
        print(
            f"not in the inventory any more, so a build refuses to begin without --remove={left.project}: {left.goes}"
        )
    print("what the hosts lack:")
    seen = preview.hosts(site)
    for name, told in seen.items():
        if told.error:
            print(f"  {name}: {told.error}")
            continue
        print(f"  {name}: {len(told.packages)} packages, {len(told.files)} files")
        for what, items in (("package", told.packages), ("file", told.files), ("not known:", told.unknown)):
            for item in items:
                print(f"    {what} {item}")
    return 1 if any(told.error or told.unknown for told in seen.values()) else 0


def _recover(cluster: Cluster) -> int:
    print(recover.galera(_site(cluster)))
    return 0


def _status(cluster: Cluster) -> int:
    found = whole.findings(_site(cluster))
    print("\n".join(whole.table(found)) if found else "nothing is amiss")
    return 1 if found else 0


def _show(event: Event) -> None:
    print(f"{time.strftime('%H:%M:%S')} {event.host:<13} {event.text}")


if __name__ == "__main__":
    sys.exit(main())
