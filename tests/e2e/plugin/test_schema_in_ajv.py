# SPDX-License-Identifier: MIT
"""Ajv compiles the schema for SchemaStore in strict mode and judges the samples alike."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
JUDGE = """
const Ajv = require("ajv");
const { schema, samples } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const validate = new Ajv({ strict: true }).compile(schema);
console.log(JSON.stringify(samples.map((sample) => validate(sample))));
"""


def test_ajv_in_strict_mode_accepts_the_schema_and_refuses_only_the_negative_samples(
    node: str, node_packages: Callable[..., Path], tmp_path: Path
) -> None:
    subprocess.run(
        [sys.executable, ROOT / ".ci/schemastore.py", tmp_path], check=True, capture_output=True
    )
    (path,) = (tmp_path / "src/schemas/json").iterdir()
    kinds = [
        (kind, yaml.safe_load(sample.read_text("utf-8")))
        for kind in ("test", "negative_test")
        for sample in sorted((tmp_path / "src" / kind / path.stem).iterdir())
    ]
    (tmp_path / "judge.js").write_text(JUDGE)
    (tmp_path / "node_modules").symlink_to(node_packages("ajv-8", "ajv@8"))
    given = {"schema": json.loads(path.read_text("utf-8")), "samples": [one for _, one in kinds]}

    done = subprocess.run(
        [node, "judge.js"],
        cwd=tmp_path,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [kind == "test" for kind, _ in kinds]
