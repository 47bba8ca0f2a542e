"""RabbitMQ: one cluster of its members, and the account that watches them."""

from collections.abc import Iterator, Sequence

from deploy.catalogue import Project
from deploy.errors import StackproofError, StepFailed
from deploy.facts import queue_accounts, rabbitmq
from deploy.facts.queue_accounts import MONITOR, Account
from deploy.finding import Finding
from deploy.host import Host
from deploy.making import amiss as findings
from deploy.making import install, ordinary, queue, roll
from deploy.making.start import START
from deploy.site import Site
from deploy.snapshot import Snapshot
from deploy.step import Step
from deploy.wait import until

JOIN = 120.0
"""Seconds a member may take to start and join the others."""
ANSWER = 60.0
"""Seconds until a member must report itself as running; 8 are usual on two busy cores."""


def apply(site: Site, host: Host) -> None:
    """Install and start one member: the first before the others, so that no other member forms its own cluster."""
    install.apply(site, host, "rabbitmq")
    try:
        _answers(site, host)
    except StepFailed:
        # A member may run without answering, for example after a full disk. It serves no client, so a restart
        # interrupts none.
        unit = site.catalogue["rabbitmq"].unit
        host.change(f"restarted {unit}, which ran without answering", f"systemctl restart {unit}")
        _answers(site, host)


def _answers(site: Site, host: Host) -> None:
    until(
        lambda: rabbitmq.status(host, site.catalogue["rabbitmq"].internals),
        ready=lambda status: bool(status.running),
        timeout=ANSWER,
        interval=1,
        what=f"{host.name}: RabbitMQ",
        expected="an answer from the member on that host",
        hint=f"journalctl -u {site.catalogue['rabbitmq'].unit} on {host.name}",
    )


def complete(site: Site) -> None:
    """Create the account that watches the members; delete guest, and accounts that no service uses any more."""
    host = site.members("rabbitmq").first
    queue.account(site, MONITOR, Account(tags=("monitoring",)))
    if "guest" in queue_accounts.read(host).accounts:
        host.change("removed the queue account guest", "rabbitmqctl -q delete_user guest")
    queue.forget(site)
    queue.retire(site)
    roll.roll(site, "rabbitmq")


def amiss(now: Snapshot) -> Iterator[Finding]:
    """Yield units that do not run, and members that do not answer or report a missing member, partition or alarm."""
    yield from findings.ordinary(now, "rabbitmq")
    members = now.site.members("rabbitmq")
    for name, host in now.answering(members).items():
        try:
            status = _nodes(now.site, host)
        except StackproofError as error:
            yield Finding.of(error, name)
            continue
        if not status.whole(len(members)):
            yield Finding(
                f"RabbitMQ: {len(status.running)} of {len(members)} members run, "
                f"partitions: {', '.join(status.partitions) or 'none'}, alarms: {', '.join(status.alarms) or 'none'}",
                name,
                hint=f"rabbitmqctl cluster_status on {name}",
            )


def _nodes(site: Site, host: Host) -> rabbitmq.RabbitStatus:
    """Return the cluster's status from the management plugin on that host; StackproofError without an answer.

    rabbitmqctl would cost the host most of a second of CPU time, because it starts an Erlang VM.
    """
    import requests  # noqa: PLC0415 - slow to load, and most importers of the steps never call this

    url = site.addresses.at(host.node, "rabbitmq", "management").url("/api/nodes")
    hint = f"journalctl -u {site.catalogue['rabbitmq'].unit} on {host.name}"
    try:
        answer = requests.get(url, auth=(MONITOR, site.secrets[f"rabbitmq.{MONITOR}"]), timeout=15)
    except requests.RequestException as error:
        raise StackproofError(f"RabbitMQ does not answer at {url}: {type(error).__name__}", hint=hint) from None
    if not answer.ok:
        raise StackproofError(
            f"RabbitMQ answers {answer.status_code} at {url}: its account {MONITOR} may be missing or changed",
            hint=hint,
        )
    return rabbitmq.parse_nodes(answer.text)


def step(project: Project, roles: Sequence[str]) -> Step:
    """The step, for the plan."""
    return ordinary.step(
        project, roles, order="first-then-rest", apply=apply, complete=complete, amiss=amiss, settles=START + JOIN
    )
