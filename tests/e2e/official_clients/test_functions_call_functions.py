# SPDX-License-Identifier: MIT
"""Functions that call the cloud under its own host names reach the local runtime, and only that.

Each function here uses a client as it comes, with its default endpoint: nothing in it knows of the
local runtime.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from fc_async_local.settings import Settings
from fc_async_tests.web_program import web_program

pytestmark = pytest.mark.filterwarnings("ignore::fc_async_local.testing.ImportedFromMachine")

NODE_PACKAGES = (
    "@alicloud/fc20230330@4.7.6",
    "@alicloud/openapi-core@1.0.8",
    "@alicloud/tea-util@1.4.11",
)
INVOCATIONS = "/2023-03-30/functions/second/invocations"
# A function has only the variables that it was given. Under libfaketime it needs these: on the
# real clock, the certificate that the runtime made is not valid.
CLOCK = {
    name: value
    for name, value in os.environ.items()
    if name == "LD_PRELOAD" or name.startswith("FAKETIME")
}

PYTHON = """
import asyncio, json, subprocess, sys, urllib.request

def second(event, context):
    return b"second got " + event

def official(event, context):
    from alibabacloud_fc20230330 import client, models
    from alibabacloud_tea_openapi.models import Config
    from alibabacloud_tea_util.models import RuntimeOptions
    keys = context.credentials
    config = Config(
        access_key_id=keys.access_key_id,
        access_key_secret=keys.access_key_secret,
        security_token=keys.security_token,
        region_id=context.region,
    )
    headers = models.InvokeFunctionHeaders(
        x_fc_invocation_type="Async", common_headers={"x-fc-async-delay": "30"}
    )
    request = models.InvokeFunctionRequest(body=event)
    call = (headers, RuntimeOptions())
    fc = client.Client(config)
    if b"asyncio" in event:
        answer = asyncio.run(fc.invoke_function_with_options_async("second", request, *call))
    else:
        answer = fc.invoke_function_with_options("second", request, *call)
    return json.dumps([fc._endpoint, answer.status_code])

def plain(event, context):
    with urllib.request.urlopen(event.decode(), data=b"plain") as answer:
        return answer.read()

def by_uvloop(event, context):
    import aiohttp, uvloop
    async def post():
        async with aiohttp.ClientSession() as session:
            async with session.post(event.decode(), data=b"uvloop") as answer:
                return await answer.read()
    uvloop.install()
    return asyncio.run(post())

def refused(event, context):
    try:
        return urllib.request.urlopen(event.decode()).read()
    except urllib.error.HTTPError as error:
        return error.read()

def by_a_child(event, context):
    source = f"import urllib.request as r; print(r.urlopen({event.decode()!r}, b'child').read())"
    return subprocess.check_output([sys.executable, "-c", source])

def by_curl(event, context):
    return subprocess.check_output(["curl", "-sS", "-d", "curl", event.decode()])

def by_a_socket(event, context):
    import socket
    with socket.socket() as plain:
        plain.connect((event.decode(), 80))
        return plain.getpeername()[0]

def to_a_queue(event, context):
    from mns.account import Account
    from mns.queue import Message, QueueMeta
    queue = Account(event.decode(), "id", "secret").get_queue("orders")
    queue.create(QueueMeta())
    queue.send_message(Message("hello"))
    return queue.receive_message(0).message_body
"""

NODE = """
const http = require("http");
const { default: FC, InvokeFunctionHeaders, InvokeFunctionRequest } =
  require("@alicloud/fc20230330");
const { $OpenApiUtil } = require("@alicloud/openapi-core");
const { RuntimeOptions } = require("@alicloud/tea-util");
const { Readable } = require("stream");

exports.official = async (event, context) => {
  const fc = new FC(new $OpenApiUtil.Config({
    accessKeyId: context.credentials.accessKeyId,
    accessKeySecret: context.credentials.accessKeySecret,
    securityToken: context.credentials.securityToken,
    regionId: context.region,
  }));
  const headers = new InvokeFunctionHeaders({ xFcInvocationType: "Async" });
  headers.commonHeaders = { "x-fc-async-delay": "30" };
  const request = new InvokeFunctionRequest({ body: Readable.from(event) });
  const answer =
    await fc.invokeFunctionWithOptions("second", request, headers, new RuntimeOptions({}));
  return [fc._endpoint, answer.statusCode];
};

