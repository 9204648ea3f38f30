# SPDX-License-Identifier: MIT
"""A project made from a template works on the first run, with nothing but this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest

from fc_async_plugin import s_yaml, scaffold
from fc_async_plugin.check import rules
from fc_async_tests.templates import run, run_tests, start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fc_async_local.testing import FcLocal

ANSWERS: Final = {
    "defaults": {},
    "no retries": {"retries": "0", "max_age_seconds": "604800"},
    "own names": {
        "project_name": "Über 9: all",
        "project_slug": "u9",
        "failure_queue": "Dead-1",
        "retries": "8",
        "region": "us-west-1",
        "python_version": "3.10",
    },
}
OWN_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "data-etl": {"database": "postgresql"},
    "destination-consumer": {"rocketmq_instance": "MQ_INST_9", "rocketmq_topic": "T_1"},
    "media-fanout": {"event_bus": "Bus_1.x"},
}
"""For each template with more questions, answers that go with "own names"."""
FAILING: Final[Mapping[str, tuple[str, Any]]] = {
    "data-etl": ("transform", {"run": 1, "number": 0}),
    "destination-consumer": ("price", {"order": 8, "items": []}),
    "media-fanout": ("split", {"job": "x"}),
    "minimal": ("process", {"order": 8}),
    "web-background": ("summarize", {"title": "", "csv": "a,b\n1"}),
}
"""For each template, a function and an event that it fails on."""


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name == "minimal" else pytest.mark.slow)
        for name in scaffold.names()
    ],
)
def test_a_project_is_tested_validated_and_deployed_and_shows_what_failed(
    name: str, answers: Mapping[str, str], tmp_path: Path, fc_local: FcLocal
) -> None:
    own = OWN_NAMES.get(name, {}) if "project_slug" in answers else {}
    project = start(name, tmp_path, {**answers, **own})
    if answers:  # those of the defaults are run by test_readmes.py
        assert " passed" in run_tests(project)
    assert "no findings" in run(project, "fc_async_plugin", "validate")

    queue = answers.get("failure_queue", f"{project.name}-failures")
    fc_local.create_queue(queue)
    fc_local.deploy_template(project)
    function, event = FAILING[name]
    fc_local.client.invoke_async(f"{project.name}-{function}", event, task_id="bad")
    fc_local.run_until_idle()

    failed = fc_local.receive(queue)
    assert failed is not None
    assert failed.request.json() == event
    assert failed.attempts == 1 + int(answers.get("retries", "2"))


def test_the_tests_of_a_project_do_not_let_it_import_what_it_does_not_ship(tmp_path: Path) -> None:
    one = ("-k", "a_good_order")
    project = start("minimal", tmp_path)
    process, requirements = project / "code" / "process.py", project / "code" / "requirements.txt"
    process.write_text("import yaml  # type: ignore\n" + process.read_text())
    with pytest.raises(AssertionError, match="imports yaml from this machine; in the cloud it is"):
        run_tests(project, *one)
    requirements.write_text(requirements.read_text() + "PyYAML\n")
    assert " passed" in run_tests(project, *one)


@pytest.mark.slow
def test_data_etl_on_postgresql_is_linted_typed_and_tested_on_a_real_server(
    tmp_path: Path, postgres_server: Any
) -> None:
    project = start("data-etl", tmp_path, {"database": "postgresql"})
    run(project, "ruff", "check", ".")
    run(project, "ruff", "format", "--check", ".")
    run(project, "mypy")
    assert "no findings" in run(project, "fc_async_plugin", "validate")
    url = postgres_server.get_uri()
    assert " passed" in run_tests(project, "-k", "postgresql", TEST_DATABASE_URL=url)


@pytest.mark.parametrize("name", scaffold.names())
def test_no_file_of_a_project_has_a_placeholder_of_its_template(name: str, tmp_path: Path) -> None:
    project = scaffold.create(name, tmp_path, {"failure_queue": "Dead-1"}, ask=None)
    texts = {file.name: file.read_text() for file in project.rglob("*") if file.is_file()}
    assert [name for name, text in texts.items() if "cookiecutter" in text] == []
    assert texts["README.zh-CN.md"].startswith("# my-")
    assert "Dead-1" in texts["README.zh-CN.md"]


@pytest.mark.parametrize("name", scaffold.names())
def test_no_path_of_this_machine_goes_to_the_account(name: str, tmp_path: Path) -> None:
    project = start(name, tmp_path)
    read = s_yaml.load(project / "s.yaml", environ={})
    assert rules.check(rules.Context([read]), select=["FCA057"]) == []
    for resource in read.resources:
        values = (resource.props.get("environmentVariables") or {}).values()
        assert not [value for value in values if str(tmp_path) in value]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_exports_the_keys_of_env_and_leaves_other_values_to_the_template(
    tmp_path: Path,
) -> None:
    project = start("data-etl", tmp_path)
    url = "postgresql://user:pa$sword#1@host/name"
    escaped = url.replace("$", r"\$")  # as s reads it
    (project / ".env").write_text(
        f"ALIBABA_CLOUD_ACCESS_KEY_ID=made-up\nDATABASE_URL='{escaped}'\n"
    )
    done = subprocess.run(
        ["make", "-s", "--eval", "show: ; @env", "show"],
        cwd=project,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ALIBABA_CLOUD_ACCESS_KEY_ID=made-up" in done.stdout
    assert "DATABASE_URL" not in done.stdout
    resource = s_yaml.load(project / "s.yaml").resources[0]
    assert resource.props["environmentVariables"]["DATABASE_URL"] == url
