# SPDX-License-Identifier: MIT
"""Keys and values of a function's props that nothing accepts are found; all others pass."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fc_async_local.domain.errors import Rejected
from fc_async_local.functions import fields
from fc_async_local.functions.function_rules import check_settings
from fc_async_plugin import s_yaml
from fc_async_plugin.check import rules
from fc_async_plugin.check.rules import Finding, props_schema
from fc_async_plugin.project.code import DEFAULT_HANDLER
from fc_async_plugin.project.wanted import wanted
from fc_async_sdk.models import FunctionSettings
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.function_settings import SETTINGS
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from fc_async_sdk.spec.function_settings import Setting

    Check = Callable[..., list[Finding]]

HEAD = """\
  a:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: a
"""


def found(check: Check, *lines: str) -> list[tuple[int, int, str, str]]:
    text = HEAD + "".join(f"      {line}\n" for line in lines)
    findings = check(text, select=("FCA016",))
    return [(*one.position[1:], one.message, one.fix) for one in findings]


@pytest.mark.parametrize(
    ("line", "column", "message", "fix"),
    [
        ("timout: 60", 7, "unknown key 'timout' in props", "did you mean timeout?"),
        ("memorySise: 512", 7, "unknown key 'memorySise' in props", "did you mean memorySize?"),
        ("memory_size: 512", 7, "unknown key 'memory_size' in props", "did you mean memorySize?"),
        (
            "runtime: python310",
            16,
            "runtime must be the name of a runtime, got 'python310'",
            "did you mean python3.10?",
        ),
        (
            "memorySize: '512'",
            19,
            "memorySize must be a whole number from 128 to 32768, a multiple of 64, got '512'",
            "leave out the quotes: 512",
        ),
        (
            "memorySize: 500",
            19,
            "memorySize must be a whole number from 128 to 32768, a multiple of 64, got 500",
            "write 512",
        ),
        ("cpu: 20", 12, "cpu must be a number from 0.05 to 16, got 20", "write 16"),
        (
            "cpu: 0.07",
            12,
            "cpu must be a multiple of 0.05 from 0.05 to 16, got 0.07",
            "write 0.05",
        ),
        (
            "cpu: 1\n      memorySize: 512",
            12,
            "cpu 1 must have 1 to 4 GB of memory for each vCPU, got memorySize 512",
            "write cpu: 1 with a memorySize from 1024 to 4096",
        ),
        (
            "cpu: 0.1\n      memorySize: 512",
            12,
            "cpu 0.1 must have 1 to 4 GB of memory for each vCPU, got memorySize 512",
            "write cpu: 0.1 with a memorySize from 128 to 384",
        ),
        (
            "timeout: 0",
            16,
            "timeout must be a whole number from 1 to 86400, got 0",
            "write 1",
        ),
        (
            "internetAccess: yes",
            23,
            "internetAccess must be true or false, got 'yes'",
            "YAML 1.2 has true and false only, and no quotes around them",
        ),
        ("description: 3", 20, "description must be a string, got a number", "put it in quotes"),
        (
            "diskSize: 513",
            17,
            "diskSize must be one of 512, 10240, got 513",
            "did you mean 512?",
        ),
        (
            "functionName: 1a",
            21,
            (
                "functionName must be 1 to 128 letters, digits, _ and -, not beginning with a "
                "digit or -, or service$function, got '1a'"
            ),
            (
                "write 1 to 128 letters, digits, _ and -, not beginning with a digit or -, or"
                " service$function"
            ),
        ),
        ("vpcConfig: {vpcID: x}", 19, "unknown key 'vpcID' in vpcConfig", "did you mean vpcId?"),
        (
            "nasConfig: 5",
            18,
            "nasConfig must be auto or a mapping, got 5",
            "write auto or a mapping",
        ),
        (
            "logConfig: {logBeginRule: none}",
            33,
            "logConfig.logBeginRule must be one of DefaultRegex, None, got 'none'",
            "did you mean None?",
        ),
        (
            "customRuntimeConfig: {command: python app.py}",
            38,
            "customRuntimeConfig.command must be a list, got 'python app.py'",
            "write a list",
        ),
        (
            "nasConfig: {mountPoints: [{serverAddr: x}, {serverAdr: y}]}",
            51,
            "unknown key 'serverAdr' in nasConfig.mountPoints.1",
            "did you mean serverAddr?",
        ),
        (
            "codeUri: ./code",
            7,
            "'codeUri' is a key of FC 2.0, which FC 3.0 ignores",
            "write code",
        ),
        (
            "triggers: [{type: http}]",
            19,
            "'type' is a key of FC 2.0, which FC 3.0 ignores",
            "write triggerType",
        ),
        (
            "triggers: [{triggerName: t, triggerTyp: http}]",
            35,
            "unknown key 'triggerTyp' in triggers.0",
            "did you mean triggerType?",
        ),
        (
            "triggers: [{triggerName: t, triggerType: cron}]",
            48,
            (
                "triggers.0.triggerType must be one of cdn_events, eventbridge, http, log, "
                "mns_topic, oss, tablestore, timer, got 'cron'"
            ),
            "known: cdn_events, eventbridge, http, log, mns_topic, oss, tablestore, timer",
        ),
        (
            "triggers: [{triggerType: http, triggerConfig: {methods: [GET], authType: anonymus}}]",
            80,
            (
                "triggers.0.triggerConfig.authType must be one of anonymous, function, jwt, "
                "got 'anonymus'"
            ),
            "did you mean anonymous?",
        ),
        (
            "triggers: [{triggerType: http, triggerConfig: {methods: GET}}]",
            63,
            "triggers.0.triggerConfig.methods must be a list, got 'GET'",
            "write a list",
        ),
        (
            "triggers: [{triggerName: t, triggerType: http, triggerConfig: {authType: anonymous}}]",
            69,
            "HTTP trigger a/t has no methods, without which it takes no request",
            (
                "write methods in triggerConfig: some of GET, POST, PUT, DELETE, HEAD, PATCH, "
                "OPTIONS"
            ),
        ),
        (
            "triggers: [{triggerType: timer, triggerConfig: {enabled: true}}]",
            55,
            "unknown key 'enabled' in triggers.0.triggerConfig",
            "did you mean enable?",
        ),
        (
            "instanceLifecycleConfig: {initializer: {timeout: 301}}",
            56,
            (
                "instanceLifecycleConfig.initializer.timeout must be a whole number from 1 to 300, "
                "got 301"
            ),
            "write 300",
        ),
    ],
)
def test_a_mistake_in_props_is_found_at_its_place(
    check: Check, line: str, column: int, message: str, fix: str
) -> None:
    head = [] if line.startswith("functionName") else ["functionName: a"]
    text = f"  a:\n    component: fc3\n    props:\n      region: cn-hangzhou\n      {line}\n"
    text += "".join(f"      {one}\n" for one in head)
    [one] = check(text, select=("FCA016",))
    assert (one.severity, one.position.line, one.position.column) == ("error", 8, column)
    assert (one.message, one.fix) == (message, fix)


@pytest.mark.parametrize(
    ("line", "replacement"),
    [
        ("caPort: 9000", "customRuntimeConfig.port"),
        ("initializer: index.init", "instanceLifecycleConfig.initializer.handler"),
        ("instanceType: e1", "gpuConfig.gpuType"),
        ("service: {name: shop}", "its role, logConfig, vpcConfig and nasConfig in props"),
        ("customDomains: [{domainName: auto}]", "component: fc3-domain"),
    ],
)
def test_a_setting_of_fc2_without_which_a_function_runs_is_a_warning(
    check: Check, line: str, replacement: str
) -> None:
    """fc3's own tests deploy functions with such settings; they have no effect."""
    [one] = check(f"{HEAD}      {line}\n", select=("FCA016",))
    assert one.severity == "warning"
    assert replacement in one.fix


