# SPDX-License-Identifier: MIT
"""Clients that speak TLS to a runtime: those that trust its authority, those that do not."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import queue
import socket
import ssl
import stat

import pytest
from cryptography import x509

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime, new_event_loop
from fc_async_local.http.connections import ConnectionLimits
from fc_async_local.http.server import HttpServer, bind
from fc_async_local.http.tls import Authority
from fc_async_tests import runtime_requests as requests
from fc_async_tests.code import archive

INVOKE = "2023-03-30/functions/f/invocations"
LARGE = b"x" * 5_000_000


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    data = tmp_path_factory.mktemp("tls")
    with LocalRuntime(data=data, port=0, store="memory", handlers={"f": echo}) as local:
        code = {"zipFile": base64.b64encode(archive()).decode()}
        named = {"functionName": "f", "runtime": "python3.10", "handler": "index.handler"}
        created = requests.post(
            f"{local.endpoint}/2023-03-30/functions", json={**named, "code": code}, timeout=60
        )
        assert created.ok, created.text
        yield local


def echo(event, _context):
    return event


@pytest.fixture
def secure(runtime):
    return runtime.endpoint.replace("http://", "https://")


@pytest.fixture
def authority(runtime):
    return runtime.authority.ensure()


def connected(url, authority, name):
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    plain = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=30)
    return context.wrap_socket(plain, server_hostname=name)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_client_that_trusts_the_authority_needs_only_https(secure, authority, name):
    with connected(secure, authority, name) as client:
        client.sendall(f"GET /_local/health HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 200")


def test_large_bodies_pass_both_ways(secure, authority):
    answer = requests.post(
        f"{secure}/{INVOKE}", data=LARGE, verify=str(authority.ca_file), timeout=60
    )
    assert (answer.status_code, answer.content) == (200, LARGE)


def test_all_ports_speak_tls(runtime, authority):
    for url in (runtime.addresses.mns, runtime.addresses.rocketmq, runtime.addresses.eventbridge):
        secure = url.replace("http://", "https://")
        assert requests.get(secure, verify=str(authority.ca_file), timeout=60).status_code < 500


def test_a_host_of_the_cloud_has_a_certificate_of_its_own(secure, authority):
    host = "1234.cn-hangzhou.fc.aliyuncs.com"
    with connected(secure, authority, host) as client:
        client.sendall(f"GET /_local/health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 ")


def test_the_authority_signs_for_no_other_host(secure, authority):
    with pytest.raises(ssl.SSLCertVerificationError):
        connected(secure, authority, "example.com")
    certificate = x509.load_pem_x509_certificate(authority.ca_file.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert names.critical
    assert {str(name.value) for name in names.value.permitted_subtrees} == {
        *("localhost", "aliyuncs.com", "127.0.0.0/8", "::1/128")
    }


def test_only_the_owner_reads_the_key(authority):
    folder = authority.ca_file.parent
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert modes == dict.fromkeys(["bundle.pem", "ca-key.pem", "ca.pem"], 0o600)
    assert b"PRIVATE" not in authority.ca_file.read_bytes() + authority.bundle_file.read_bytes()


def test_what_the_user_trusts_besides_stays_trusted(tmp_path, monkeypatch):
    own = tmp_path / "own.pem"
    own.write_bytes(b"a certificate of the user")
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        monkeypatch.setenv(name, str(own))
    made = Authority(tmp_path / "tls").ensure()
    variables = made.environment()
    assert made.bundle_file.read_bytes() == own.read_bytes() + b"\n" + made.ca_file.read_bytes()
    assert variables.pop("FC_ASYNC_CA") == str(made.ca_file)
    assert set(variables.values()) == {str(made.bundle_file)}


def test_a_bundle_does_not_grow_in_a_shell_that_has_the_variables(tmp_path, monkeypatch):
    own = tmp_path / "own.pem"
    own.write_bytes(b"a certificate of the user")
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        monkeypatch.setenv(name, str(own))
    made = Authority(tmp_path / "tls").ensure()
    before = made.bundle_file.read_bytes()
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    again, other = Authority(tmp_path / "tls").ensure(), Authority(tmp_path / "other").ensure()
    assert again.bundle_file.read_bytes() == before
    assert made.ca_file.read_bytes() not in other.bundle_file.read_bytes()


class Lines(logging.Handler):
    """Lines of a log, as they come from another thread."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.queue = queue.SimpleQueue()

    def emit(self, record):
        self.queue.put(record.getMessage())


@pytest.fixture
def lines():
    handler, logger = Lines(), logging.getLogger("fc_async_local.http.tls")
    logger.addHandler(handler)
    yield handler.queue
    logger.removeHandler(handler)


