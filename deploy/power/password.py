"""A power device's password, read from the file the inventory names."""

import os
from pathlib import Path

from deploy.errors import InventoryError
from deploy.inventory import Node


def read(node: Node) -> str:
    """Return the password of a node's power device, empty where none is set.

    InventoryError where the file is unreadable, or where others than its owner, who is this user or root, have rights.
    """
    path = node.power.password_file if node.power else None
    if path is None:
        return ""
    try:
        trouble = _open_to(path.expanduser())
        password = "" if trouble else path.expanduser().read_text().strip()
        trouble = trouble or "the file is empty"
    except (OSError, ValueError) as error:
        password, trouble = "", getattr(error, "strerror", None) or "the file is not text"
    if not password:
        raise InventoryError(
            f"nodes.{node.name}.power.password_file: {trouble}: {path}",
            expected="a file with the power device's password, readable by you only",
            hint=f"create the file and chmod 600 {path}, or remove `power` from the node (the cluster is then built "
            "without fencing)",
        )
    return password


def _open_to(path: Path) -> str:
    """Return who else may read or replace the file, empty where nobody may; OSError for a file that is not there."""
    found = path.stat()
    if found.st_uid not in {0, os.geteuid()}:
        return f"the file belongs to the user with ID {found.st_uid}"
    return f"the file has mode {found.st_mode & 0o777:04o}, expected 0600" if found.st_mode & 0o077 else ""
