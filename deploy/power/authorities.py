"""The CA certificates of a power device, read from the file on the runner that the inventory names."""

import re

from deploy.errors import InventoryError
from deploy.inventory import Node
from deploy.inventory.power import Redfish

_CERTIFICATE = re.compile(r"^-----BEGIN CERTIFICATE-----$.+?^-----END CERTIFICATE-----$", re.DOTALL | re.MULTILINE)


def read(node: Node) -> str:
    """Return the certificates as PEM text, without keys and comments; empty where the device needs none of its own.

    InventoryError where the file cannot be read or has no certificate.
    """
    device = node.power
    if not isinstance(device, Redfish) or not device.verify_tls or device.ca_file is None:
        return ""
    try:
        found, seen = _CERTIFICATE.findall(device.ca_file.expanduser().read_text()), "no certificate in it"
    except (OSError, ValueError) as error:
        found, seen = [], getattr(error, "strerror", None) or "the file is not text"
    if not found:
        raise InventoryError(
            f"nodes.{node.name}.power.ca_file: {device.ca_file}",
            expected="a file on the runner with CA certificates in PEM format",
            seen=seen,
        )
    return "\n".join(found) + "\n"