def test_every_mistake_is_found(check: Check) -> None:
    lines = ("timout: 60", "timeout: 0", "customRuntimeConfig: {command: x, port: '1'}")
    assert [message.partition(" must")[0] for *_, message, _ in found(check, *lines)] == [
        "unknown key 'timout' in props",
        "timeout",
        "customRuntimeConfig.command",
        "customRuntimeConfig.port",
    ]


def test_a_key_that_resembles_a_known_one_a_little_is_a_warning(check: Check) -> None:
    [one] = check(f"{HEAD}      environment: {{A: b}}\n", select=("FCA016",))
    assert (one.severity, one.fix) == ("warning", "did you mean environmentVariables?")


def test_a_key_that_resembles_no_known_one_is_a_warning(check: Check) -> None:
    [one] = check(f"{HEAD}      snapStart: true\n", select=("FCA016",))
    assert (one.severity, one.message) == ("warning", "unknown key 'snapStart' in props")
    assert "after 0.1.22" in one.fix


@pytest.mark.parametrize(
    "line", ["asyncInvokConfig: {}", "asyncConfiguration: {}", "function: {asyncConfiguration: {}}"]
)
def test_a_key_that_another_rule_words_is_not_found_twice(check: Check, line: str) -> None:
    assert found(check, line) == []


