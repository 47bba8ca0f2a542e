"""Power: drivers that switch a machine from outside, one per kind of power device, with one interface."""

from deploy.errors import PowerError
from deploy.inventory import Node
from deploy.inventory.power import Command, Ipmi, Libvirt, Redfish
from deploy.power import command, ipmi, libvirt, redfish
from deploy.power.authorities import read as authorities
from deploy.power.driver import Driver
from deploy.power.password import read as password

__all__ = ["Driver", "authorities", "of", "password"]


def of(node: Node) -> Driver:
    """Return the driver of that node; PowerError where it has no power device, InventoryError without a password."""
    match node.power:
        case Redfish():
            return redfish.Driver(node.name, node.power, password(node))
        case Ipmi():
            return ipmi.Driver(node.name, node.power, password(node))
        case Libvirt():
            return libvirt.Driver(node.name, node.power)
        case Command():
            return command.Driver(node.name, node.power, password(node))
        case None:
            raise PowerError(f"{node.name} has no power device", hint="give the node a `power` in the inventory")
