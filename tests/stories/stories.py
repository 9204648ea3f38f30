# SPDX-License-Identifier: MIT
"""Tells the stories: what a reader of the pages does, as scripts (``*.sh`` in this folder).

``python tests/stories/stories.py WHEEL [STORY ...]`` runs them as on a clean machine: in an empty
folder, with an empty home and a new virtual environment with WHEEL. The tests run the same scripts
with the packages that are installed. Each command of a story stands on a page; the verbs that do
not are in ``library.sh``.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STORIES = sorted(path.stem for path in HERE.glob("*.sh") if path.stem not in {"library", "install"})
TEMPLATES = sorted(path.parent.name for path in (ROOT / "templates").glob("*/cookiecutter.json"))
OF_A_TEMPLATE = "start_a_template"
FROM_A_CLONE = "first_five_minutes"
KEPT = ("PIP_", "UV_", "NPM_CONFIG_", "SSL_CERT", "REQUESTS_CA", "NODE_EXTRA")
"""Variables that say how this machine reaches its package registries."""


class Told(NamedTuple):
    """How a story ended.

    Attributes:
        code: Exit code of the script.
        printed: All that its commands printed.
        seconds: How long it took, in seconds.
    """

    code: int
    printed: str
    seconds: float


def pages() -> list[Path]:
    """Return the pages that a reader of the README and the site has."""
    found = sorted((ROOT / "docs").rglob("*.md"))
    return [ROOT / "README.md", *(page for page in found if "_build" not in page.parts)]


def files_of(page: Path) -> dict[str, str]:
    """Return the files that a page shows: blocks of code below a name such as ```s.yaml`:``."""
    tokens = MarkdownIt().parse(page.read_text("utf-8"))
    return {
        name[1]: fence.content
        for text, _, fence in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if fence.type == "fence" and (name := re.fullmatch(r"`([\w./-]+)`:", text.content))
    }


def tell(story: str, folder: Path, environment: dict[str, str]) -> Told:
    """Run a story in an empty ``folder``.

    Args:
        story: Name of the script, without ``.sh``.
        folder: An empty folder.
        environment: All variables; ``STORY_BIN`` names the programs of an environment that has all
            packages.
    """
    home, files, work = folder / "home", folder / "files", folder / "work"
    for one in (home, files, work):
        one.mkdir(parents=True, exist_ok=True)
    for page in pages():
        for name, text in files_of(page).items():
            path = files / page.relative_to(ROOT) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    port = free_port()
    before = ["library"] if story == FROM_A_CLONE else ["library", "install"]
    scripts = [HERE / f"{name}.sh" for name in (*before, story)]
    text = "\n".join(script.read_text("utf-8") for script in scripts).replace(":9900", f":{port}")
    output = folder / "output"
    begun = time.monotonic()
    with output.open("w") as stream:
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=work,
            env={
                **environment,
                "HOME": str(home),
                "NPM_CONFIG_PREFIX": str(home / "npm"),
                "PATH": f"{home / 'npm/bin'}{os.pathsep}{environment['PATH']}",
                "STORY_CHECKOUT": str(ROOT),
                "STORY_FILES": str(files),
                "STORY_OUTPUT": str(output),
                "STORY_PORT": str(port),
            },
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=600,
        )
    return Told(done.returncode, output.read_text(), time.monotonic() - begun)


def free_port() -> int:
    """Return the first of four ports that are free, below those that the system hands out."""
    while True:
        first = random.randrange(10_000, 30_000)
        try:
            for port in range(first, first + 4):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first


def main(wheel: str, *wanted: str) -> None:
    """Tell the stories as on a clean machine; exit with 1 if one fails."""
    python = Path(sys.executable).resolve().parent
    kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
    tools = {str(Path(found).parent) for name in ("npm", "node") if (found := shutil.which(name))}
    path = os.pathsep.join([str(python), *sorted(tools), "/usr/bin", "/bin"])
    for story in wanted or STORIES:
        for template in TEMPLATES if story == OF_A_TEMPLATE else [""]:
            with tempfile.TemporaryDirectory(prefix="fc-async-story-") as name:
                folder = Path(name)
                (folder / "work/dist").mkdir(parents=True)
                shutil.copy(wheel, folder / "work/dist")
                told = tell(story, folder, {**kept, "PATH": path, "STORY_TEMPLATE": template})
            if told.code:
                sys.exit(f"{story} {template}: exit code {told.code}\n{told.printed}")
            sys.stdout.write(f"{story} {template}: {told.seconds:.0f} s\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