def test_a_mistyped_region_is_found_once_with_the_nearest(check: Check) -> None:
    text = HEAD.replace("cn-hangzhou", "cn-hangzou")
    [one] = check(text, select=("FCA016",))
    assert one.message.startswith("region 'cn-hangzou' is not known to have Function Compute")
    assert (one.fix, one.severity) == ("did you mean cn-hangzhou?", "warning")
    [other] = check(HEAD.replace("cn-hangzhou", "xx-nowhere-9"), select=("FCA016",))
    assert other.fix.startswith("known: ap-northeast-1, ")


def test_functions_of_one_mistyped_region_are_one_finding(check: Check) -> None:
    resource = HEAD.replace("cn-hangzhou", "cn-hangzou")
    text = resource + "".join(resource.replace("a:", f"{name}:", 1) for name in "bc")
    [one] = check(text, select=("FCA016",))
    assert len(one.related) == 2


def test_a_mistyped_region_is_not_also_a_region_without_task_mode(check: Check) -> None:
    text = (
        HEAD.replace("cn-hangzhou", "cn-hangzou") + "      asyncInvokeConfig: {asyncTask: true}\n"
    )
    assert check(text, select=("FCA077",)) == []


def test_a_region_that_is_none_is_found(check: Check) -> None:
    [one] = check(HEAD.replace("cn-hangzhou", "'{{ region }}'"), select=("FCA016",))
    name = "the name of a region, such as cn-hangzhou"
    assert (one.message, one.fix) == (
        f"region must be {name}, got '{{{{ region }}}}'",
        f"write {name}",
    )


@pytest.mark.parametrize(
    "line",
    [
        "timeout: 60.0",
        "timeout: ${resources.b.output.timeout}",
        "layers: ['${resources.b.output.layer}', 5]",
        "memorySize: null",
        "role: auto",
        "logConfig: Auto",
        "vpcConfig: {vpcId: v, vSwitchIds: auto, securityGroupId: auto}",
        "nasConfig: auto|mountDir=/mnt/data|nasDir=/data",
        "tags: [{key: team, value: a}, {Key: team, Value: b}]",
        "instanceLifecycleConfig: {preStop: {handler: 'true', timeout: 90}}",
        "triggers: [{triggerName: t, triggerType: http, triggerConfig: '{}', qualifier: 1}]",
        "triggers: [{triggerName: t, triggerType: log, triggerConfig: {anything: 1}}]",
        "triggers: '${resources.b.output.triggers}'",
        "environmentVariables: {A: 1, B: true, C: 0.5}",
        "code: {src: ./code, ossBucketName: b, ossObjectName: o}",
        "runtime: custom-container",
        "sessionAffinityConfig: {sseEndpointPath: /sse}",
        "gpuConfig: {gpuType: fc.gpu.ada.1, gpuMemorySize: 49152}\n      memorySize: 65536",
        "gpuConfig: {gpuType: fc.gpu.tesla.1}\n      cpu: 0.5\n      memorySize: 4096",
        "cpu: 0.35\n      memorySize: 512",
        "cpu: 0.5\n      memorySize: 512",
        "cpu: 1\n      memorySize: 1536",
        "cpu: 0.05\n      memorySize: 192",
        "cpu: 4",
        "cpu: '${resources.b.output.cpu}'\n      memorySize: 512",
        "customDomain: {domainName: auto, protocol: HTTP}",
    ],
)
def test_what_s_or_the_service_accepts_is_not_found(check: Check, line: str) -> None:
    assert found(check, line) == []


