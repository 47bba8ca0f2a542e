"""A power device's password, read from the file the inventory names."""

from deploy.errors import InventoryError
from deploy.inventory import Node


def read(node: Node) -> str:
    """Return the password of a node's power device, empty where none is set; InventoryError where it is unreadable."""
    path = node.power.password_file if node.power else None
    if path is None:
        return ""
    try:
        password, trouble = path.expanduser().read_text().strip(), "the file is empty"
    except (OSError, ValueError) as error:
        password, trouble = "", getattr(error, "strerror", None) or "the file is not text"
    if not password:
        raise InventoryError(
            f"nodes.{node.name}.power.password_file: {trouble}: {path}",
            expected="a file with the power device's password, readable by you only",
            hint="create the file, or remove `power` from the node (the cluster is then built without fencing)",
        )
    return password
