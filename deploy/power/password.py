"""A power device's password: the owner's, read from the file the inventory names."""

from deploy.errors import InventoryError
from deploy.inventory import Node


def read(node: Node) -> str:
    """The password of a node's power device, empty where it takes none; InventoryError where it cannot be had."""
    path = node.power.password_file if node.power else None
    if path is None:
        return ""
    try:
        password, trouble = path.expanduser().read_text().strip(), "it is empty"
    except (OSError, ValueError) as error:
        password, trouble = "", getattr(error, "strerror", None) or "it is no text"
    if not password:
        raise InventoryError(
            f"nodes.{node.name}.power.password_file: {trouble}: {path}",
            expected="a file with the power device's password, readable by you only",
            hint="make it, or remove `power` from the node (the cluster is then built without fencing)",
        )
    return password
