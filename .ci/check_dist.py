# SPDX-License-Identifier: MIT
"""Check a built wheel as its users will meet it: .ci/check_dist.py DIST PYTHON [PYTHON ...].

The wheel in folder DIST is inspected, then installed with each extra into an empty environment of
each PYTHON, where a short program uses what the extra promises. Exits with 1 at the first fault.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGES = ("fc_async_sdk", "fc_async_local", "fc_async_plugin")
NEEDED = (
    *(f"{package}/py.typed" for package in PACKAGES),
    "fc_async_plugin/_templates/minimal/cookiecutter.json",
    "fc_async_plugin/serverless_devs/fc-async/publish.yaml",
    "fc_async_local/store/sqlite/statements.sql",
    "fc_async_local/console/static/console.js",
    "fc_async_local/console/static/index.html",
)
UNWANTED = ("__pycache__", "/.venv/", "/node_modules/")

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
# What each extra promises, as commands: ``python -c`` or the console script.
SMOKE: dict[str, list[list[str]]] = {
    "": [["python", "-c", SDK]],
    "aio": [["python", "-c", AIO]],
    "cli": [["fc-async", "--version"], ["fc-async", "rules"]],
    "local": [["python", "-c", LOCAL]],
    "postgres": [["python", "-c", "import psycopg, psycopg_pool"]],
    "demo": [["fc-async", "demo"]],
    "all": [["fc-async", "doctor"], ["fc-async", "demo"]],
}


def inspect(wheel: Path) -> None:
    """End the program if ``wheel`` lacks a file it needs, or has one that is not for users."""
    names = zipfile.ZipFile(wheel).namelist()
    missing = [name for name in NEEDED if name not in names]
    unwanted = [name for name in names if any(part in name for part in UNWANTED)]
    foreign = {name.split("/")[0] for name in names} - {*PACKAGES}
    unexpected = [name for name in foreign if not name.endswith(".dist-info")]
    if missing or unwanted or unexpected:
        sys.exit(f"{wheel.name}: missing {missing}, not wanted {unwanted + unexpected}")


def install(wheel: Path, extra: str, python: str, folder: Path) -> Path:
    """Install ``wheel`` with ``extra`` into a new environment; return its folder of programs."""
    subprocess.run(["sh", ".ci/venv", folder, python], check=True)
    wanted = f"{wheel}[{extra}]" if extra else str(wheel)
    pip = [folder / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", wanted], check=True)
    subprocess.run([*pip, "check"], check=True, stdout=subprocess.DEVNULL)
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


def main(dist: str, *pythons: str) -> None:
    """Check the one wheel in folder ``dist`` on each of ``pythons``."""
    (wheel,) = Path(dist).resolve().glob("*.whl")
    inspect(wheel)
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
