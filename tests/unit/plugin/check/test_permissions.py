# SPDX-License-Identifier: MIT
"""The least policy: everything that the destinations need, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin import PluginError, s_yaml
from fc_async_plugin.check import permissions
from fc_async_plugin.check.permissions import compare
from fc_async_plugin.cli.group import run
from fc_async_sdk.spec import ram
from fc_async_sdk.spec.ram import Permission
from fc_async_tests.s_yaml import function, template

if TYPE_CHECKING:
    from pathlib import Path

ROLE = "acs:ram::123:role/worker"
NEEDED = [
    Permission("fc:InvokeFunction", "acs:fc:cn-hangzhou:123:functions/b"),
    Permission("mns:SendMessage", "acs:mns:cn-hangzhou:123:/queues/q/messages"),
]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def settings(success: str, role: str = "null") -> str:
        return f"""
            role: {role}
            asyncInvokeConfig:
              destinationConfig:
                onSuccess: {{destination: "{success}"}}
                onFailure: {{destination: "acs:mns:cn-hangzhou::/queues/q/messages"}}
        """

    text = template(
        a=settings("acs:fc:cn-hangzhou::functions/b", ROLE),
        b=settings("acs:mns:cn-hangzhou::/topics/t/messages", ROLE),
        c=settings("acs:eventbridge:cn-hangzhou::eventbus/bus"),
    )
    (tmp_path / "s.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_roles_get_what_their_functions_need_together(project: Path) -> None:
    roles = permissions.needed(s_yaml.load(project, account_id="123"))
    assert [(role.role, role.functions) for role in roles] == [("", ("c",)), (ROLE, ("a", "b"))]
    assert roles[1].permissions == (
        Permission("fc:InvokeFunction", "acs:fc:cn-hangzhou:123:functions/b"),
        Permission("mns:PublishMessage", "acs:mns:cn-hangzhou:123:/topics/t/messages"),
        Permission("mns:SendMessage", "acs:mns:cn-hangzhou:123:/queues/q/messages"),
    )


WEB = template(
    web="""
        role: acs:ram::123:role/worker
        environmentVariables: {WORK: work, OTHER: elsewhere, LEVEL: 7}
        logConfig: {project: logs, logstore: web}
        ossMountConfig:
          mountPoints:
            - {bucketName: reports, mountDir: /mnt/reports}
            - {bucketName: fonts, mountDir: /mnt/fonts, readOnly: true}
    """,
    work="logConfig: auto",
)


def test_a_role_gets_what_calls_logs_and_mounts_of_its_functions_need(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(WEB)
    [role] = permissions.needed(s_yaml.load(tmp_path, account_id="123"))
    assert (role.role, role.functions) == (ROLE, ("web",))
    by_resource: dict[str, list[str]] = {}
    for one in role.permissions:
        by_resource.setdefault(one.resource, []).append(one.action.partition(":")[2])
    assert by_resource == {
        "acs:fc:cn-hangzhou:123:functions/work": ["GetAsyncTask", "InvokeFunction"],
        "acs:log:cn-hangzhou:123:project/logs/logstore/web": ["PostLogStoreLogs"],
        "acs:oss:*:*:reports": ["ListObjects"],
        "acs:oss:*:*:fonts": ["ListObjects"],
        "acs:oss:*:*:fonts/*": ["GetObject"],
        "acs:oss:*:*:reports/*": [
            *("AbortMultipartUpload", "DeleteObject", "GetObject", "ListParts", "PutObject"),
        ],
    }


CALLS = template(
    web="""
        role: acs:ram::123:role/worker
        environmentVariables: {NEXT: archive}
    """,
    other="runtime: nodejs20",
)
CALLING = """
import os
import fc_async_sdk
from fc_async_sdk.ordering import Concurrency
from fc_async_sdk.pacing import RetryLater
from fc_async_sdk.payloads import OssStore

talk = Concurrency("talk", 1, mode="cancel", store=shared())
client = fc_async_sdk.client()
store = OssStore("big")

@fc_async_sdk.handler(dict, large=store)
def handler(event, context):
    client.invoke_async("resize", event)
    client.invoke_async(os.environ["NEXT"], event)
    client.invoke_async(event["function"], event)
    raise RetryLater(5)
