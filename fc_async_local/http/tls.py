# SPDX-License-Identifier: MIT
"""TLS on the ports of a runtime, with certificates of a certificate authority of its own.

Official clients speak TLS unless they are told otherwise. A client that trusts this authority needs
only another endpoint. :class:`Authority` keeps the authority's files, and has what connections are
encrypted with.

Invariants:
    Nothing is made, and ``cryptography`` is not imported, before the first use.
    The key of the authority can be read by its owner only, and is printed nowhere. The keys of
    certificates are in memory, and in a file of the owner's while they are loaded.
    The authority can sign for this machine and for hosts of Alibaba Cloud, and for nothing else
    (RFC 5280, section 4.2.1.10): a client that trusts it trusts it for those names only.
    No certificate is put into a store of the system or of a browser.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import ssl
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from typing_extensions import Self

_LOG: Final = logging.getLogger(__name__)

NAME: Final = "tls"
"""Of the folder, in the data folder of a runtime."""
_KEY: Final = "ca-key.pem"
_JAVA_PASSWORD: Final = "changeit"  # noqa: S105 -- Java's default: the store has no secrets
_BUNDLES: Final = "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE"
"""Variables that name files of certificates, the most usual first."""
_HOST: Final = re.compile(r"(?:[a-z0-9_-]{1,63}\.){1,8}aliyuncs\.com")
_MOST_HOSTS: Final = 200
"""Ours: bounds memory. Hosts beyond it get the certificate of loopback names."""


class Authority:
    """A certificate authority in a folder.

    Args:
        folder: Made if it does not exist. Its parent is the data folder of a runtime.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._told: set[str] = set()

    @classmethod
    def of(cls, data: Path) -> Authority:
        """Return the authority of the runtime on a data folder; its files exist."""
        authority = cls(data / NAME)
        _project_folder.check(authority._folder)
        # Otherwise ``cryptography`` would be imported at each start of a runtime.
        return authority if authority.ca_file.is_file() else authority.ensure()

    @property
    def ca_file(self) -> Path:
        """The certificate of the authority, in PEM: for clients that add it to those they trust."""
        return self._folder / "ca.pem"

    @property
    def bundle_file(self) -> Path:
        """That certificate and those that this machine trusts: for clients that read one file."""
        return self._folder / "bundle.pem"

    def environment(self) -> dict[str, str]:
        """Return the variables by which clients in Python and Node.js, and curl, trust it."""
        bundle = str(self.bundle_file)
        # Node.js adds to its own, but only one file: the user may have set the variable.
        return {"FC_ASYNC_CA": str(self.ca_file), **dict.fromkeys(_BUNDLES, bundle)}

    def of_programs(self) -> dict[str, str]:
        """Return these variables for programs of functions, with that of Java.

        Raises:
            OSError: A file cannot be written.
            ImportError: ``cryptography`` is not installed.
        """
        store, bundle = self._folder / "bundle.p12", self.bundle_file
        if not store.is_file() or store.stat().st_mtime < bundle.stat().st_mtime:
            from fc_async_local.http import certificates  # noqa: PLC0415 -- few runs need it

            _write(store, certificates.java_store(bundle.read_bytes(), _JAVA_PASSWORD))
        option = "-Djavax.net.ssl.trustStore"
        java = f'"{option}={store}" {option}Type=PKCS12 {option}Password={_JAVA_PASSWORD}'
        return {**self.environment(), "JAVA_TOOL_OPTIONS": java}

    def ensure(self) -> Self:
        """Make the files that do not exist, or whose certificate ends soon.

        Raises:
            OSError: They cannot be written.
            ImportError: ``cryptography`` is not installed.
        """
        self._pair()
        return self

    def context(self) -> ssl.SSLContext:
        """Return what connections to this machine are encrypted with.

        Raises:
            OSError: The files cannot be read or written.
            ImportError: ``cryptography`` is not installed.
        """
        return self._context("")

    def note_failure(self, reason: str) -> None:
        """Log once that a client speaks TLS and sends no request, why, and what to change."""
        if reason in self._told:
            return
        self._told.add(reason)
        _LOG.warning(
            "a client began to speak TLS and sent no request (%s): let it trust %s, or give it the "
            "endpoint with http:// (protocol HTTP); `fc-async dev --trust` explains both",
            reason,
            self.ca_file,
        )

    def _context(self, host: str) -> ssl.SSLContext:
        context = self._contexts.get(host)
        if context is None:
            context = self._contexts[host] = self._new_context(host)
        return context

    def _new_context(self, host: str) -> ssl.SSLContext:
        from fc_async_local.http import certificates  # noqa: PLC0415 -- few runs need it

        key, certificate = self._pair()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(["http/1.1"])
        # The only way to give a key to this class is a file.
        with tempfile.NamedTemporaryFile(dir=self._folder) as file:
            file.write(certificates.leaf(key, certificate, host))
            file.flush()
            context.load_cert_chain(file.name)
        context.sni_callback = self._choose
        return context

    def _choose(
        self, connection: ssl.SSLSocket | ssl.SSLObject, asked: str | None, _: ssl.SSLContext
    ) -> None:
        host = (asked or "").lower()
        # Clients choose the name: without a limit they would choose how much memory it takes.
        has_room = host in self._contexts or len(self._contexts) < _MOST_HOSTS
        if has_room and _HOST.fullmatch(host):
            connection.context = self._context(host)

    def _pair(self) -> tuple[EllipticCurvePrivateKey, x509.Certificate]:
        """Return the key and the certificate of the authority, new ones if there are none."""
        from fc_async_local.http import certificates  # noqa: PLC0415 -- few runs need it

        stored = self._folder / _KEY  # with the certificate: one is nothing without both
        _project_folder.check(self._folder)
        content = _own_key(stored)
        pair = certificates.read_authority(content) if content else None
        if pair is None:
            _project_folder.make_private(self._folder.parent)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            with _project_folder.replacing(stored) as file:
                file.write_bytes(certificates.new_authority())
            return self._pair()
        self._publish(certificates.pem_of(pair[1]))
        return pair

    def _publish(self, certificate: bytes) -> None:
        _write(self.ca_file, certificate)
        named = filter(None, map(os.environ.get, _BUNDLES))
        bundles = [Path(path) for path in named]
        foreign = [path for path in bundles if not path.with_name(_KEY).is_file()]
        bundle = self.bundle_file
        # A shell in which these variables are set: what the user trusted before is in the bundle,
        # and nothing else in the environment names it any more.
        names_only_ours = bool(bundles) and not foreign and bundle.is_file()
        if names_only_ours and bundle.read_bytes().endswith(certificate):
            return
        _write(bundle, _roots(foreign) + b"\n" + certificate)


def _own_key(path: Path) -> bytes:
    """Return the key of an authority; empty if there is none that only this user can know.

    Who knows the key of an authority can read the connections of all programs that trust it.
    """
    try:
        descriptor = _project_folder.open_private(path, os.O_RDONLY)
    except (FileNotFoundError, _project_folder.ForeignFolder):
        return b""
    with os.fdopen(descriptor, "rb") as file:
        others_read = os.fstat(descriptor).st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        return b"" if others_read else file.read()


def _write(path: Path, content: bytes) -> None:
    """Write a file unless it has this content."""
    if not path.is_file() or path.read_bytes() != content:
        with _project_folder.replacing(path) as file:
            file.write_bytes(content)


def _roots(bundles: list[Path]) -> bytes:
    """Return the certificates that programs of this environment trust, in PEM."""
    # Not ``cafile``, which is the value of SSL_CERT_FILE.
    system = ssl.get_default_verify_paths().openssl_cafile
    for path in (*bundles, Path(system)):
        with contextlib.suppress(OSError):
            return path.read_bytes()
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # noqa: PLC0415 -- start-up time

    with contextlib.suppress(OSError):
        return Path(DEFAULT_CA_BUNDLE_PATH).read_bytes()
    return b""
