# SPDX-License-Identifier: MIT
"""Check what a release publishes: .ci/check_dist.py DIST PYTHON [PYTHON ...].

The wheel in folder DIST has exactly the files that a user needs, and the source distribution beside
it builds the same wheel. The wheel is then installed with each extra into an empty environment of
each PYTHON, where a short program uses what the extra promises. Exits with 1 at the first fault.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# Folders in git, and what they are called in the wheel.
FOLDERS = {
    "fc_async_sdk": "fc_async_sdk",
    "fc_async_local": "fc_async_local",
    "plugin/fc_async_plugin": "fc_async_plugin",
    "templates": "fc_async_plugin/_templates",
    "docs/rules": "fc_async_plugin/_rules",
}
# Made by `make console`, not in git.
CONSOLE = ("index.html", "console.js", "console.css", "icon.svg", "licences.txt")

SDK = """
import fc_async_sdk
client = fc_async_sdk.client(endpoint_url="http://127.0.0.1:9900", account_id="1234567890123456")
assert client.account_id == "1234567890123456"
"""
AIO = "import fc_async_sdk; fc_async_sdk.async_client(endpoint_url='http://127.0.0.1:9900')"
LOCAL = """
import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
with LocalRuntime(data="data", port=0) as runtime:
    assert fc_async_sdk.client(endpoint_url=runtime.endpoint).list_functions().functions == ()
"""
DEV = """
from fc_async_plugin.dev import watching
import debugpy
"""
RAM = "from fc_async_plugin.account.roles import Roles"
GRAPHS = "import graphlay; from fc_async_plugin.cli import main"
EVENTS = "from fc_async_plugin.operate.events import queues, topics"
# What each extra promises, as commands: ``python -c`` or the console script.
SMOKE: dict[str, list[list[str]]] = {
    "": [["python", "-c", SDK]],
    "aio": [["python", "-c", AIO]],
    "cli": [
        ["fc-async", "--version"],
        ["fc-async", "validate", "--explain", "FCA031"],
        ["fc-async", "validate", "--schema"],
        ["fc-async", "s-plugin", "path"],
        ["fc-async", "init", "minimal", "--no-input", "project_name=shop"],
        ["fc-async", "validate", "--template", "shop/s.yaml"],
    ],
    "local": [["python", "-c", LOCAL]],
    "ram": [["python", "-c", RAM]],
    "dev": [["python", "-c", DEV], ["fc-async", "dev", "--help"]],
    "oss": [["python", "-c", "import alibabacloud_oss_v2"]],
    "postgres": [["python", "-c", "import psycopg, psycopg_pool"]],
    "events": [["python", "-c", EVENTS]],
    "demo": [["fc-async", "demo"]],
    "graphs": [["python", "-c", GRAPHS]],
    "all": [["fc-async", "doctor"], ["fc-async", "demo"]],
}


def inspect(wheel: Path) -> None:
    """End the program if ``wheel`` lacks a file that users need, or has another one."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    if names != needed():
        missing, unwanted = sorted(needed() - names), sorted(names - needed())
        sys.exit(f"{wheel.name}: missing {missing}, not wanted {unwanted}")


def needed() -> set[str]:
    """Return the names of all files that the wheel has to have, except its metadata."""
    built = {f"fc_async_local/console/static/{name}" for name in CONSOLE}
    return built | {
        name + path.removeprefix(folder)
        for folder, name in FOLDERS.items()
        for path in tracked(folder)
    }


def tracked(folder: str) -> list[str]:
    """Return the paths of the files in ``folder`` that are in git."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder]
    done = subprocess.run(listed, check=True, capture_output=True, text=True)
    return done.stdout.rstrip("\0").split("\0")


def compare(wheel: Path, source: Path, python: str) -> None:
    """End the program if ``source`` does not build ``wheel`` in an empty environment."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(["sh", ".ci/venv", folder / "venv", python], check=True)
        pip = [folder / "venv/bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
        built = folder / "built"
        subprocess.run(
            [*pip, "wheel", "--no-deps", "--wheel-dir", built, source], check=True, cwd=folder
        )
        (other,) = built.glob("*.whl")
        if contents(other) != contents(wheel):
            sys.exit(f"{source.name} builds another wheel than {wheel.name}")


def contents(wheel: Path) -> dict[str, int]:
    """Return the checksum of each file."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def install(wheel: Path, extra: str, python: str, folder: Path) -> Path:
    """Install ``wheel`` with ``extra`` into a new environment; return its folder of programs.

    uv needs seconds where pip needs minutes for all of them. `make stories` installs with pip.
    """
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", python, folder], check=True)
    pip = [*uv, "pip", "install", "--quiet", "--python", folder / "bin/python"]
    subprocess.run([*pip, f"{wheel}[{extra}]" if extra else wheel], check=True)
    checked = [*uv, "pip", "check", "--quiet", "--python", folder / "bin/python"]
    subprocess.run(checked, check=True)
    return folder / "bin"


def use(programs: Path, command: list[str], folder: Path) -> None:
    """Run ``command`` in ``folder``; end the program if it fails."""
    done = subprocess.run(
        [programs / command[0], *command[1:]],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def install_as_tools(wheel: Path) -> None:
    """Install the command as docs/how-to/install.md shows it for uvx and pipx, and run it."""
    wanted = f"{wheel}[cli,local]"
    run = [sys.executable, "-m", "uv", "tool", "run", "--quiet", "--from", wanted]
    subprocess.run([*run, "fc-async", "--version"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "PIPX_HOME": name, "PIPX_BIN_DIR": str(folder / "bin")}
        pipx = [sys.executable, "-m", "pipx", "install", "--quiet", wanted]
        subprocess.run(pipx, check=True, env=environment)
        use(folder / "bin", ["fc-async", "validate", "--explain"], folder)


def main(dist: str, *pythons: str) -> None:
    """Check the one wheel in folder ``dist`` on each of ``pythons``."""
    (wheel,) = Path(dist).resolve().glob("*.whl")
    (source,) = Path(dist).resolve().glob("*.tar.gz")
    inspect(wheel)
    compare(wheel, source, pythons[0])
    print(f"{source.name} builds {wheel.name}", flush=True)
    install_as_tools(wheel)
    print("uvx and pipx: the command works", flush=True)
    for python in pythons:
        for extra, commands in SMOKE.items():
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                programs = install(wheel, extra, python, folder / "venv")
                for command in commands:
                    use(programs, command, folder)
            print(f"{python}: {wheel.name}{f'[{extra}]' if extra else ''} works", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