exports.fetched = async (event) => {
  const answer = await fetch(event.toString(), { method: "POST", body: "fetched" });
  return answer.text();
};

exports.plain = (event, context, done) => {
  const options = { method: "POST" };
  http.request(event.toString(), options, (answer) => {
    let text = "";
    answer.on("data", (part) => (text += part)).on("end", () => done(null, text));
  }).end("plain");
};
"""

WEB = web_program('urllib.request.urlopen(event.decode(), data=b"web").read()')


@pytest.fixture
def deploy(fc_local, tmp_path):
    """Deploy ``second``, and the function that calls it, from one folder."""
    (tmp_path / "index.py").write_text(PYTHON)
    (tmp_path / "index.js").write_text(NODE)
    (tmp_path / "server.py").write_text(WEB)
    (tmp_path / "web.sh").write_text(f"#!/bin/sh\nexec {sys.executable} server.py\n")

    def deploy(name: str, runtime: str = "python3.10", **options) -> None:
        for function, kind in ((name, runtime), ("second", "python3.10")):
            fc_local.deploy(
                function,
                tmp_path,
                runtime=kind,
                handler=f"index.{function}",
                timeout=60,
                memory_size=512,
                **(options if function == name else {}),
            )

    return deploy


@pytest.fixture
def answer_of(fc_local, deploy):
    """Deploy a function of ``index.py`` and return what it answers to an event."""

    def call(name: str, event: str, runtime: str = "python3.10", **options) -> str:
        deploy(name, runtime, **options)
        result = fc_local.client.invoke(name, event.encode())
        return result.payload.decode()

    return call


def the_second_ran_once_after_its_delay(fc_local, payload: str) -> bool:
    """Return whether ``second`` waits for 30 seconds, and then has run with a payload."""
    [task] = fc_local.client.list_async_tasks("second").tasks
    waits = task.status == "Enqueued"
    fc_local.advance(30)
    done = fc_local.client.get_async_task("second", task.task_id)
    return waits and (done.status, done.return_payload) == ("Succeeded", f"second got {payload}")


@pytest.mark.parametrize("how", ["sync", "asyncio"])
def test_the_python_sdk_calls_another_function_with_a_delay(fc_local, answer_of, how) -> None:
    answer = answer_of("official", how)
    assert json.loads(answer) == ["fcv3.cn-hangzhou.aliyuncs.com", 202]
    assert the_second_ran_once_after_its_delay(fc_local, how)


@pytest.mark.slow
def test_the_node_sdk_calls_another_function_with_a_delay(
    fc_local, answer_of, node_packages
) -> None:
    modules = str(node_packages("node-sdk-4.7.6", *NODE_PACKAGES))
    variables = {"NODE_PATH": modules}
    answer = answer_of("official", "node", "nodejs20", environment_variables=variables)
    assert json.loads(answer) == ["fc.aliyuncs.com", 202]
    assert the_second_ran_once_after_its_delay(fc_local, "node")


def test_each_name_of_the_service_leads_here(fc_local, deploy) -> None:
    deploy("plain")
    names = (
        "123.cn-hangzhou.fc.aliyuncs.com",
        "123.cn-hangzhou-internal.fc.aliyuncs.com",
        "fcv3.cn-shanghai.aliyuncs.com",
    )
    for scheme, name in itertools.product(("https", "http"), names):
        url = f"{scheme}://{name}{INVOCATIONS}"
        answer = fc_local.client.invoke("plain", url.encode())
        assert (url, answer.payload) == (url, b"second got plain")


@pytest.mark.parametrize("name", ["by_uvloop", "by_a_child"])
def test_other_ways_to_connect_lead_here_too(answer_of, name) -> None:
    url = f"https://123.cn-hangzhou.fc.aliyuncs.com{INVOCATIONS}"
    assert "second got" in answer_of(name, url)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_program_that_a_function_starts_leads_here(answer_of) -> None:
    url = f"http://123.cn-hangzhou.fc.aliyuncs.com{INVOCATIONS}"
    assert answer_of("by_curl", url) == "second got curl"


def test_a_bare_socket_is_connected_to_this_machine(answer_of) -> None:
    assert answer_of("by_a_socket", "fcv3.cn-hangzhou.aliyuncs.com") == "127.0.0.1"


def test_the_mns_client_finds_the_queues_of_the_runtime(fc_local, deploy) -> None:
    deploy("to_a_queue")
    for url in (
        "https://123.mns.cn-hangzhou-internal.aliyuncs.com",
        "http://123.mns.cn-hangzhou.aliyuncs.com",
    ):
        assert fc_local.client.invoke("to_a_queue", url.encode()).payload == b"hello", url


def test_rocketmq_and_eventbridge_answer_in_their_own_form(fc_local, deploy) -> None:
    deploy("refused")
    for url, sign in (
        ("http://123.mqrest.cn-hangzhou-internal.aliyuncs.com/topics/t/messages", b"mq.aliyuncs"),
        ("https://123.eventbridge.cn-hangzhou.aliyuncs.com/openapi/x", b"not an operation"),
        ("https://eventbridge.cn-hangzhou.aliyuncs.com/openapi/x", b"not an operation"),
    ):
        assert sign in fc_local.client.invoke("refused", url.encode()).payload, url


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scheme"), [("fetched", "https"), ("plain", "http")])
def test_other_requests_of_node_lead_here_too(answer_of, node_packages, name, scheme) -> None:
    variables = {"NODE_PATH": str(node_packages("node-sdk-4.7.6", *NODE_PACKAGES))}
    url = f"{scheme}://123.cn-hangzhou.fc.aliyuncs.com{INVOCATIONS}"
    answer = answer_of(name, url, "nodejs20", environment_variables=variables)
    assert answer.strip('"') == f"second got {name}"


def test_a_web_server_of_a_custom_runtime_leads_here_too(answer_of) -> None:
    options = {"custom_runtime_config": {"command": [sys.executable, "server.py"]}}
    url = f"https://123.cn-hangzhou.fc.aliyuncs.com{INVOCATIONS}"
    assert answer_of("web", url, "custom.debian12", **options) == "second got web"


PERL = """
use IO::Socket::INET;
my $server = IO::Socket::INET->new(
  Listen => 5, LocalPort => $ENV{FC_SERVER_PORT}, ReuseAddr => 1) or die;
