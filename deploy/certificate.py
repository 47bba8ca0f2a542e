"""Certificates: an authority, and those of servers and members that it signs; all with their keys, in PEM."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY, SERVER = timedelta(days=3650), timedelta(days=397)
"""Lives of the certificates. Browsers accept no server's certificate that lives longer than 398 days."""
_LOOPBACK = IPv4Address("127.0.0.1")
_SKEW = timedelta(days=1)
"""A new certificate is valid this long already: clocks differ."""
_USAGES = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement")


def authority(name: str, old: str = "") -> str:
    """Return key and certificate of an authority. With an `old` one, the key stays: what it signed stays valid."""
    private = _own(old) if old else ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Stackproof"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    made = (
        _builder(subject, subject, private, AUTHORITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
    )
    return _pem(private, made.sign(private, hashes.SHA256()))


def server(signer: str, address: IPv4Address, names: Iterable[str]) -> str:
    """Return a new key, and a certificate for the address and the host names, signed by that authority."""
    of = [x509.IPAddress(address), *(x509.DNSName(name) for name in names)]
    return _issued(signer, address, of, [ExtendedKeyUsageOID.SERVER_AUTH])


def member(signer: str, address: IPv4Address) -> str:
    """Return a new key, and a certificate for the address and the loopback, signed by that authority.

    A member of a cluster is a server, and a client of the other members.
    """
    of = [x509.IPAddress(address), x509.IPAddress(_LOOPBACK)]
    return _issued(signer, address, of, [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def client(signer: str, name: str) -> str:
    """Return a new key, and a certificate for a client of that name, signed by that authority.

    It is for a host name that nobody has: a certificate for no host at all would be one of a member to etcd.
    """
    return _issued(signer, name, [x509.DNSName(f"{name}.invalid")], [ExtendedKeyUsageOID.CLIENT_AUTH])


def _issued(
    signer: str, name: IPv4Address | str, of: Iterable[x509.GeneralName], purposes: Iterable[x509.ObjectIdentifier]
) -> str:
    private, signing = ec.generate_private_key(ec.SECP256R1()), _own(signer)
    subject, issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(name))]), first(signer).subject
    # The signer is named by its key alone, and not by its serial number: what it signed outlasts its renewal.
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    made = (
        _builder(subject, issuer, private, SERVER)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(by, critical=False)
        .add_extension(x509.SubjectAlternativeName(of), critical=False)
    )
    return _pem(private, made.sign(signing, hashes.SHA256()))


def first(pem: str) -> x509.Certificate:
    """Return the first certificate of a text; ValueError where there is none."""
    return x509.load_pem_x509_certificates(pem.encode())[0]


def public(pem: str) -> str:
    """Return the certificates of a text, without its keys."""
    found = x509.load_pem_x509_certificates(pem.encode())
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in found)


def is_fresh(pem: str) -> bool:
    """True where the first certificate has a third of its life left, or more."""
    found = first(pem)
    life = found.not_valid_after_utc - found.not_valid_before_utc
    return found.not_valid_after_utc - datetime.now(UTC) >= life / 3


def is_current(pem: str) -> bool:
    """True where the first certificate is valid now."""
    found = first(pem)
    return found.not_valid_before_utc <= datetime.now(UTC) < found.not_valid_after_utc


def is_for(pem: str, address: IPv4Address, names: Iterable[str] = ()) -> bool:
    """True where the first certificate is for that address and all of the names."""
    return {str(address), *names} <= set(hosts(pem))


def hosts(pem: str) -> tuple[str, ...]:
    """Return the addresses and host names that the first certificate is for; a name may begin with `*.`."""
    try:
        of = first(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = map(str, of.get_values_for_type(x509.IPAddress))
    return (*addresses, *of.get_values_for_type(x509.DNSName))


def serves(pem: str, signer: str, address: IPv4Address, names: Iterable[str] = ()) -> bool:
    """True where the first certificate is of that authority, for that address and all of the names, and fresh."""
    return leads_to(pem, signer) and is_fresh(pem) and is_for(pem, address, names)


def has_key(pem: str, key: str) -> bool:
    """True where the private key belongs to the first certificate; ValueError where `key` is no key in the open."""
    return _private(key).public_key() == first(pem).public_key()


def leads_to(chain: str, signers: str) -> bool:
    """True where each certificate of the chain is signed by the next one, and the last one by one of `signers`."""
    links = x509.load_pem_x509_certificates(chain.encode())
    roots = x509.load_pem_x509_certificates(signers.encode())
    follow = all(_signed(link, [after]) for link, after in pairwise(links))
    return follow and (links[-1] in roots or _signed(links[-1], roots))


def _signed(certificate: x509.Certificate, signers: Iterable[x509.Certificate]) -> bool:
    for signer in signers:
        try:
            certificate.verify_directly_issued_by(signer)
        except (InvalidSignature, ValueError, TypeError):
            continue
        return True
    return False


def _private(pem: str) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise ValueError("the key has a passphrase") from None


def _own(pem: str) -> ec.EllipticCurvePrivateKey:
    """Return a key that this module made."""
    private = _private(pem)
    assert isinstance(private, ec.EllipticCurvePrivateKey)  # noqa: S101 - this module makes no other
    return private


def _builder(
    subject: x509.Name, issuer: x509.Name, private: ec.EllipticCurvePrivateKey, life: timedelta
) -> x509.CertificateBuilder:
    now, public_key = datetime.now(UTC), private.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    others = dict.fromkeys(_USAGES[1:], False)
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
        **others,
    )


def _pem(private: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> str:
    key = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (key + certificate.public_bytes(serialization.Encoding.PEM)).decode()
