"""Certificates of a cluster's own authority: keys on the curve P-256, as PEM texts."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFETIME = timedelta(days=3650)
"""How long an authority and its certificates are valid."""
LOOPBACK = "127.0.0.1"


def private() -> str:
    """Return a new private key without a passphrase."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def authority(key: str, name: str) -> str:
    """Return the certificate with which an authority of that name signs itself; ValueError for an unreadable key."""
    own = _name(name)
    return _signed(_begun(own, own, key, path_length=0), key)


def certificate(key: str, address: str, *, by: str, by_key: str) -> str:
    """Return a certificate of `key` for that IP address and the loopback, signed by an authority.

    ValueError for an unreadable key, certificate or address.
    """
    issuer = x509.load_pem_x509_certificate(by.encode()).subject
    names = [x509.IPAddress(ip_address(each)) for each in (address, LOOPBACK)]
    begun = _begun(_name(address), issuer, key).add_extension(x509.SubjectAlternativeName(names), critical=False)
    return _signed(begun, by_key)


def _begun(subject: x509.Name, issuer: x509.Name, key: str, path_length: int | None = None) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    constraints = x509.BasicConstraints(ca=path_length is not None, path_length=path_length)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(_loaded(key).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # a host's clock may be behind the runner's
        .not_valid_after(now + LIFETIME)
        .add_extension(constraints, critical=True)
    )


def _signed(begun: x509.CertificateBuilder, key: str) -> str:
    return begun.sign(_loaded(key), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _loaded(key: str) -> ec.EllipticCurvePrivateKey:
    loaded = serialization.load_pem_private_key(key.encode(), password=None)
    if not isinstance(loaded, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is not on an elliptic curve")
    return loaded


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