while (my $client = $server->accept) {
  while (<$client>) { last if /^\\s*$/ }
  print $client "HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\nConnection: close\\r\\n\\r\\nperl";
  close $client;
}
"""


IN_PYTHON = """
import os, sys, urllib.request
sys.stdout.buffer.write(urllib.request.urlopen(os.environ["URL"], data=b"hello").read())
"""
IN_JAVA = """
import java.net.*;
public class Main {
  public static void main(String[] args) throws Exception {
    HttpURLConnection there = (HttpURLConnection) new URL(System.getenv("URL")).openConnection();
    there.setDoOutput(true);
    there.getOutputStream().write("hello".getBytes());
    there.getInputStream().transferTo(System.out);
  }
}
"""
IN_PHP = """<?php
$call = curl_init(getenv("URL"));
curl_setopt($call, CURLOPT_POSTFIELDS, "hello");
curl_exec($call);
"""
IN_C = """
import os, sys, pycurl
call = pycurl.Curl()
call.setopt(pycurl.URL, os.environ["URL"])
call.setopt(pycurl.POSTFIELDS, "hello")
call.setopt(pycurl.WRITEFUNCTION, sys.stdout.buffer.write)
call.perform()
"""
PROGRAMS = {
    "a.py": (IN_PYTHON, f"{sys.executable} -I a.py"),
    "curl": ("", "curl -sS -d hello $URL"),
    "Main.java": (IN_JAVA, "java Main.java"),
    "a.php": (IN_PHP, "php a.php"),
    "by_c.py": (IN_C, f"{sys.executable} by_c.py"),
}
"""Program text and command of programs in which no hook is loaded, or which a hook cannot lead."""


class TestInTheNamespaceOfDev:
    @pytest.fixture
    def fc_local_settings(self):
        return Settings.of(mount_paths=True)

    @pytest.mark.parametrize("scheme", ["http", "https"])
    @pytest.mark.parametrize(
        "file",
        ["a.py", *(pytest.param(one, marks=pytest.mark.slow) for one in [*PROGRAMS][1:])],
    )
    def test_a_program_without_hooks_leads_here(self, fc_local, deploy, tmp_path, file, scheme):
        text, command = PROGRAMS[file]
        program = command.split()[0]
        if shutil.which(program) is None or ("pycurl" in text and not find_spec("pycurl")):
            pytest.skip(f"{program} or its library is not installed")
        (tmp_path / file).write_text(text)
        (tmp_path / "server.py").write_text(
            WEB.replace(
                'urllib.request.urlopen(event.decode(), data=b"web")', 'open("answer", "rb")'
            )
        )
        url = f"{scheme}://123.cn-hangzhou.fc.aliyuncs.com{INVOCATIONS}"
        start = f"({command}) > answer 2> errors; cat errors; exec {sys.executable} server.py"
        deploy(
            "web",
            "custom",
            custom_runtime_config={"command": ["sh", "-c", start]},
            environment_variables={"URL": url, **CLOCK},
        )
        answer = fc_local.client.invoke("web", b"", log_type="Tail")
        assert answer.payload == b"second got hello", answer.log


@pytest.mark.skipif(shutil.which("perl") is None, reason="perl is not installed")
def test_a_program_that_is_not_led_here_is_named(fc_local, tmp_path, caplog) -> None:
    (tmp_path / "server.pl").write_text(PERL)
    command = {"command": ["perl", "server.pl"]}
    fc_local.deploy(
        "in-perl", tmp_path, runtime="custom", handler="x", custom_runtime_config=command
    )
    assert fc_local.client.invoke("in-perl", b"").payload == b"perl"
    assert "in-perl runs perl: its requests to the cloud's hosts lead here only if" in caplog.text


def test_the_url_of_a_function_in_the_cloud_is_refused_with_the_way_out(fc_local, deploy) -> None:
    deploy("plain")
    result = fc_local.client.invoke("plain", b"https://f-abcdefghij.cn-hangzhou.fcapp.run/")
    assert "--allow-cloud" in result.payload.decode()


def test_each_host_is_named_once_in_the_log(fc_local, deploy, caplog) -> None:
    deploy("plain")
    url = f"https://321.cn-hangzhou.fc.aliyuncs.com{INVOCATIONS}".encode()
    for _ in range(2):
        fc_local.client.invoke("plain", url)
    assert caplog.text.count("called 321.cn-hangzhou.fc.aliyuncs.com") == 1


class TestWithTheCloudAllowed:
    @pytest.fixture
    def fc_local_settings(self):
        return Settings.of(allow_cloud=True)

    def test_a_function_has_no_hooks(self, fc_local, tmp_path) -> None:
        source = "import os\ndef handler(e, c): return ' '.join(os.environ)"
        (tmp_path / "index.py").write_text(source)
        fc_local.deploy("f", tmp_path, runtime="python3.10", handler="index.handler")
        names = fc_local.client.invoke("f", b"").payload.decode().split()
        assert not {"FC_ASYNC_HOSTS", "PYTHONPATH", "NODE_OPTIONS"} & {*names}


# --- without a network ---

_INSIDE = "FC_ASYNC_TESTS_WITHOUT_NETWORK"
_WITH_LOOPBACK = """
import fcntl, os, socket, struct, sys
request = struct.pack("16sh14x", b"lo", 0x49)  # IFF_UP | IFF_LOOPBACK | IFF_RUNNING
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS
os.execv(sys.argv[1], sys.argv[1:])
"""


@functools.cache
def namespaces_are_allowed() -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    return (
        subprocess.run([unshare, "-rn", "true"], check=False, capture_output=True).returncode == 0
    )


@pytest.mark.slow
@pytest.mark.skipif(_INSIDE in os.environ, reason="runs in the namespace already")
def test_no_packet_leaves_the_machine(cannot_run) -> None:
    """All tests of this file pass in a network namespace that has a loopback interface alone."""
    if not namespaces_are_allowed():
        cannot_run("this machine does not allow network namespaces (unshare -rn)")
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-rs"]
    pytest_.append(__file__)
    done = subprocess.run(
        ["unshare", "-rn", sys.executable, "-c", _WITH_LOOPBACK, *pytest_],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, _INSIDE: "yes"},
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stdout[-3000:]
    skipped = re.findall(r"^SKIPPED .*?\.py\S* (.*)$", done.stdout, re.MULTILINE)
    allowed = ("runs in the namespace already", "or its library is not installed")
    assert [one for one in skipped if not one.endswith(allowed)] == []
    assert "runs in the namespace already" in skipped
