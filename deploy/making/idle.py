"""Idle units: packages bring and enable them, and no service of the host uses them; the next boot would start them."""

import shlex

from deploy.facts import systemd
from deploy.host import Host
from deploy.site import Site


def disable(site: Site, host: Host) -> None:
    """Stop and disable the idle units of that host; units of the host's own services stay as they are."""
    planned = {service.unit for service in site.catalogue.on(host.node)}
    idle = [unit for project in site.catalogue.projects for unit in project.idle if unit not in planned]
    for name, unit in systemd.units(host, idle).items():
        if unit.is_enabled or unit.is_active:
            host.change(f"disabled {name}, which no service uses", f"systemctl disable -q --now {shlex.quote(name)}")
