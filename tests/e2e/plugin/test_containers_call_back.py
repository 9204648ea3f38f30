# SPDX-License-Identifier: MIT
"""Functions in containers call this runtime by the names that they have on the service."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from fc_async_tests.container_engine import IMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FC = "2023-03-30/functions"


@pytest.fixture
def ask(fc_local, container_engine: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Return what ``wget`` prints in a container."""
    monkeypatch.setenv("DOCKER_HOST", container_engine)

    def get(arguments: str, **variables: str) -> str:
        fc_local.client.create_function(
            "web",
            runtime="custom-container",
            handler="unused",
            custom_container_config={"image": IMAGE, "port": 9000},
            environment_variables=variables,
        )
        answer: bytes = fc_local.client.invoke("web", f"get {arguments}".encode()).payload
        return answer.decode()

    return get


@pytest.fixture
def server_of_this_machine() -> Iterator[int]:
    """Run a server on loopback that is none of the runtime; return its port."""

    class Secret(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"secret")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Secret)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_endpoint_of_the_runtime_answers_in_a_container(ask: Callable[..., str]) -> None:
    assert '"functionName":"web"' in ask(f"$FC_ASYNC_ENDPOINT/{FC}")


def test_the_host_of_the_service_leads_here(ask: Callable[..., str], fc_local) -> None:
    account = fc_local.runtime.addresses.account_id
    url = f"http://{account}.cn-hangzhou.fc.aliyuncs.com/{FC}"
    assert '"functionName":"web"' in ask(url)


def test_mns_answers_at_its_own_host(ask: Callable[..., str], fc_local) -> None:
    account = fc_local.runtime.addresses.account_id
    assert "<Queues" in ask(f"http://{account}.mns.cn-hangzhou.aliyuncs.com/queues")


def test_an_address_of_this_runtime_in_a_variable_is_one_that_a_container_reaches(
    ask: Callable[..., str], fc_local
) -> None:
    assert '"functionName":"web"' in ask(f"$API/{FC}", API=fc_local.runtime.endpoint)


def test_other_programs_of_this_machine_are_not_reached(
    ask: Callable[..., str], server_of_this_machine: int
) -> None:
    port = server_of_this_machine
    through_the_proxy = f"http_proxy=$FC_ASYNC_PROXY no_proxy= wget -q -O - http://127.0.0.1:{port}"
    answer = ask(f"http://host.docker.internal:{port} ; {through_the_proxy}")
    assert "secret" not in answer
    assert "403" in answer


def test_a_browser_cannot_use_the_name_of_this_machine_in_containers(fc_local) -> None:
    url = f"{fc_local.runtime.endpoint}/{FC}"
    port = urlsplit(url).port
    of_container = {"Host": f"host.docker.internal:{port}"}
    assert requests.get(url, headers=of_container, timeout=5).status_code == 200
    for header in (
        {"Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": f"http://host.docker.internal:{port}"},
    ):
        answer = requests.get(url, headers=of_container | header, timeout=5)
        assert answer.status_code == 403