def test_a_password_is_not_in_a_finding(check: Check) -> None:
    line = "customContainerConfig: {registryConfig: {authConfig: {password: 4711}}}"
    [(*_, message, fix)] = found(check, line)
    assert "password must be a string" in message
    assert "4711" not in message + fix


def test_what_is_sent_to_the_service_is_known() -> None:
    known = props_schema.schema()["$defs"]["Props"]["properties"].keys()
    assert {one.encode_name for one in msgspec.structs.fields(FunctionSettings)} <= known
    assert known >= fields.FUNCTION


NUMBERS = st.sampled_from([-1, 0, 0.05, 1, 1.0, 1.5, 63, 64, 128, 300, 512, 10_240, 86_400, 10**6])
WORDS = st.sampled_from(["", "1", "None", "python3.10", "index.handler", "a\nb", "a\0b", "x" * 300])
VALUES = NUMBERS | WORDS | st.booleans() | st.lists(WORDS | NUMBERS, max_size=2)
NAMES = st.sampled_from(
    ["A", "a_1", "1A", "_A", "A-B", "A=B", "", "ä", "FC_X", "FCX", "fc_x", "A\n", "A\0", "A" * 4096]
)


def near(low: float, high: float, step: float) -> st.SearchStrategy[float]:
    """Numbers around both ends of a range."""
    return st.sampled_from([low - step, low, low + step, high - step, high, high + step, low + 0.5])


def values_of(row: Setting) -> st.SearchStrategy[Any]:
    """Values of a row of the table: good ones, those next to its limits, and of another type."""
    match row.kind:
        case "variables":
            good: st.SearchStrategy[Any] = st.dictionaries(NAMES, WORDS | NUMBERS, max_size=3)
        case "mapping":
            good = parts_of(row.parts)
        case "list" if row.parts:
            good = st.lists(parts_of(row.parts) | WORDS, max_size=2)
        case "list" if row.name == "layers":  # another text is a folder of this machine
            good = st.lists(st.just("acs:fc:cn-hangzhou:official:layers/Python3/versions/1"))
            return good | NUMBERS | st.lists(NUMBERS, max_size=2)
        case "list":
            good = st.lists(WORDS, max_size=3)
        case "integer" | "number" if row.low is not None:
            good = near(row.low, row.high or 10 * row.low, row.step or 1)
        case "text" if row.name == "role":  # a name becomes an ARN, and has 64 characters at most
            good = st.sampled_from(["", "shop", f"acs:{'x' * 296}", f"acs:{'x' * 297}"])
            return good | NUMBERS | st.booleans()
        case "text" if row.length is not None:
            good = st.sampled_from(["x", "x" * row.length, "x" * (row.length + 1), "ä\n"])
        case _:
            good = st.booleans() | WORDS | NUMBERS
    if row.choices:
        good = st.sampled_from([*row.choices, str(row.choices[0])]) | good
    return st.one_of(good, good, good, VALUES, st.dictionaries(WORDS, VALUES, max_size=2))


def parts_of(rows: Iterable[Setting]) -> st.SearchStrategy[dict[str, Any]]:
    keys = {row.name: values_of(row) for row in rows}
    return (
        st.sets(st.sampled_from(sorted(keys)), max_size=3).flatmap(
            lambda names: st.fixed_dictionaries({name: keys[name] for name in sorted(names)})
        )
        if keys
        else st.just({})
    )


def template_of(props: dict[str, Any]) -> s_yaml.Project:
    resource = s_yaml.Resource(
        name="a",
        component="fc3",
        region="cn-hangzhou",
        account_id="1234567890123456",
        function_name="a",
        props=props,
        places=lambda _: [],
        position=s_yaml.Position("s.yaml", 1, 1),
    )
    return s_yaml.Project(file="s.yaml", name="x", access="", resources=(resource,))


def errors(props: dict[str, Any]) -> list[str]:
    found = rules.check(rules.Context([template_of(props)]), select=("FCA016",))
    return [one.message for one in found if one.severity == "error"]


