"""The certificate of the lab's power controller, for its address."""

from ipaddress import IPv4Address

from deploy import certificate
from deploy.lab import keys, names

PEM = names.STATE / "redfish.pem"
"""The file with the private key, the certificate, and the one of the authority that signed it and is gone."""


def ensure(address: str) -> None:
    """Create key and certificate for that address where the file is missing or the certificate ends soon."""
    if PEM.exists() and certificate.is_fresh(PEM.read_text()):
        return
    signer = certificate.authority("lab")
    made = certificate.server(signer, IPv4Address(address), [])
    keys.write_private(PEM, made + certificate.public(signer))
