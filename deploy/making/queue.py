"""The accounts of RabbitMQ: one for each project that talks over it, with a virtual host of its own."""

import shlex
import threading

from deploy.catalogue import Project
from deploy.facts import queue_accounts
from deploy.facts.queue_accounts import EVERYTHING, Account, Accounts
from deploy.site import Site

EARLIER = "openstack"
"""The account that all services shared in clusters of earlier versions, in the virtual host `/`."""


def ensure(site: Site, project: Project) -> None:
    """Create the virtual host of a project's services, and their account, which may do anything in it."""
    if project.queue:
        account(site, project.queue, Account(rights={project.queue: EVERYTHING}))


def account(site: Site, name: str, wanted: Account) -> None:
    """Create an account, or give it the tags and rights of `wanted`; one that has them keeps its password."""
    host = site.members("rabbitmq").first
    if script := _script(queue_accounts.read(host), name, wanted, site.secrets[f"rabbitmq.{name}"]):
        host.change(f"set up the queue account {name}", script, timeout=120)


_ADD = """\
printf '%s\\n' {password} | rabbitmqctl -q add_user {name} ||
  printf '%s\\n' {password} | rabbitmqctl -q change_password {name}
"""


def _script(known: Accounts, name: str, wanted: Account, password: str) -> str:
    """Return the commands that make the account; empty where it is as wanted.

    Rights and tags come last: an account that has them has its password, also where a build was killed half-way.
    """
    there = known.accounts.get(name, Account())
    if name in known.accounts and (there.tags, there.rights) == (wanted.tags, wanted.rights):
        return ""
    commands = [
        *(f"add_vhost {host}" for host in wanted.rights if host not in known.hosts),
        *(f"clear_permissions -p {host} {name}" for host in there.rights if host not in wanted.rights),
        *(f"set_permissions -p {host} {name} {shlex.join(rights)}" for host, rights in wanted.rights.items()),
        f"set_user_tags {name} {' '.join(wanted.tags)}",
    ]
    lines = [f"rabbitmqctl -q {command} </dev/null" for command in commands]
    return "\n".join([_ADD.format(name=name, password=password), *lines])


def forget(site: Site) -> None:
    """Delete accounts and virtual hosts of projects that the inventory no longer has."""
    host = site.members("rabbitmq").first
    known = queue_accounts.read(host)
    for name in sorted(set(site.every.queues) - set(site.catalogue.queues)):
        lines = [f"rabbitmqctl -q delete_vhost {name} </dev/null"] if name in known.hosts else []
        lines += [f"rabbitmqctl -q delete_user {name} </dev/null"] if name in known.accounts else []
        if lines:
            host.change(f"removed the queue account {name}", "\n".join(lines), timeout=180)


# The virtual host is emptied by making it anew. The account is deleted last, so that a killed build is completed.
_RETIRE = f"""\
rabbitmqctl -q list_vhosts </dev/null | grep -qxF / && rabbitmqctl -q delete_vhost / </dev/null
rabbitmqctl -q add_vhost / </dev/null
rabbitmqctl -q delete_user {EARLIER} </dev/null
"""


def retire(site: Site) -> None:
    """Delete the earlier versions' account, and the queues in its virtual host, once no client is connected with it.

    Each step that restarts clients of RabbitMQ calls this. The last one finds no client.
    """
    host = site.members("rabbitmq").first
    earlier = queue_accounts.read(host).accounts.get(EARLIER)
    if earlier and not earlier.connections:
        with _RETIRING:  # two steps may end at the same time
            if EARLIER in queue_accounts.read(host).accounts:
                host.change(
                    f"removed the queue account {EARLIER}, and what its virtual host / held", _RETIRE, timeout=180
                )


_RETIRING = threading.Lock()
