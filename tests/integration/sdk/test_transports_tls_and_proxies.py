# SPDX-License-Identifier: MIT
"""Certificates are verified, CA bundles are taken, proxies are used: by every transport."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer

import fc_async_sdk
from fc_async_sdk import _endpoint, errors
from fc_async_sdk._async_client import AsyncClient
from fc_async_sdk.config import Config
from fc_async_sdk.credentials import LOCAL, Static
from fc_async_sdk.transport import common
from fc_async_sdk.transport.bulk import BulkTransport

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FUNCTION = {"functionName": "f", "runtime": "python3.10"}
PATH = "/2023-03-30/functions/f"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine, signed by itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.fixture(scope="module")
def secure(certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(host="127.0.0.1", ssl_context=context) as server:
        server.expect_request(PATH).respond_with_json(FUNCTION)
        yield f"https://127.0.0.1:{server.port}"


async def until_closed(*urls: str) -> None:
    """Return when this process has no connection to one of these ports.

    aiohttp does not wait for the end of TLS connections that the server closes
    (https://docs.aiohttp.org/en/stable/client_advanced.html#graceful-shutdown). If the loop were
    closed before, a later test would fail with a ResourceWarning.
    """
    ports = {urlsplit(url).port for url in urls}

    def connected() -> bool:
        found = psutil.Process().net_connections("tcp")
        return any(one.raddr and one.raddr.port in ports for one in found)

    while connected():  # noqa: ASYNC110 -- nothing tells when a socket is closed
        await asyncio.sleep(0)


@pytest.fixture(params=["sync", "async", "bulk"])
def get(request: pytest.FixtureRequest) -> Any:
    """Reads a function at an endpoint, over each transport."""

    def synchronously(url: str, **settings) -> str:
        with fc_async_sdk.client(endpoint_url=url, config=Config(**settings)) as client:
            return client.get_function("f").function_name

    async def asynchronously(url: str, settings: dict[str, Any]) -> str:
        place, config, provider = _endpoint.parse(url), Config(**settings), Static(LOCAL)
        transport = BulkTransport(place, config, provider) if request.param == "bulk" else None
        async with AsyncClient(place, provider, config, transport=transport) as client:
            name = (await client.get_function("f")).function_name
        await until_closed(url)
        return name

    if request.param == "sync":
        return synchronously
    return lambda url, **settings: asyncio.run(asynchronously(url, settings))


class TestTls:
    def test_an_unknown_certificate_is_refused(self, get, secure: str) -> None:
        with pytest.raises(errors.ConnectFailed, match=r"(?i)certificate"):
            get(secure, max_attempts=1)

    def test_a_bundle_is_trusted(self, get, secure: str, certificate: Path) -> None:
        assert get(secure, verify=str(certificate)) == "f"

    def test_a_bundle_of_the_environment_is_trusted(
        self, get, secure: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert get(secure) == "f"
        with pytest.raises(errors.ConnectFailed):
            get(secure, trust_env=False, max_attempts=1)

    def test_a_bundle_that_is_missing_is_told(self, get, secure: str) -> None:
        with pytest.raises(errors.ConfigurationError, match="no CA bundle /nowhere"):
            get(secure, verify="/nowhere")
        with pytest.raises(
            errors.ConfigurationError, match="no client certificate or key /nowhere"
        ):
            get(secure, cert="/nowhere")

    @pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
    def test_verification_can_be_switched_off(self, get, secure: str) -> None:
        assert get(secure, verify=False) == "f"


class Proxy:
    """Forwards connections (CONNECT) and requests (absolute form); counts both."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.seen: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        self.seen.append(f"{method} {target}")
        if method == "CONNECT":
            host, port = target.split(":")
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            rest = b""
        else:
            host, _, port = target.removeprefix("http://").partition("/")[0].partition(":")
            rest = head
        with socket.create_connection((host, int(port))) as upstream, client:
            upstream.sendall(rest)
            back = threading.Thread(target=self._pump, args=(upstream, client), daemon=True)
            back.start()
            self._pump(client, upstream)
            back.join(60)

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.close()


@pytest.fixture(params=["sync", "async"])
def get_proxied(request: pytest.FixtureRequest) -> Any:
    """As ``get``, over the transports that know proxies."""

    async def asynchronously(url: str, settings: dict[str, Any]) -> str:
        async with fc_async_sdk.async_client(endpoint_url=url, config=Config(**settings)) as client:
            name = (await client.get_function("f")).function_name
        await until_closed(*settings["proxies"].values())
        return name

    def synchronously(url: str, **settings) -> str:
        with fc_async_sdk.client(endpoint_url=url, config=Config(**settings)) as client:
            return client.get_function("f").function_name

    if request.param == "sync":
        return synchronously
    return lambda url, **settings: asyncio.run(asynchronously(url, settings))


class TestProxies:
    def test_plain_requests_go_through(
        self, get_proxied, httpserver: HTTPServer, proxy: Proxy
    ) -> None:
        httpserver.expect_request(PATH).respond_with_json(FUNCTION)
        url = httpserver.url_for("").rstrip("/")
        assert get_proxied(url, proxies={"http": proxy.url}) == "f"
        assert proxy.seen == [f"GET {url.replace('localhost', '127.0.0.1')}{PATH}"] or (
            proxy.seen == [f"GET {url}{PATH}"]
        )

    def test_secure_ones_go_through_a_tunnel(
        self, get_proxied, secure: str, certificate: Path, proxy: Proxy
    ) -> None:
        assert get_proxied(secure, proxies={"https": proxy.url}, verify=str(certificate)) == "f"
        assert proxy.seen == [f"CONNECT {secure.removeprefix('https://')}"]

    def test_a_proxy_that_is_not_there_is_named(self, get_proxied, secure: str) -> None:
        with pytest.raises(errors.ConnectFailed):
            get_proxied(secure, proxies={"https": "http://127.0.0.1:9"}, max_attempts=1)


class TestSurroundings:
    """Which proxy is taken."""

    @staticmethod
    def choose(url: str, **settings) -> str | None:
        place = _endpoint.parse(url, allow_plain_http=True)
        return common.proxy(place, Config(**settings))

    @pytest.fixture(autouse=True)
    def environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.setenv("https_proxy", "http://env:1")
        monkeypatch.setenv("no_proxy", "internal.example.com")

    @pytest.mark.parametrize(
        ("url", "settings", "chosen"),
        [
            ("https://a.example.com", {}, "http://env:1"),
            ("http://a.example.com", {}, None),
            ("https://internal.example.com", {}, None),
            ("https://127.0.0.1", {}, None),
            ("https://a.example.com", {"trust_env": False}, None),
            ("https://a.example.com", {"proxies": {}}, None),
            ("https://a.example.com", {"proxies": {"https": "http://mine:1"}}, "http://mine:1"),
            ("https://a.example.com", {"proxies": {"all": "http://mine:1"}}, "http://mine:1"),
            (
                "https://a.example.com",
                {"proxies": {"https": "http://b:1", "https://a.example.com": "http://c:1"}},
                "http://c:1",
            ),
        ],
    )
    def test_the_proxy_of_an_endpoint_is_chosen(
        self, url: str, settings: dict[str, Any], chosen: str | None
    ) -> None:
        assert self.choose(url, **settings) == chosen