def test_a_client_that_does_not_trust_it_is_told_what_to_change(tmp_path, lines):
    with LocalRuntime(data=tmp_path, port=0, store="memory") as runtime:
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(runtime.endpoint.replace("http://", "https://"), timeout=60)
        line = lines.get(timeout=60)
        assert str(runtime.authority.ca_file) in line
        assert "http://" in line


def test_a_client_that_leaves_after_the_handshake_is_told_as_well(tmp_path, lines):
    """Node.js looks at a certificate then."""
    with LocalRuntime(data=tmp_path, port=0, store="memory") as runtime:
        connected(runtime.endpoint, runtime.authority.ensure(), "localhost").close()
        assert "after the handshake" in lines.get(timeout=60)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x00\x05hello",
        b"\x16\x03\x01\xff\xff" + b"x" * 70_000,
        b"\x16\x03" + b"\x00" * 300_000,
    ],
    ids=["no hello", "too long", "zeros"],
)
def test_bytes_that_only_begin_like_tls_end_their_connection_alone(secure, authority, sent):
    client = socket.create_connection(("127.0.0.1", int(secure.rpartition(":")[2])), timeout=30)
    with client, contextlib.suppress(ConnectionError):
        client.sendall(sent)
        while client.recv(1_000):
            pass
    answer = requests.get(f"{secure}/_local/health", verify=str(authority.ca_file), timeout=60)
    assert answer.status_code == 200


def test_the_sdk_trusts_the_authority_that_the_environment_names(secure, authority, monkeypatch):
    monkeypatch.setenv("FC_ASYNC_CA", str(authority.ca_file))
    with fc_async_sdk.client(endpoint_url=secure) as client:
        assert json.loads(client.invoke("f", {"n": 1}).payload) == {"n": 1}


@pytest.fixture
def untrusting(monkeypatch):
    monkeypatch.delenv("FC_ASYNC_CA", raising=False)


@pytest.mark.usefixtures("untrusting")
def test_the_sdk_says_how_it_can_trust_the_authority(secure):
    with (
        fc_async_sdk.client(endpoint_url=secure) as client,
        pytest.raises(fc_async_sdk.errors.FcAsyncError, match="set FC_ASYNC_CA"),
    ):
        client.invoke("f", {"n": 1})


@pytest.mark.usefixtures("untrusting")
def test_the_asyncio_client_says_how_it_can_trust_the_authority(secure):
    async def call():
        async with fc_async_sdk.async_client(endpoint_url=secure) as client:
            await client.invoke("f", {"n": 1})

    with pytest.raises(fc_async_sdk.errors.FcAsyncError, match="set FC_ASYNC_CA"):
        asyncio.run(call())


def test_headers_are_spelled_as_the_service_documents_them(secure, authority):
    with connected(secure, authority, "localhost") as client:
        client.sendall(b"GET /2023-03-30/functions/none HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"\r\nX-Fc-Request-Id: 1-" in client.recv(1_000)


async def silent(scope, receive, send):
    raise AssertionError("no request was sent")


@pytest.mark.parametrize("limits", [ConnectionLimits(header_seconds=0.05), ConnectionLimits()])
def test_a_handshake_that_does_not_end_is_closed(tmp_path, limits):
    """By its time, or by the end of the server."""

    async def shake():
        listener = bind(0)
        port = listener.getsockname()[1]
        server = HttpServer(
            silent, listener, grace_seconds=60, limits=limits, authority=Authority(tmp_path / "tls")
        )
        server.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01\x02")
        if limits.header_seconds >= 1:
            await asyncio.sleep(0)
            await server.aclose()
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        await server.aclose()

    asyncio.run(shake())


def test_a_handshake_that_arrives_byte_by_byte_succeeds(secure, authority):
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", int(secure.rpartition(":")[2])), 30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def done(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    for byte in outgoing.read():
                        connection.sendall(bytes([byte]))
                    incoming.write(connection.recv(65_536))

        done(client.do_handshake)
        client.write(b"GET /_local/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert done(lambda: client.read(100)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, new_event_loop])
def test_a_stop_does_not_wait_for_idle_clients_of_tls(tmp_path, make_loop):
    """They do not confirm the end of TLS."""
    authority = Authority(tmp_path / "tls").ensure()

    async def stop():
        listener = bind(0)
        server = HttpServer(silent, listener, grace_seconds=60, authority=authority)
        server.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        in_thread = asyncio.get_running_loop().run_in_executor
        client = await in_thread(None, connected, url, authority, "localhost")
        await asyncio.wait_for(server.aclose(), 15)
        with client, contextlib.suppress(ConnectionError):
            assert await in_thread(None, client.recv, 1) == b""

    with contextlib.closing(make_loop()) as loop:
        loop.run_until_complete(stop())
