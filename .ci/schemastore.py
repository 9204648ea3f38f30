# SPDX-License-Identifier: MIT
"""Write what a pull request to SchemaStore needs: .ci/schemastore.py FOLDER.

FOLDER gets the same tree as https://github.com/SchemaStore/schemastore: the schema and its
positive and negative tests. ``catalog-entry.json`` is to be inserted into
``src/api/json/catalog.json``, in alphabetical order.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fc_async_plugin.check.rules import json_schema

NAME = "fc-async-s-yaml"
SAMPLES = Path(__file__).parents[1] / "tests/unit/plugin/check/rules/schemastore"
ENTRY = {
    "name": "Serverless Devs s.yaml (Function Compute)",
    "description": "Functions of Alibaba Cloud Function Compute 3.0, invoked asynchronously",
    "fileMatch": ["s.yaml", "s.yml"],
    "url": json_schema.STORE_ID,
}
# SchemaStore wants it as the first line of each sample.
PRAGMA = f"# yaml-language-server: $schema=../../schemas/json/{NAME}.json\n"


def main(folder: Path) -> None:
    """Write all files below ``folder``."""
    write(folder / f"src/schemas/json/{NAME}.json", as_json(json_schema.store_schema()))
    for kind in ("test", "negative_test"):
        for sample in sorted((SAMPLES / kind).glob("*.yaml")):
            write(folder / "src" / kind / NAME / sample.name, PRAGMA + sample.read_text("utf-8"))
    write(folder / "catalog-entry.json", as_json(ENTRY))


def as_json(value: object) -> str:
    """Return ``value`` in the format of that repository."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def write(path: Path, text: str) -> None:
    """Write a file and the folders that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    print(f"{sys.argv[1]}: copy src into a clone of SchemaStore, and insert catalog-entry.json")
