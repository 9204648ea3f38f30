# SPDX-License-Identifier: MIT
"""``--format json`` has the shape of docs/reference/json-output.md in all commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from fc_async_local.embedded import LocalRuntime
from fc_async_plugin.cli.group import run
from fc_async_tests import installation
from fc_async_tests.commands import COMMANDS
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fc_async_local.testing import FcLocal

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "json-output.md").read_text("utf-8")
ROWS = {
    command: (prints, re.findall(r"`(\w+)`", members))
    for command, prints, members in re.findall(
        r"^\| `([\w -]+)` \| ([\w ]+) \| (.*) \|$", PAGE, re.MULTILINE
    )
}
FOREIGN = {"steps", "leftovers", "headers", "policy", "trust", "actions", "requests"}
"""Members whose insides have names that are not ours: settings, headers, RAM's documents."""

TEMPLATE = template(
    orders="""
        asyncInvokeConfig:
          asyncTask: true
          maxAsyncRetryAttempts: 0
          destinationConfig:
            onFailure: {destination: "acs:mns:cn-hangzhou::/queues/failures/messages"}
    """,
)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_the_option_with_the_same_names(name: str) -> None:
    options = [one for one in COMMANDS[name].params if isinstance(one, click.Option)]
    [output] = [one for one in options if "-o" in one.opts]
    assert "--format" in output.opts
    assert isinstance(output.type, click.Choice)
    assert "json" in output.type.choices


def test_the_page_has_a_row_for_every_command() -> None:
    assert sorted(ROWS) == sorted(COMMANDS)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fc_local: FcLocal) -> Path:
    """A deployed project with a task that failed, and its event in a queue."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    # From an index: a project of a checkout would get a wheel, which is built.
    installation.install(monkeypatch, tmp_path / "site")
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text(
        "def handler(event, context):\n    print('seen')\n    raise ValueError('no')\n"
    )
    fc_local.deploy_template("s.yaml")
    fc_local.client.invoke_async("orders", b"in", task_id="t-1")
    fc_local.run_until_idle()
    return tmp_path


Printed = "Callable[..., list[dict[str, Any]]]"


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Callable[..., list[dict[str, Any]]]:
    """Runs a command with ``-o json`` and returns the objects that it prints."""

    def run_command(*arguments: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        run([*arguments, "-o", "json"])
        out = capsys.readouterr().out
        try:
            return [json.loads(out)]
        except ValueError:
            return [json.loads(line) for line in out.splitlines()]

    return run_command


def names_in(value: object) -> Iterator[str]:
    """Yield the names of all members of a document, but not those inside of foreign ones."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            if name not in FOREIGN:
                yield from names_in(inner)
    if isinstance(value, list):
        for inner in value:
            yield from names_in(inner)


EXAMPLES = {
    "validate": ["validate"],
    "plan": ["plan", "--with-functions"],
    "deploy": ["deploy", "-y"],
    "remove": ["remove", "-y"],
    "graph": ["graph"],
    "invoke": ["invoke", "orders", "x"],
    "tasks list": ["tasks", "list", "orders"],
    "tasks get": ["tasks", "get", "orders", "t-1"],
    "tasks wait": ["tasks", "wait", "orders", "t-1"],
    "tasks stop": ["tasks", "stop", "orders", "t-1", "nosuch"],
    "tasks logs": ["tasks", "logs", "orders"],
    "tasks replay": ["tasks", "replay", "orders", "t-1"],
    "events tail": ["events", "tail", "failures", "--once"],
    "failures": ["failures"],
    "failures export": ["failures", "export", "kept.jsonl"],
    "replay": ["replay", "--failed", "orders"],
    "redrives list": ["redrives", "list"],
    "redrives show": ["redrives", "show"],
    "redrives pause": ["redrives", "pause"],
    "redrives resume": ["redrives", "resume", "-y"],
    "redrives stop": ["redrives", "stop"],
    "events replay": ["events", "replay", "failures"],
    "pause": ["pause", "orders"],
    "resume": ["resume", "orders"],
    "metrics": ["metrics", "orders"],
    "triggers list": ["triggers", "list"],
    "alarms": ["alarms", "--contact-group", "oncall"],
    "alarms check": ["alarms", "check"],
    "policy": ["policy"],
    "doctor": ["doctor"],
    "import": ["import", "--dry-run"],
    "init": ["init", "--no-input"],
    "local export": ["local", "export", "state.db"],
    "local import": ["local", "import", "state.db", "-y"],
    "local trust": ["local", "trust"],
    "local clear": ["local", "clear", "-y"],
    "clean": ["clean", "-y"],
    "completion": ["completion", "bash"],
    "s-plugin path": ["s-plugin", "path"],
    "s-plugin show": ["s-plugin", "show"],
}
AS_THE_SERVICE = ("tasks get", "tasks wait")
"""Print what GetAsyncTask answers."""

