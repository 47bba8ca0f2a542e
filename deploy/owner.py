"""The owner of a cluster's secrets: a runner without them may neither build nor judge the cluster."""

from deploy.errors import HostUnreachable, StackproofError
from deploy.facts import built
from deploy.facts.built import Built
from deploy.host import Host
from deploy.site import Site


def require(site: Site) -> None:
    """Return where every host that answers is bare, or was built with this runner's secrets; else StackproofError.

    Nothing was written before. Hosts that do not answer are left out: each step names them.
    """
    found = site.hosts.each(_built)
    if not (strange := _strange(site, found)):
        return
    raise StackproofError(
        f"cluster {site.cluster.name} was built with other secrets than this runner has; nothing was changed",
        expected=f"the secrets of the runner that built it, in {site.secrets.path}",
        seen=f"built with other secrets: {', '.join(strange)}"
        if len(site.secrets)
        else f"no secrets here, and hosts of that cluster: {', '.join(strange)}",
        hint="on the other runner: python -m deploy secrets export FILE; here: python -m deploy secrets import FILE; "
        "if that is another cluster of the same name, give this one another name in the inventory",
    )


def _built(host: Host) -> Built:
    try:
        return built.read(host)
    except HostUnreachable:
        return Built()


def _strange(site: Site, found: dict[str, Built]) -> list[str]:
    """Return the hosts of a cluster of this name that other secrets built.

    A host that an earlier version built has no fingerprint. It is ours where this runner has secrets at all.
    """
    ours = site.secrets.known_identity
    named = {name: host for name, host in found.items() if host.cluster == site.cluster.name}
    return [name for name, host in named.items() if (host.identity != ours if host.identity else not len(site.secrets))]
