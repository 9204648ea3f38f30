# SPDX-License-Identifier: MIT
"""The official clients of both generations with no change but the endpoint, signatures verified.

They speak TLS, as they do by default. The environment names the runtime's certificate authority.
The clients for Node.js are installed from npm on first use.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
from pathlib import Path

import fc2
import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_fc_open20210406 import models as open_models
from alibabacloud_fc_open20210406.client import Client as OpenClient
from alibabacloud_tea_openapi.models import Config
from alibabacloud_tea_util.models import RuntimeOptions

from fc_async_local.embedded import LocalRuntime
from fc_async_local.settings import Settings
from fc_async_tests.code import archive

KEY, SECRET = "LTAI5tExampleExampleKey1", "ExampleSecretExampleSecret0001"
CODE = "def handler(event, context):\n    return event\n"
CALLS = Path(__file__).with_name("endpoint_only.mjs")
PACKAGES = {
    "fc20230330": ("@alicloud/fc20230330@4.7.6", "@alicloud/openapi-core@1.0.8"),
    "fc2": ("@alicloud/fc2@2.6.6",),
    "fc-open": ("@alicloud/fc-open20210406@2.0.13", "@alicloud/openapi-client@0.4.15"),
}
SEEN = {"answered": "now", "accepted": 202, "status": "Enqueued", "refused": "FunctionNotFound"}


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    settings = Settings.of(strict_auth=True, access_keys={KEY: SECRET})
    data = tmp_path_factory.mktemp("runtime")
    with LocalRuntime(data=data, port=0, store="memory", settings=settings) as local:
        local.authority.ensure()
        plain = Client(Config(**keys(local), protocol="HTTP"))
        for name in ("shop$pay", "pay"):
            code = models.InputCodeLocation(zip_file=base64.b64encode(archive(CODE)).decode())
            given = {"function_name": name, "runtime": "python3.10", "handler": "index.handler"}
            plain.create_function(
                models.CreateFunctionRequest(body=models.CreateFunctionInput(**given, code=code))
            )
            plain.put_async_invoke_config(
                name,
                models.PutAsyncInvokeConfigRequest(
                    body=models.PutAsyncInvokeConfigInput(async_task=name == "pay")
                ),
            )
        yield local


@pytest.fixture(autouse=True)
def trusted(runtime, monkeypatch):
    for name, value in runtime.authority.environment().items():
        monkeypatch.setenv(name, value)


def address(runtime):
    return runtime.endpoint.removeprefix("http://")


def keys(runtime):
    return {
        "access_key_id": KEY,
        "access_key_secret": SECRET,
        "endpoint": address(runtime),
        "region_id": "cn-hangzhou",
    }


def test_fc20230330_in_python(runtime):
    client = Client(Config(**keys(runtime)))
    answer = client.invoke_function("pay", models.InvokeFunctionRequest(body="now"))
    assert answer.body.read() == b"now"
    accepted = client.invoke_function_with_options(
        "pay",
        models.InvokeFunctionRequest(body="later"),
        models.InvokeFunctionHeaders(
            x_fc_invocation_type="Async",
            x_fc_async_task_id="py-3",
            common_headers={"x-fc-async-delay": "3000"},
        ),
        RuntimeOptions(),
    )
    assert accepted.status_code == 202
    task = client.get_async_task("pay", "py-3", models.GetAsyncTaskRequest()).body
    assert task.status == "Enqueued"


def test_the_asyncio_methods_of_both_generations_in_python(runtime):
    async def calls():
        newer = await Client(Config(**keys(runtime))).invoke_function_async(
            "pay", models.InvokeFunctionRequest(body="now")
        )
        older = await OpenClient(Config(**keys(runtime))).invoke_function_async(
            "shop", "pay", open_models.InvokeFunctionRequest(body=b"now")
        )
        return newer.status_code, older.body

    assert asyncio.run(calls()) == (200, b"now")


def test_fc2_in_python(runtime):
    client = fc2.Client(
        endpoint=f"https://{address(runtime)}", accessKeyID=KEY, accessKeySecret=SECRET
    )
    answer = client.invoke_function("shop", "pay", b"now", qualifier="LATEST")
    assert answer.data == b"now"
    headers = {"x-fc-invocation-type": "Async", "x-fc-async-delay": "3000"}
    accepted = client.invoke_function("shop", "pay", b"later", headers=headers)
    assert accepted.headers["X-Fc-Request-Id"].startswith("1-")
    with pytest.raises(fc2.FcError) as caught:
        client.invoke_function("shop", "nothing", b"now")
    assert (caught.value.status_code, caught.value.err_code) == (404, "FunctionNotFound")
    assert "shop$nothing" in caught.value.message


def test_what_fc2_cannot_do_here_is_said_to_it(runtime):
    client = fc2.Client(
        endpoint=f"https://{address(runtime)}", accessKeyID=KEY, accessKeySecret=SECRET
    )
    with pytest.raises(fc2.FcError) as caught:
        client.get_function("shop", "pay")
    assert (caught.value.status_code, caught.value.err_code) == (400, "PathNotSupported")
    assert "s2tos3" in caught.value.message


def test_a_wrong_secret_of_fc2_is_refused(runtime):
    client = fc2.Client(
        endpoint=f"https://{address(runtime)}", accessKeyID=KEY, accessKeySecret="wrong"
    )
    with pytest.raises(fc2.FcError) as caught:
        client.invoke_function("shop", "pay", b"now")
    assert (caught.value.status_code, caught.value.err_code) == (403, "SignatureNotMatch")


def test_fc_open_in_python(runtime):
    client = OpenClient(Config(**keys(runtime)))
    answer = client.invoke_function("shop", "pay", open_models.InvokeFunctionRequest(body=b"now"))
    assert answer.body == b"now"
    accepted = client.invoke_function_with_options(
        "shop",
        "pay",
        open_models.InvokeFunctionRequest(body=b"later", qualifier="LATEST"),
        open_models.InvokeFunctionHeaders(
            x_fc_invocation_type="Async",
            x_fc_stateful_async_invocation_id="open-1",
            x_fc_stateful_async_invocation_enable="true",
            common_headers={"x-fc-async-delay": "3000"},
        ),
        RuntimeOptions(),
    )
    assert accepted.headers["x-fc-stateful-async-invocation-id"] == "open-1"
    asked = open_models.GetStatefulAsyncInvocationRequest()
    found = client.get_stateful_async_invocation("shop", "pay", "open-1", asked).body
    assert (found.service_name, found.function_name, found.invocation_id) == (
        *("shop", "pay", "open-1"),
    )
    assert (found.status, found.invocation_payload) == ("Enqueued", "later")
    listed = client.list_stateful_async_invocations(
        "shop",
        "pay",
        open_models.ListStatefulAsyncInvocationsRequest(
            invocation_id_prefix="open", include_payload=True, limit=5
        ),
    ).body
    assert [(one.invocation_id, one.invocation_payload) for one in listed.invocations] == [
        ("open-1", "later")
    ]
    stop = open_models.StopStatefulAsyncInvocationRequest()
    assert client.stop_stateful_async_invocation("shop", "pay", "open-1", stop).status_code == 204
    found = client.get_stateful_async_invocation("shop", "pay", "open-1", asked).body
    assert found.status == "Stopped"


def test_a_function_without_a_service_in_its_name_is_found(runtime):
    client = OpenClient(Config(**keys(runtime)))
    client.invoke_function_with_options(
        "other",
        "pay",
        open_models.InvokeFunctionRequest(body=b"later"),
        open_models.InvokeFunctionHeaders(
            x_fc_invocation_type="Async", x_fc_stateful_async_invocation_id="other-1"
        ),
        RuntimeOptions(),
    )
    task = Client(Config(**keys(runtime))).get_async_task(
        "pay", "other-1", models.GetAsyncTaskRequest()
    )
    assert task.body.task_id == "other-1"


@pytest.mark.slow
@pytest.mark.parametrize("name", PACKAGES)
def test_clients_for_node(runtime, node_packages, name):
    pinned = "-".join(one.rpartition("@")[2] for one in PACKAGES[name])
    modules = node_packages(f"node-{name}-{pinned}", *PACKAGES[name])
    done = subprocess.run(
        ["node", str(CALLS), name, address(runtime), KEY, SECRET],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "MODULES": str(modules)},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == SEEN