"""


def test_a_role_gets_what_the_code_names_and_the_rest_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(CALLS)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text(CALLING)
    assert run(["policy", "--format", "json", "--account-id", "123"]) == 0
    printed = capsys.readouterr()
    [role] = json.loads(printed.out)["roles"]
    resources = {name for item in role["policy"]["Statement"] for name in item["Resource"]}
    actions = json.dumps(role["policy"])
    for needed in ("GetAsyncInvokeConfig", "ListAsyncTasks", "StopAsyncTask"):
        assert f'"fc:{needed}"' in actions
    functions = {
        f"acs:fc:cn-hangzhou:123:functions/{name}" for name in ("archive", "resize", "web")
    }
    assert resources == {*functions, "acs:oss:*:*:big/*"}
    assert "Not known here: index.py:16 of web calls a function that it computes." in printed.err
    assert "Not known here: the code of other is not read (nodejs20)." in printed.err


STORES = template(
    resize="""
        role: acs:ram::123:role/worker
        environmentVariables: {FCASYNC_PAYLOADS: 'oss://big'}
        asyncInvokeConfig: {maxAsyncEventAgeInSeconds: 100000}
    """,
    crop="environmentVariables: {FCASYNC_PAYLOADS: 'oss://big'}",
    other="environmentVariables: {FCASYNC_PAYLOADS: /mnt/nas}",
)


def test_a_bucket_of_large_payloads_is_read_and_written_and_has_a_lifecycle_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text(STORES)
    assert run(["policy", "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["lifetimes"] == {"big": 9}
    assert [one["role"] for one in printed["roles"]] == [None, ROLE]
    assert printed["roles"][1]["policy"]["Statement"] == [
        {"Effect": "Allow", "Action": [action], "Resource": ["acs:oss:*:*:big/*"]}
        for action in ("oss:GetObject", "oss:PutObject")
    ]
    assert run(["policy"]) == 0
    shown = capsys.readouterr().out
    assert "# lifecycle rule of oss://big\n<LifecycleConfiguration>" in shown
    assert "<Prefix>fc-async/v1/</Prefix>" in shown
    assert "<Days>9</Days>" in shown


def test_the_printed_policy_is_exactly_enough() -> None:
    assert compare(ram.document(NEEDED), NEEDED) == ((), ())


def test_missing_and_superfluous_permissions_are_reported() -> None:
    granted = ram.document([NEEDED[0], Permission("mns:*", "*")])
    assert compare(granted, NEEDED) == ((), (Permission("mns:*", "*"),))
    assert compare(ram.document(NEEDED[:1]), NEEDED).missing == (NEEDED[1],)


def test_a_denial_counts_as_missing() -> None:
    granted = ram.document(NEEDED)
    granted["Statement"].append({"Effect": "Deny", "Action": "mns:*", "Resource": "*"})
    assert compare(granted, NEEDED).missing == (NEEDED[1],)


def test_actions_are_compared_whatever_their_case() -> None:
    granted = json.loads(json.dumps(ram.document(NEEDED)).replace("mns:Send", "MNS:send"))
    assert compare(granted, NEEDED) == ((), ())


@pytest.mark.parametrize("rubbish", [[], {}, {"Statement": {}}, {"Statement": ["x"]}, None])
def test_a_document_that_is_not_a_policy_is_an_error(rubbish) -> None:
    with pytest.raises(PluginError, match="not a policy document"):
        compare(rubbish, NEEDED)


def test_the_command_prints_policies_for_programs(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["policy", "--account-id", "123", "--format", "json"]) == 0
    roles = json.loads(capsys.readouterr().out)["roles"]
    assert [role["role"] for role in roles] == [None, ROLE]
    assert roles[0]["trust"]["Statement"][0]["Principal"] == {"Service": ["fc.aliyuncs.com"]}


def test_the_local_runtime_enforces_the_printed_policies(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["policy", "--account-id", "123", "--format", "json"]) == 0
    (project / "roles.json").write_text(capsys.readouterr().out)
    started: list[Any] = []
    monkeypatch.setattr("fc_async_local.embedded.run", lambda options, **_: started.append(options))
    assert run(["local", "start", "--enforce-roles", "roles.json"]) == 0
    settings = started[0].settings.destinations
    assert settings.enforce_roles
    assert list(settings.roles) == ["worker"]
    assert all(
        ram.allows(settings.roles["worker"], one, if_conditions_hold=False) for one in NEEDED
    )


def test_the_command_compares_and_exits_1_when_too_little_is_allowed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "granted.json").write_text(json.dumps(ram.document(NEEDED)))
    assert run(["policy", "--account-id", "123", "--against", "granted.json"]) == 1
    assert "missing: mns:PublishMessage on acs:mns:cn-hangzhou:123:/topics/t/messages" in (
        capsys.readouterr().out
    )


def test_a_file_that_is_no_json_is_one_message(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "granted.json").write_text("no")
    assert run(["policy", "--against", "granted.json"]) == 1
    assert "granted.json is not valid JSON" in capsys.readouterr().err


def test_a_deployment_needs_permission_to_read_and_to_put(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["policy", "--account-id", "123", "--deployer"]) == 0
    [on_functions, listing] = json.loads(capsys.readouterr().out)["Statement"]
    assert "fc:PutAsyncInvokeConfig" in on_functions["Action"]
    assert "fc:CreateFunction" not in on_functions["Action"]
    assert listing["Action"] == [
        "fc:GetFunction",
        "fc:ListAliases",
        "fc:ListAsyncInvokeConfigs",
        "fc:ListFunctions",
        "fc:ListTriggers",
    ]


def test_a_deployment_of_functions_needs_permission_to_pass_their_roles(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["policy", "--account-id", "123", "--deployer", "--with-functions"])
    statements = json.loads(capsys.readouterr().out)["Statement"]
    assert statements[-1] == {"Effect": "Allow", "Action": ["ram:PassRole"], "Resource": [ROLE]}


def test_keys_that_call_functions_need_four_actions(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["policy", "--account-id", "123", "--caller"]) == 0
    [statement] = json.loads(capsys.readouterr().out)["Statement"]
    assert statement["Action"] == [
        f"fc:{operation}"
        for operation in ("GetAsyncTask", "InvokeFunction", "ListAsyncTasks", "StopAsyncTask")
    ]
    assert all(one.startswith("acs:fc:cn-hangzhou:123:functions/") for one in statement["Resource"])


def test_a_deployment_that_creates_what_is_missing_needs_the_actions_of_mns_and_eventbridge(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["policy", "--account-id", "123", "--deployer", "--create-missing"])
    statements = json.loads(capsys.readouterr().out)["Statement"]
    queue, topic = "acs:mns:cn-hangzhou:123:/queues/q", "acs:mns:cn-hangzhou:123:/topics/t"
    bus = "acs:eventbridge:cn-hangzhou:123:eventbus/bus"
    assert {(*one["Action"], *one["Resource"]) for one in statements[2:]} == {
        ("mns:GetQueueAttributes", queue),
        ("mns:CreateQueue", queue),
        ("mns:DeleteQueue", queue),
        ("mns:GetTopicAttributes", topic),
        ("mns:CreateTopic", topic),
        ("mns:DeleteTopic", topic),
        ("eventbridge:GetEventBus", bus),
        ("eventbridge:CreateEventBus", bus),
        ("eventbridge:DeleteEventBus", bus),
    }


def test_what_triggers_read_from_is_created_only_with_the_functions(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trigger = """
        triggers:
          - triggerName: orders
            triggerType: mns_topic
            sourceArn: acs:mns:cn-hangzhou:123:/topics/orders
    """
    with (project / "s.yaml").open("a") as file:
        file.write(function("reader", trigger))

    def topics(*more: str) -> list[str]:
        run(["policy", "--account-id", "123", "--deployer", "--create-missing", *more])
        statements = json.loads(capsys.readouterr().out)["Statement"]
        [found] = [one["Resource"] for one in statements if one["Action"] == ["mns:CreateTopic"]]
        return [one.rpartition("/")[2] for one in found]

    assert topics() == ["t"]
    assert topics("--with-functions") == ["orders", "t"]