def refusal(props: dict[str, Any]) -> str:
    """Return why CreateFunction does not take what a template makes of a function; "" if it does.

    "environmentVariables is not a mapping" and the like are refused before anything is sent.
    """
    try:
        [function] = wanted(template_of(props), functions=True).values()
        body = json.loads(json.dumps(function.settings))
        if body.get("handler") is None or body["handler"] == "":
            body["handler"] = DEFAULT_HANDLER  # as a deployment sends it
        check_settings(body)
    except (s_yaml.TemplateError, Rejected) as error:
        return str(error)
    return ""


COMPLETE = {
    "runtime": "python3.10",
    "handler": "index.handler",
    "code": {"ossBucketName": "b", "ossObjectName": "o"},
    "customContainerConfig": {"image": "registry.example.com/shop:1"},
}
"""What a function of any runtime needs: a template may also configure one that exists."""


@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(parts_of(SETTINGS.values()))
@example({"environmentVariables": {"1A": "x"}})
@example({"environmentVariables": {"FC_WORKER": "x"}})
@example({"environmentVariables": {"A": "x" * 4096}})
@example({"description": "x" * 300})
@example({"role": "acs:" + "x" * 300})
@example({"handler": "x" * 129})
@example({"instanceLifecycleConfig": {"preStop": {"timeout": 200}}})
@example({"customContainerConfig": {"port": 0}})
@example({"gpuConfig": {"gpuType": "fc.gpu.ada.1"}, "memorySize": 65_536, "diskSize": 61_440})
@example({"gpuConfig": {"gpuType": "fc.gpu.ada.1"}, "memorySize": "65536"})
@example({"customDNS": {"dnsOptions": [{"value": []}]}})
@example({"cpu": 4})
@example({"timeout": 60.0})
@example({"runtime": "python2.7"})
def test_validate_has_an_error_exactly_where_the_runtime_refuses_the_function(
    props: dict[str, Any],
) -> None:
    whole = COMPLETE | props
    assert bool(errors(whole)) == bool(refusal(whole)), (errors(whole), refusal(whole))


@settings(max_examples=300)
@given(props=st.dictionaries(st.sampled_from(sorted(SETTINGS)), VALUES, max_size=3))
def test_each_refusal_has_a_reason(props: dict[str, Any]) -> None:
    """Both ways of checking are made from the same types."""
    whole = {
        name: one
        for name, one in props.items()
        if not (isinstance(one, float) and one.is_integer())  # 1.0 is right, and fits no int
    }
    if not props_schema.fits(whole, props_schema.PROPS) and "gpuConfig" not in whole:
        assert errors(whole) != []


def test_the_table_has_the_settings_that_the_client_and_the_runtime_know() -> None:
    models = {one.encode_name for one in msgspec.structs.fields(FunctionSettings)}
    assert set(SETTINGS) == {*models, "layers"}
    assert set(SETTINGS) <= fields.FUNCTION


def test_a_limit_of_the_service_is_accepted_and_one_more_is_not() -> None:
    most = limits.FUNCTION_TIMEOUT_SECONDS.high
    assert errors({"timeout": most}) == []
    assert errors({"timeout": most + 1}) != []


def test_a_good_template_does_not_import_jsonschema(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(template(a="timeout: 60"))
    program = (
        "import sys; sys.argv=['fc-async', 'validate'];"
        "from fc_async_plugin.cli import main; main();"
        "print('jsonschema' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize(
    ("line", "owner"),
    [
        ("maxAsyncRetryAttempts: 2", "asyncInvokeConfig"),
        ("triggerConfig: {}", "triggers"),
        ("customRuntimeConfig: {port: 9000, timeout: 60}", "props"),
    ],
)
def test_a_key_one_level_too_high_or_too_low_is_found_with_its_place(
    check: Check, line: str, owner: str
) -> None:
    [(*_, fix)] = found(check, line)
    assert fix == f"write it under {owner}"


@pytest.mark.parametrize(
    ("runtime", "fix"),
    [
        ("custom", "write it under customRuntimeConfig"),
        ("custom-container", "write it under customContainerConfig"),
    ],
)
def test_a_port_one_level_too_high_belongs_to_what_the_runtime_has(
    runtime: str, fix: str, check: Check
) -> None:
    [one] = found(check, f"runtime: {runtime}", "port: 8080")
    assert one[3] == fix
