# SPDX-License-Identifier: MIT
"""Makes the certificates of :mod:`fc_async_local.http.tls`, with ``cryptography``.

Imported at the first use only: few runs need it, and it is slow to import.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import warnings
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID

CLOUD: Final = "aliyuncs.com"
"""The domain of the hosts that requests may have been meant for."""

_PEM: Final = serialization.Encoding.PEM
_LOCAL: Final = "localhost"
_NETWORKS: Final = ("127.0.0.0/8", "::1/128")
_AUTHORITY_DAYS: Final = 3_650
_CERTIFICATE_DAYS: Final = 397
"""The longest that browsers accept."""
_RENEWED_DAYS: Final = 30


def read_authority(text: bytes) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
    """Return the key and the certificate that :func:`new_authority` wrote.

    Returns:
        Both; None if they are damaged or are valid for a few days only.
    """
    try:
        key = serialization.load_pem_private_key(text, None)
        certificate = x509.load_pem_x509_certificate(text)
    except ValueError:
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    remaining = certificate.not_valid_after_utc - dt.datetime.now(dt.timezone.utc)
    if remaining.days < _RENEWED_DAYS:
        return None
    return key, certificate


def pem_of(certificate: x509.Certificate) -> bytes:
    """Return a certificate in PEM."""
    return certificate.public_bytes(_PEM)


def new_authority() -> bytes:
    """Return the new key of an authority and its certificate, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"fc-async on this machine {os.urandom(4).hex()}")
    # A stolen key must not vouch for other hosts than this machine and those of the cloud.
    permitted = [x509.DNSName(host) for host in (_LOCAL, CLOUD)]
    networks = [x509.IPAddress(ipaddress.ip_network(text)) for text in _NETWORKS]
    usage = dict.fromkeys(
        (
            *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
            *("key_agreement", "encipher_only", "decipher_only"),
        ),
        False,
    )
    certificate = (
        _builder(name, name, key, _AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        .add_extension(x509.NameConstraints([*permitted, *networks], None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _signed(certificate, key, key)


def leaf(
    authority_key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, host: str
) -> bytes:
    """Return a new key and a certificate for a host, in PEM; "": for this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [x509.DNSName(host or _LOCAL)]
    if not host:
        names += [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1")]
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    certificate = (
        _builder(_name("fc-async"), authority.subject, key, _CERTIFICATE_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(issuer_key, critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
    )
    return _signed(certificate, authority_key, key)


def java_store(bundle: bytes, password: str) -> bytes:
    """Return certificates in PEM as a store for Java's ``javax.net.ssl.trustStore``."""
    with warnings.catch_warnings():
        # Of serial numbers that RFC 5280 does not allow: some old authorities have one.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        certificates = x509.load_pem_x509_certificates(bundle)
    named = [
        pkcs12.PKCS12Certificate(certificate, b"%d" % number)
        for number, certificate in enumerate(certificates)
    ]
    sealed = serialization.BestAvailableEncryption(password.encode())
    return pkcs12.serialize_java_truststore(named, sealed)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.timezone.utc)
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        # A client's clock may be behind, by hours if it takes local time for UTC.
        not_valid_before=now - dt.timedelta(days=1),
        not_valid_after=now + dt.timedelta(days=days - 1),
    )


def _signed(
    builder: x509.CertificateBuilder,
    signing: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
) -> bytes:
    """Return a key with its signed certificate, in PEM."""
    plain = serialization.NoEncryption()
    text = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, plain)
    return text + builder.sign(signing, hashes.SHA256()).public_bytes(_PEM)
