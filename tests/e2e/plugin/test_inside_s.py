# SPDX-License-Identifier: MIT
"""fc-async inside the real ``s``: as a plugin before a deployment, and as a component."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fc_async_sdk.errors import AsyncConfigNotExists

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_local.testing import FcLocal
    from tests.e2e.plugin.conftest import Ran

HEAD = "edition: 3.0.0\nname: shop\naccess: default\nresources:\n"
RESOURCE = """\
  {name}:
    component: {component}
    actions: {actions}
    props:
      region: cn-hangzhou
      functionName: {name}
      runtime: python3.10
      handler: index.handler
      code: ./code
      asyncInvokeConfig:
        asyncTask: true
        maxAsyncRetryAttempts: {retries}
        destinationConfig:
          onSuccess:
            destination: acs:fc:cn-hangzhou::functions/{next}
          onFailure:
            destination: acs:mns:cn-hangzhou::/queues/failed/messages
"""
COMPONENT = "${env('FC_ASYNC_PLUGIN')}"
PRE_DEPLOY = "{pre-deploy: [{plugin: \"${env('FC_ASYNC_PLUGIN')}\"}]}"
OTHER_COMPONENT = """\
const fs = require("fs");
module.exports = class {
  async deploy(inputs) {
    fs.appendFileSync("deployed.txt", inputs.resource.name + "\\n");
    return {};
  }
};
"""


def resource(
    name: str,
    following: str,
    *,
    component: str = COMPONENT,
    actions: str = "{}",
    retries: object = 2,
) -> str:
    return RESOURCE.format(
        name=name, next=following, component=component, actions=actions, retries=retries
    )


@pytest.fixture
def other_component(project: Path) -> str:
    """A component in the place of fc3, that notes what it was asked to deploy."""
    folder = project / "fc3"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "fc3", "main": "index.js"}')
    (folder / "index.js").write_text(OTHER_COMPONENT)
    return str(folder)


@pytest.fixture
def functions(fc_local: FcLocal) -> None:
    for name in ("orders", "audit"):
        fc_local.deploy(name, lambda *_: None)
        fc_local.client.delete_async_invoke_config(name)


# --- plugin ------------------------------------------------------------------------------------


def test_a_cycle_stops_the_deployment_of_a_resource_with_101(
    s: Callable[..., Ran], project: Path, other_component: str
) -> None:
    """Project-wide, though s hands the plugin one resource: the other half is in another one."""
    (project / "s.yaml").write_text(
        HEAD
        + resource("orders", "audit", component=other_component, actions=PRE_DEPLOY)
        + resource("audit", "orders", component=other_component)
    )
    ran = s("orders", "deploy", "-y")
    assert ran.code == 101
    assert "FCA03" in ran.said
    assert "orders" in ran.said
    assert "audit" in ran.said
    assert not (project / "deployed.txt").exists()


def test_a_good_template_is_deployed(
    s: Callable[..., Ran], project: Path, other_component: str
) -> None:
    (project / "s.yaml").write_text(
        HEAD
        + resource("orders", "audit", component=other_component, actions=PRE_DEPLOY)
        + resource("audit", "archive", component=other_component, actions=PRE_DEPLOY)
        + resource("archive", "elsewhere", component=other_component)
    )
    ran = s("deploy", "-y")
    assert ran.code == 0, ran.said
    assert (project / "deployed.txt").read_text().split() == ["orders", "audit", "archive"]


def test_a_global_action_finds_the_template_that_s_was_given(
    s: Callable[..., Ran], project: Path, other_component: str
) -> None:
    (project / "other.yaml").write_text(
        HEAD.replace("resources:", f"actions: {PRE_DEPLOY}\nresources:")
        + resource("orders", "orders", component=other_component)
    )
    ran = s("deploy", "-y", "-t", "other.yaml")
    assert ran.code == 101
    assert "other.yaml:" in ran.said
    assert not (project / "deployed.txt").exists()


def test_the_plugin_can_deploy_the_configuration_after_s_has_made_the_functions(
    s: Callable[..., Ran], project: Path, other_component: str, fc_local: FcLocal, functions: None
) -> None:
    after = PRE_DEPLOY.replace("pre-", "success-").replace(
        "}]}", ", args: {command: deploy, flags: [--prune]}}]}"
    )
    (project / "s.yaml").write_text(
        HEAD + resource("orders", "audit", component=other_component, actions=after)
    )
    ran = s("deploy", "-y")
    assert ran.code == 0, ran.said
    assert fc_local.client.get_async_invoke_config("orders").max_async_retry_attempts == 2


@pytest.mark.slow
def test_a_mistyped_command_of_the_plugin_is_an_error(
    s: Callable[..., Ran], project: Path, other_component: str
) -> None:
    wrong = PRE_DEPLOY.replace("}]}", ", args: {command: validat}}]}")
    (project / "s.yaml").write_text(
        HEAD + resource("orders", "audit", component=other_component, actions=wrong)
    )
    ran = s("deploy", "-y")
    assert ran.code == 101
    assert "command validat must be validate, plan or deploy" in ran.said


# --- component ---------------------------------------------------------------------------------


@pytest.fixture
def template(project: Path, functions: None) -> Path:
    path = project / "s.yaml"
    path.write_text(HEAD + resource("orders", "audit") + resource("audit", "elsewhere"))
    return path


def test_the_component_deploys_and_removes_the_resource_that_s_is_at(
    s: Callable[..., Ran], template: Path, fc_local: FcLocal
) -> None:
    assert s("orders", "deploy", "-y").code == 0
    config = fc_local.client.get_async_invoke_config("orders")
    assert (config.async_task, config.max_async_retry_attempts) == (True, 2)
    with pytest.raises(AsyncConfigNotExists):
        fc_local.client.get_async_invoke_config("audit")
    assert s("orders", "remove", "-y").code == 0
    with pytest.raises(AsyncConfigNotExists):
        fc_local.client.get_async_invoke_config("orders")


def test_the_component_deploys_all_resources(
    s: Callable[..., Ran], template: Path, fc_local: FcLocal
) -> None:
    ran = s("deploy", "-y", "-t", "s.yaml")
    assert ran.code == 0, ran.said
    assert len(fc_local.client.list_async_invoke_configs().configs) == 2


@pytest.mark.slow
def test_the_component_plans_and_informs(
    s: Callable[..., Ran], template: Path, fc_local: FcLocal
) -> None:
    planned = s("orders", "plan")
    assert planned.code == 0
    assert "+ async config orders (cn-hangzhou)" in planned.said
    assert fc_local.client.list_async_invoke_configs().configs == ()
    before = s("orders", "info", "-o", "json", "--silent")
    assert json.loads(before.out)["deployed"] is False
    s("orders", "deploy", "-y")
    after = s("orders", "info", "-o", "json", "--silent")
    assert json.loads(after.out)["deployed"] is True


FIRST_GIVES_A_NAME = """\
module.exports = class {
  async deploy(inputs) { return { functionName: "orders" }; }
  async plan(inputs) {}
};
"""


@pytest.fixture
def named_later(project: Path) -> Callable[[str], None]:
    """Writes a template whose component configures a function that another resource makes."""
    folder = project / "fc3"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "fc3", "main": "index.js"}')
    (folder / "index.js").write_text(FIRST_GIVES_A_NAME)

    def write(name: str) -> None:
        conf = resource("conf", "elsewhere").replace("functionName: conf", f"functionName: {name}")
        made = (
            f"  made:\n    component: {folder}\n    props: {{region: cn-hangzhou, "
            "functionName: orders, runtime: python3.10, handler: index.handler, code: ./code}\n"
        )
        (project / "s.yaml").write_text(HEAD + made + conf)

    return write


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("orders", ("conf", "deploy", "--dry-run")),
        ("${resources.made.props.functionName}", ("plan",)),
    ],
)
def test_a_plan_says_that_a_function_of_the_same_template_is_unknown_until_deployed(
    s: Callable[..., Ran],
    named_later: Callable[[str], None],
    fc_local: FcLocal,
    name: str,
    command: tuple[str, ...],
) -> None:
    named_later(name)
    ran = s(*command)
    assert ran.code == 0, ran.said
    assert "unknown until deployed: asynchronous configuration of conf" in ran.said
    assert "the function orders (cn-hangzhou) is made by resource made" in ran.said
    assert f"Nothing to do: the runtime at {fc_local.endpoint} has the rest of" in ran.said
    assert fc_local.client.list_async_invoke_configs().configs == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "${resources.made.output.functionName}",  # known on a local runtime
            "the function orders (cn-hangzhou) is made by resource made",
        ),
        ("${resources.made.output.id}", "its functionName is ${resources.made.output.id}"),
    ],
)
def test_the_plugin_plans_a_template_with_a_function_that_an_output_names(
    name: str, reason: str, s: Callable[..., Ran], named_later: Callable[[str], None], project: Path
) -> None:
    """`s` itself refuses such an output in `s plan`; here it is in another resource."""
    named_later(name)
    text = (project / "s.yaml").read_text()
    plans = PRE_DEPLOY.replace("}]}", ", args: {command: plan}}]}")
    (project / "s.yaml").write_text(
        text.replace("    props: {", f"    actions: {plans}\n    props: {{")
    )
    ran = s("made", "deploy", "-y")
    assert ran.code == 0, ran.said
    assert (f"unknown until deployed: asynchronous configuration of conf ({reason})") in ran.said


@pytest.mark.slow
def test_information_about_a_function_that_is_not_deployed_yet_is_that_it_is_not(
    s: Callable[..., Ran], named_later: Callable[[str], None]
) -> None:
    named_later("orders")
    ran = s("conf", "info", "-o", "json", "--silent")
    assert ran.code == 0, ran.said
    assert json.loads(ran.out)["deployed"] is False


@pytest.mark.slow
def test_a_plan_of_a_function_that_nothing_makes_is_an_error(
    s: Callable[..., Ran], project: Path
) -> None:
    (project / "s.yaml").write_text(HEAD + resource("conf", "elsewhere"))
    ran = s("conf", "plan")
    assert ran.code == 101
    assert "doesn't exist" in ran.said


def test_the_component_verifies_the_template_of_a_resource(
    s: Callable[..., Ran], project: Path
) -> None:
    (project / "s.yaml").write_text(HEAD + resource("orders", "audit"))
    assert s("orders", "verify").code == 0
    (project / "s.yaml").write_text(HEAD + resource("orders", "audit", retries=9))
    ran = s("orders", "verify")
    assert ran.code == 101
    assert "s.yaml:" in ran.said


@pytest.mark.slow
def test_the_component_draws_the_graph(s: Callable[..., Ran], template: Path) -> None:
    ran = s("orders", "graph")
    assert ran.code == 0, ran.said
    assert "queue failed" in ran.said


@pytest.mark.parametrize("command", ["deploy", "validate"])
def test_the_component_refuses_what_the_service_would(
    command: str, s: Callable[..., Ran], project: Path, fc_local: FcLocal, functions: None
) -> None:
    (project / "s.yaml").write_text(HEAD + resource("orders", "audit", retries=9))
    ran = s("orders", command)
    assert ran.code == 101
    assert "s.yaml:" in ran.said
    assert fc_local.client.list_async_invoke_configs().configs == ()


def test_a_failure_of_the_service_ends_with_101(
    s: Callable[..., Ran], template: Path, fc_local: FcLocal
) -> None:
    fc_local.client.delete_function("orders")
    ran = s("orders", "deploy", "-y")
    assert ran.code == 101
    assert "doesn't exist" in ran.said


FUNCTION_COMPONENT = """\
module.exports = class {
  async deploy(inputs) {
    return { name: "audit", retries: 5, secret: "made-up" };
  }
};
"""


@pytest.fixture
def needs_an_output(project: Path, functions: None) -> Path:
    """A template whose configuration names what another resource gives when it is deployed."""
    folder = project / "first"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "first", "main": "index.js"}')
    (folder / "index.js").write_text(FUNCTION_COMPONENT)
    (project / "s.yaml").write_text(
        HEAD
        + f"  first:\n    component: {folder}\n    props: {{region: cn-hangzhou}}\n"
        + resource("orders", "${resources.first.output.name}", retries="${env('N', 4)}")
    )
    return project / "s.yaml"


def test_the_component_configures_what_another_resource_gave_out(
    s: Callable[..., Ran], needs_an_output: Path, fc_local: FcLocal
) -> None:
    ran = s("deploy", "-y")
    assert ran.code == 0, ran.said
    config = fc_local.client.get_async_invoke_config("orders")
    assert config.destination_config is not None
    assert config.destination_config.on_success is not None
    assert str(config.destination_config.on_success.destination).endswith(":functions/audit")
    assert config.max_async_retry_attempts == 4


def test_the_component_deploys_props_that_a_plugin_of_s_has_changed(
    s: Callable[..., Ran], project: Path, functions: None, fc_local: FcLocal
) -> None:
    (project / "change.js").write_text(
        "module.exports = async (inputs) => {"
        " inputs.props.asyncInvokeConfig.maxAsyncRetryAttempts = 7; return inputs; };"
    )
    actions = "{pre-deploy: [{plugin: ./change.js}]}"
    (project / "s.yaml").write_text(HEAD + resource("orders", "audit", actions=actions))
    ran = s("orders", "deploy", "-y")
    assert ran.code == 0, ran.said
    assert fc_local.client.get_async_invoke_config("orders").max_async_retry_attempts == 7


@pytest.mark.slow
def test_a_dry_run_of_the_component_is_a_success_that_changes_nothing(
    s: Callable[..., Ran], template: Path, fc_local: FcLocal
) -> None:
    ran = s("orders", "deploy", "--dry-run")
    assert ran.code == 0, ran.said
    assert "+ async config orders (cn-hangzhou)" in ran.said
    assert fc_local.client.list_async_invoke_configs().configs == ()


def test_s_verify_prints_no_warning_about_the_schema(s: Callable[..., Ran], template: Path) -> None:
    ran = s("verify")
    assert ran.code == 0, ran.said
    assert "strict mode" not in ran.said


@pytest.mark.parametrize(
    ("retries", "said"),
    [(9, "must be <= 8"), ("${env('N', 2.5)}", "must be integer")],
)
def test_s_verify_says_what_is_wrong_with_a_value(
    retries: object, said: str, s: Callable[..., Ran], project: Path
) -> None:
    (project / "s.yaml").write_text(HEAD + resource("orders", "audit", retries=retries))
    ran = s("verify")
    assert ran.code == 1
    assert said in ran.said


def test_s_verify_accepts_a_value_that_is_known_only_after_a_deployment(
    s: Callable[..., Ran], needs_an_output: Path
) -> None:
    text = needs_an_output.read_text().replace(
        "${env('N', 4)}", "${resources.first.output.retries}"
    )
    needs_an_output.write_text(text)
    ran = s("verify")
    assert ran.code == 0, ran.said


@pytest.mark.slow
def test_with_output_json_the_gate_holds_only_if_allow_failure_is_false(
    s: Callable[..., Ran], project: Path, other_component: str
) -> None:
    """`s -o json` forgives every failure of a resource or an action that does not forbid it."""

    def deployed(actions: str) -> bool:
        (project / "deployed.txt").unlink(missing_ok=True)
        (project / "s.yaml").write_text(
            HEAD + resource("orders", "orders", component=other_component, actions=actions)
        )
        ran = s("deploy", "-y", "-o", "json")
        assert (ran.code == 0) == (project / "deployed.txt").exists(), ran.said
        return ran.code == 0

    assert deployed(PRE_DEPLOY)
    assert not deployed(PRE_DEPLOY.replace("}]}", ", allow_failure: false}]}"))


@pytest.mark.slow
def test_with_output_json_a_failure_of_the_component_is_reported_if_allow_failure_is_false(
    s: Callable[..., Ran], template: Path, fc_local: FcLocal
) -> None:
    fc_local.client.delete_function("orders")
    assert s("orders", "deploy", "-y", "-o", "json").code == 0
    text = template.read_text()
    template.write_text(text.replace("  orders:\n", "  orders:\n    allow_failure: false\n"))
    assert s("orders", "deploy", "-y", "-o", "json").code == 101
