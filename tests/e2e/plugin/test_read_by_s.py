# SPDX-License-Identifier: MIT
"""The real ``s`` still reads a template as the table of the unit tests says it does.

tests/unit/plugin/s_yaml/test_loader_reads_as_s.py compares this project with the same table.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.plugin.conftest import KEYS, environment, execute

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.plugin.conftest import Ran

TABLE = Path(__file__).parents[2] / "unit/plugin/s_yaml/s_preview/cases.json"
CASES: Any = json.loads(TABLE.read_text())
EXPRESSIONS = CASES["expressions"]

pytestmark = pytest.mark.slow


@pytest.fixture
def preview(tmp_path: Path, s_program: Path, s_home: Path) -> Callable[[dict[str, str]], Ran]:
    """Runs ``s preview`` on the files of a project, without an endpoint to talk to."""
    keys = KEYS | {"AccountID": "123456789012345"}
    folder = tmp_path / "project"

    def run(files: dict[str, str]) -> Ran:
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        more = {
            **CASES["environ"],
            **keys,
            "HOME": str(s_home),
            "serverless_devs_config_home": str(s_home),
        }
        ran = execute(
            [str(s_program), "preview", "-o", "json", "--silent"], folder, environment(**more)
        )
        return ran._replace(out=ran.out.replace(str(folder.resolve()), "<DIR>"))

    return run


def template(props: dict[str, Any]) -> dict[str, str]:
    text = CASES["template"] % json.dumps({"functionName": "f1", **props})
    return {"s.yaml": text, **CASES["files"]}


def test_s_reads_every_accepted_expression_as_recorded(
    preview: Callable[[dict[str, str]], Ran],
) -> None:
    rows = {f"p{n}": row for n, row in enumerate(EXPRESSIONS) if not row.get("refused")}
    ran = preview(template({key: row["text"] for key, row in rows.items()}))
    assert ran.code == 0, ran.said
    props = json.loads(ran.out)["resources"]["r1"]["props"]
    assert {row["text"]: props.get(key) for key, row in rows.items()} == {
        row["text"]: row["value"] for row in rows.values()
    }


@pytest.mark.parametrize(
    "text", [row["text"] for row in EXPRESSIONS if row.get("refused")], ids=lambda text: text
)
def test_s_refuses_an_expression_as_recorded(
    text: str, preview: Callable[[dict[str, str]], Ran]
) -> None:
    assert preview(template({"probe": text})).code == 1


@pytest.mark.parametrize("row", CASES["documents"], ids=lambda row: row["title"])
def test_s_reads_a_template_as_recorded(
    row: dict[str, Any], preview: Callable[[dict[str, str]], Ran]
) -> None:
    ran = preview(row["files"])
    if row.get("refused"):
        assert ran.code == 1 or not ran.out.startswith("{")  # of another edition: it only says so
        return
    resources = json.loads(ran.out)["resources"]
    assert {name: one["props"] for name, one in resources.items()} == row["props"]