ELSEWHERE = {
    "feed": "needs a function that feeds itself: tests/e2e/plugin/test_feed.py",
    "triggers backfill": "needs a timer: tests/e2e/plugin/test_triggers_backfill.py",
    "triggers fire": "needs a trigger: tests/e2e/plugin/test_triggers_command.py",
    **dict.fromkeys(
        ("pace show", "pace hold", "pace release", "pace reset"),
        "needs a store: tests/unit/plugin/cli/test_pace.py",
    ),
    "dev": "runs until it is stopped: tests/e2e/dev",
    "local start": "runs until it is stopped: tests/integration/api/test_runtime.py",
    "local console": "needs a runtime in a folder: tests/unit/plugin/cli/test_local_token.py",
    "local env": "needs a runtime in a folder: tests/unit/plugin/cli/test_local_token.py",
    "demo": "takes half a minute: tests/e2e/test_demo.py",
}


def test_every_command_has_an_example_or_a_reason() -> None:
    assert sorted([*EXAMPLES, *ELSEWHERE]) == sorted(COMMANDS)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_command_prints_objects_with_the_members_of_the_page(
    name: str, project: Path, printed: Printed
) -> None:
    prints, members = ROWS[name]
    if name.startswith("local "):
        with LocalRuntime(data=".fc-async/runtime", port=0):
            pass
    if name.startswith("redrives "):
        run(["replay", "--failed", "orders", "-y"])
    if name == "local import":
        run(["local", "export", "state.db"])
    documents = printed(*EXAMPLES[name])
    assert documents
    assert prints == "lines" or len(documents) == 1
    for document in documents:
        assert members[0] in document
        if name not in AS_THE_SERVICE:
            assert set(document) <= set(members)
        odd = [one for one in names_in(document) if not re.fullmatch(r"[a-z][a-zA-Z0-9]*", one)]
        assert odd == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["tasks", "list", "nosuch"], "FunctionNotFound"),
        (["tasks", "get", "orders", "t-2"], "AsyncTaskNotFound"),
        (["invoke", "orders", "x", "--sync", "--delay", "5"], "UsageError"),
        (["plan", "-t", "nosuch.yaml"], "TemplateError"),
        (["validate", "--explain", "FCA999"], "PluginError"),
        (["events", "tail", "nosuch", "--once"], "PluginError"),
        (["init", "nosuch"], "PluginError"),
    ],
)
def test_a_failure_is_an_object_with_the_error(
    arguments: list[str], code: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "-o", "json"]) == 1
    out, err = capsys.readouterr()
    error = json.loads(out)["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["message"].splitlines()[0] in err
    assert (error["requestId"] is not None) == code.endswith("NotFound")


def test_a_result_that_means_failure_is_one_object_all_the_same(
    project: Path, printed: Printed
) -> None:
    (project / "s.yaml").write_text(TEMPLATE.replace("Attempts: 0", "Attempts: 9"))
    [document] = printed("validate")
    assert document["summary"]["error"] == 1
    [document] = printed("tasks", "stop", "orders", "nosuch")
    assert "AsyncTaskNotFound" in document["tasks"][0]["error"]
