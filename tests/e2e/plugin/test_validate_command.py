# SPDX-License-Identifier: MIT
"""`fc-async validate` and `fc-async graph` as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_tests.commands import run_in
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from pathlib import Path

GOOD = template(
    orders="""
        asyncInvokeConfig:
          destinationConfig:
            onSuccess: {destination: acs:fc:cn-hangzhou::functions/billing}
            onFailure: {destination: acs:mns:cn-hangzhou::/queues/dead/messages}
        role: acs:ram::123:role/app
    """,
    billing="",
)
CYCLE = (
    GOOD
    + """\
      asyncInvokeConfig:
        destinationConfig:
          onSuccess: {destination: acs:fc:cn-hangzhou::functions/orders}
          onFailure: {destination: acs:mns:cn-hangzhou::/queues/dead/messages}
      role: acs:ram::123:role/app
"""
)
BACK = "acs:fc:cn-hangzhou::functions/orders"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "s.yaml").write_text(GOOD)
    (tmp_path / "cycle.yaml").write_text(CYCLE)
    return tmp_path


def test_a_good_template_exits_with_0(project: Path) -> None:
    done = run_in(project, "validate")
    assert (done.code, done.out) == (
        0,
        "1 template: no findings (1 note: --notes shows them)\n",
    )


def test_a_cycle_exits_with_1_and_names_file_and_line(project: Path) -> None:
    done = run_in(project, "validate", "-t", "cycle.yaml")
    assert done.code == 1
    assert "  --> cycle.yaml:14:36\n" in done.out
    assert "^^ orders → billing on success\n" in done.out
    assert "-- billing → orders on success\n" in done.out


@pytest.mark.parametrize("form", ["json", "sarif"])
def test_machine_formats_are_documents_alone(project: Path, form: str) -> None:
    done = run_in(project, "validate", "-t", "cycle.yaml", "--format", form)
    assert done.code == 1
    json.loads(done.out)


def test_a_missing_template_is_one_clear_error(project: Path) -> None:
    done = run_in(project, "validate", "-t", "nope.yaml")
    assert done.code == 1
    assert done.out.startswith("error[FCA001]: no such file\n --> nope.yaml:1:1\n")


@pytest.mark.parametrize("option", ["--select=FCA031", "--ignore=FCA001,FCA002"])
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (None, "FCA001"),
        ("resources: [", "FCA001"),
        (GOOD.replace("cn-hangzhou\n", "${vars.region}\n"), "FCA002"),
    ],
    ids=["missing file", "broken YAML", "unresolved variable"],
)
def test_a_template_that_cannot_be_read_fails_whatever_rules_are_selected(
    project: Path, text: str | None, rule: str, option: str
) -> None:
    if text is not None:
        (project / "bad.yaml").write_text(text)
    done = run_in(project, "validate", option, "s.yaml", "bad.yaml", "-o", "concise")
    assert done.code == 1
    assert f" error {rule} " in done.out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--select", "FCA061"), "FCA061 finds nothing without --roles"),
        (("--select", "FCA031,FCA043"), "FCA043 finds nothing without --live"),
        (("--select", "FCA03", "--ignore", "FCA0"), "no rule is left"),
    ],
)
def test_a_selection_that_checks_nothing_is_refused(
    project: Path, options: tuple[str, ...], says: str
) -> None:
    done = run_in(project, "validate", *options)
    assert done.code == 1
    assert says in done.err


def test_an_unknown_rule_is_refused(project: Path) -> None:
    done = run_in(project, "validate", "--select", "FCA999")
    assert done.code == 1
    assert "no rule is called FCA999" in done.err


def test_the_graph_is_drawn_into_a_file(project: Path) -> None:
    done = run_in(project, "graph", "-t", "cycle.yaml", "--out", "out.svg")
    assert done.code == 0
    assert "#c62828" in (project / "out.svg").read_text()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("out.html", "end the name with one of .txt, .mmd, .gv, .svg, .json, or use -o FORMAT"),
        ("out.png", "end the name with one of .txt, .mmd, .gv, .svg, .json, or use -o FORMAT"),
    ],
)
def test_a_form_that_the_graph_does_not_have_is_refused(
    project: Path, name: str, says: str
) -> None:
    done = run_in(project, "graph", "-t", "cycle.yaml", "--out", name)
    assert done.code == 1
    assert says in " ".join(done.err.split())
    assert not (project / name).exists()


@pytest.mark.parametrize(
    ("suppressed", "marked"),
    [
        ((), ["success → billing", "success → orders", "failure → orders"]),
        (("onSuccess",), ["success → billing", "failure → orders"]),
        (("onSuccess", "onFailure"), []),
    ],
)
def test_the_graph_marks_no_destination_that_validate_leaves_out_of_cycles(
    project: Path, suppressed: tuple[str, ...], marked: list[str]
) -> None:
    start, billing = CYCLE.split("  billing:\n")
    billing = billing.replace("acs:mns:cn-hangzhou::/queues/dead/messages", BACK)
    for outcome in suppressed:
        comment = "# fc-async: ignore[FCA031] the second round has nothing to do"
        billing = billing.replace(
            f"          {outcome}", f"          {comment}\n          {outcome}"
        )
    (project / "s.yaml").write_text(f"{start}  billing:\n{billing}")
    lines = run_in(project, "graph").out.splitlines()
    assert [line.split("  ")[1] for line in lines if "← cycle" in line] == marked
    cuts = json.loads(run_in(project, "graph", "-o", "json").out)["cuts"]
    assert sum("✂" in line for line in lines) == len(cuts)
    validated = run_in(project, "validate", "-o", "concise").out
    assert ("FCA031" in validated) is bool(cuts) is bool(marked)


def test_the_graph_of_a_broken_template_is_an_error(project: Path) -> None:
    (project / "bad.yaml").write_text("a: [")
    done = run_in(project, "graph", "-t", "bad.yaml")
    assert done.code == 1
    assert done.err.startswith("Error: bad.yaml:")


def test_the_rules_are_listed_and_the_schema_is_printed(project: Path) -> None:
    assert "FCA031" in run_in(project, "validate", "--explain").out
    listed = json.loads(run_in(project, "validate", "--explain", "--format", "json").out)["rules"]
    assert listed[0]["id"] == "FCA001"
    assert json.loads(run_in(project, "validate", "--schema").out)["properties"]["edition"]


def test_several_templates_are_checked_together(project: Path) -> None:
    second = CYCLE.replace("  orders:\n", "  other:\n").replace("  billing:\n", "  more:\n")
    (project / "second.yaml").write_text(second)
    done = run_in(project, "validate", "cycle.yaml", "second.yaml", "--select", "FCA044")
    assert "2 errors in 2 templates" in done.out
    assert " ::: cycle.yaml:12:7\n" in done.out
    assert "-- orders is configured here first\n" in done.out


def test_an_account_that_cannot_be_read_is_an_error(project: Path) -> None:
    done = run_in(project, "validate", "--live", "--endpoint", "http://127.0.0.1:9", "--notes")
    assert done.code == 1
    assert done.out == ""
    assert done.notes.startswith("Error: ")


def test_a_template_that_is_named_twice_is_one(project: Path) -> None:
    done = run_in(project, "validate", "s.yaml", "-t", "s.yaml")
    assert done.out.startswith("1 template: no findings")


def test_a_template_without_a_function_to_debug_writes_no_launch_file(project: Path) -> None:
    (project / "none.yaml").write_text("edition: 3.0.0\nname: a\nresources: {}\n")
    done = run_in(project, "dev", "-t", "none.yaml", "--write-launch", "-y")
    assert done.code == 1
    assert "none to debug" in done.err
    assert not (project / ".vscode").exists()


def test_a_terminal_without_unicode_gets_question_marks(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fc_async_plugin", "validate", "-t", "cycle.yaml"],
        cwd=project,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cycle: billing ? orders (on success)" in done.stdout
    assert done.stderr == ""


FC2 = """\
edition: 1.0.0
name: app
services:
  orders:
    component: fc
    props:
      region: cn-hangzhou
      service: {name: shop}
      function:
        name: orders
        asyncConfiguration: {destination: {onFailure: 'acs:mns:::/queues/dead/messages'}}
"""


def test_a_template_of_fc2_is_looked_at_and_not_deployed(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(FC2)
    found = run_in(tmp_path, "validate", "-o", "concise")
    drawn = run_in(tmp_path, "graph")
    refused = [run_in(tmp_path, *command) for command in (["plan"], ["deploy", "-y"])]
    assert (found.code, drawn.code) == (0, 0)
    assert "FCA015" in found.out
    assert "shop$orders" in drawn.out
    for done in refused:
        assert done.code == 1
        assert "edition 1.0.0, for FC 2.0" in done.err
        assert "run: s cli fc3 s2tos3" in done.err


def test_the_graph_of_a_template_without_functions_says_so(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("edition: 3.0.0\nname: empty\nresources: {}\n")
    drawn = run_in(tmp_path, "graph")
    assert (drawn.code, drawn.out) == (0, "")
    assert "There is no function to draw." in drawn.err
