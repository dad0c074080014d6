"""TLS: a certificate from files, or one made on the spot, for clients that speak only ``wss:``.

A certificate made here is signed by itself, so clients have to be told to trust it: its file can be named to most of
them (``NODE_EXTRA_CA_CERTS``, ``SSL_CERT_FILE``), and its fingerprint compared by eye. It is kept and used again, so
that this has to be done once.
"""

import os
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

if TYPE_CHECKING:
    from cryptography import x509

VALID: Final = timedelta(days=365)
RENEW: Final = timedelta(days=30)
"""How long before its end a certificate is made anew."""
NAMES: Final = ("localhost", "127.0.0.1", "::1")
"""What every certificate made here is good for."""


class TlsError(Exception):
    """There is no usable certificate; the text says what to do about it."""


class SelfSigned(Struct, frozen=True):
    """A certificate that was made here."""

    certificate: Path
    """Its file, PEM, for clients that are to trust it."""
    key: Path
    """The file of its key, PEM, which only its owner can read."""
    fingerprint: str
    """SHA-256 of the certificate, as ``AB:CD:...``."""


def tls_context(certificate: Path, key: Path | None = None) -> ssl.SSLContext:
    """Return what a server needs for TLS 1.2 and 1.3.

    Args:
        certificate: File with the certificate and its chain, PEM.
        key: File with its key, PEM; None if that is in the same file.

    Raises:
        TlsError: The files can't be read, are no PEM, or don't belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        both = f"{certificate} and {key}" if key else f"{certificate}, which has to have the key in it,"
        raise TlsError(f"{both} are no certificate with its key: {error.reason}") from None
    except OSError as error:
        raise TlsError(f"can't read {error.filename or certificate}: {error.strerror}") from None
    return context


def self_signed(folder: Path, host: str) -> SelfSigned:
    """Return the certificate in `folder`, making one if there is none that is good for `host` for a while yet.

    Args:
        folder: Where it is kept; is made for its owner alone if it is not there.
        host: Name or address by which clients call the server.

    Raises:
        TlsError: The package `cryptography` is not installed, or the folder can't be written to.
    """
    names = (*NAMES, *([host] if host not in (*NAMES, "", "0.0.0.0", "::") else []))  # noqa: S104
    try:
        from cryptography import x509
    except ImportError:
        raise TlsError(
            "making a certificate takes the package cryptography: install troupe[tls], or name the files of a "
            "certificate and its key"
        ) from None
    found = SelfSigned(folder / "certificate.pem", folder / "key.pem", "")
    try:
        certificate = x509.load_pem_x509_certificate(found.certificate.read_bytes())
        fresh = certificate.not_valid_after_utc - RENEW > datetime.now(UTC)
        if fresh and found.key.exists() and _covers(certificate, names):
            return SelfSigned(found.certificate, found.key, _fingerprint(certificate))
    except (FileNotFoundError, ValueError):
        pass
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        certificate = _make(found, names)
    except OSError as error:
        raise TlsError(f"can't keep a certificate in {folder}: {error.strerror}") from None
    return SelfSigned(found.certificate, found.key, _fingerprint(certificate))


def _covers(certificate: "x509.Certificate", names: Sequence[str]) -> bool:
    from cryptography import x509

    alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = {str(each.value) for each in alternatives}
    return known.issuperset(names)


def _make(place: SelfSigned, names: Sequence[str]) -> "x509.Certificate":
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Troupe, self-signed")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    place.key.unlink(missing_ok=True)  # one that somebody else could read would keep its mode
    with os.fdopen(os.open(place.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    place.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate


def _general_name(name: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _fingerprint(certificate: "x509.Certificate") -> str:
    from cryptography.hazmat.primitives import hashes

    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _no_password() -> str:
    """Answer OpenSSL instead of letting it ask in the terminal."""
    raise TlsError("the key is protected by a password: decrypt it first, as by `openssl pkey`")
