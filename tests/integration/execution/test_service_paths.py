# SPDX-License-Identifier: MIT
"""Functions whose settings name the paths of the service: /code, /opt, /var/fc/lang."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fc_async_local.execution.machine import interpreters, sandbox
from fc_async_local.execution.machine.paths import Folders
from fc_async_local.settings import Settings
from fc_async_tests.web_program import web_program

OWN = f"python{sys.version_info[0]}.{sys.version_info[1]}"
OF_THE_MANUAL = {
    "PATH": f"/code/python/bin:/var/fc/lang/{OWN}/bin:/usr/local/bin/apache-maven/bin:/usr/bin:/bin"
    ":/opt/bin:/code:/code/bin",
    "PYTHONPATH": "/opt:/opt/python:/code",
    "PYTHONUSERBASE": "/code/python",
    "LD_LIBRARY_PATH": "/code:/code/lib:/usr/local/lib:/opt/lib",
}
"""The variables of the vendor's page on custom runtimes, which projects copy."""

SERVER = web_program(
    'json.dumps({"executable": sys.executable, "argv": sys.argv, "environ": dict(os.environ)})'
    ".encode()"
)


@pytest.fixture
def ask(fc_local, tmp_path: Path):
    """Deploy a web server with a start command, and return what it sees of itself."""
    (tmp_path / "server.py").write_text(SERVER)

    def get(command: list[str], variables: dict[str, str] | None = None) -> dict:
        fc_local.deploy(
            "web",
            tmp_path,
            runtime="custom.debian12",
            handler="unused",
            timeout=20,
            environment_variables=variables or {},
            custom_runtime_config={"command": command},
        )
        return json.loads(fc_local.client.invoke("web", b"").payload)

    return get


@pytest.mark.parametrize(
    "command",
    [
        ["python3", "/code/server.py"],
        ["python3", "server.py"],
        [f"/var/fc/lang/{OWN}/bin/python3", "/code/server.py"],
        ["bash", "-c", "cd /code && exec python3 /code/server.py"],
    ],
)
def test_commands_and_variables_of_the_manual_start_a_server(ask, command: list[str]) -> None:
    seen = ask(command, OF_THE_MANUAL)
    assert Path(seen["executable"]).parent == Path(sys.executable).parent
    code = seen["environ"]["FC_FUNC_CODE_PATH"]
    assert seen["environ"]["PYTHONUSERBASE"] == f"{code}/python"
    assert seen["environ"]["LD_LIBRARY_PATH"].startswith(f"{code}:{code}/lib:")


def test_a_start_script_with_paths_of_the_service_starts_a_server(ask, tmp_path: Path) -> None:
    script = tmp_path / "bootstrap"
    script.write_text(
        "#!/bin/bash\n"
        f"export PATH=/var/fc/lang/{OWN}/bin:$PATH\n"
        'cd "$(dirname "$0")"\n'
        'exec python3 /code/server.py "$0"\n'
    )
    script.chmod(0o755)
    seen = ask(["/code/bootstrap"])
    code = seen["environ"]["FC_FUNC_CODE_PATH"]
    assert seen["argv"] == [f"{code}/server.py", f"{code}/bootstrap"]


@pytest.mark.usefixtures("node")
def test_a_path_without_the_interpreters_of_this_machine_keeps_them(fc_local, tmp_path) -> None:
    (tmp_path / "index.py").write_text(
        "import shutil\ndef handler(event, context): return str(shutil.which(event.decode()))"
    )
    variables = {"PATH": "/var/fc/lang/nodejs99/bin:/code/bin"}
    fc_local.deploy(
        "f",
        tmp_path,
        runtime="python3.10",
        handler="index.handler",
        environment_variables=variables,
    )
    assert fc_local.client.invoke("f", b"node").payload.endswith(b"/node")


def test_modules_below_code_are_imported(fc_local, tmp_path) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages/pack_of_the_build.py").write_text("VALUE = 7")
    (tmp_path / "index.py").write_text(
        "import pack_of_the_build\ndef handler(event, context): return pack_of_the_build.VALUE"
    )
    fc_local.deploy(
        "f",
        tmp_path,
        runtime="python3.10",
        handler="index.handler",
        environment_variables={"PYTHONPATH": "/code/packages"},
    )
    assert fc_local.client.invoke("f", b"").payload == b"7"


class TestInAMountNamespace:
    """Code that opens ``/code`` and ``/opt`` itself."""

    @pytest.fixture
    def fc_local_settings(self, cannot_run):
        if not sandbox.is_available():
            cannot_run("bubblewrap is not installed, or this machine allows no namespaces")
        return Settings.of(mount_paths=True)

    def test_a_custom_runtime_finds_its_code_and_layers(self, ask) -> None:
        seen = ask(["sh", "-c", 'test -f "$(echo /co)de/server.py" && exec python3 server.py'])
        assert Path(seen["executable"]).parent == Path(sys.executable).parent

    @pytest.mark.usefixtures("node")
    def test_a_node_function_reads_its_files_by_the_path_of_the_service(
        self, fc_local, tmp_path: Path
    ) -> None:
        (tmp_path / "data.txt").write_text("data")
        (tmp_path / "index.js").write_text(
            'exports.handler = async () => require("fs").readFileSync("/code/data.txt", "utf8")'
        )
        fc_local.deploy("f", tmp_path, runtime="nodejs20", handler="index.handler")
        assert fc_local.client.invoke("f", b"").payload == b"data"

    def test_a_command_that_is_not_there_is_named(self, fc_local, tmp_path: Path) -> None:
        (tmp_path / "server.py").write_text("")
        fc_local.deploy("web", tmp_path, runtime="custom", handler="unused")
        assert b"can't start" in fc_local.client.invoke("web", b"").payload


def test_layers_are_shown_as_one_folder(tmp_path: Path) -> None:
    for name in ("a/python/one.py", "b/python/two.py", "b/bin/tool"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    folders = Folders(tmp_path, (tmp_path / "a", tmp_path / "b"))
    listing = ["sh", "-c", "cat /opt/python/*.py /opt/bin/tool"]
    command = sandbox.in_namespace(listing, folders, "/bin")
    if command == listing:
        pytest.skip("bubblewrap is not installed, or this machine allows no namespaces")
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert shown == "a/python/one.pyb/python/two.pyb/bin/tool"


def another_python() -> str:
    """Return a version of Python that this machine has beside its own; skip without one."""
    versions = [f"3.{minor}" for minor in (10, 12) if (3, minor) != sys.version_info[:2]]
    found = [one for one in versions if interpreters.find_python(one) is not None]
    if not found:
        pytest.skip("this machine has no other Python that is a runtime")
    return found[0]


WHICH = "import sys, click\ndef handler(event, context): return '%d.%d' % sys.version_info[:2]"


@pytest.mark.filterwarnings("ignore::fc_async_local.testing.ImportedFromMachine")
def test_packages_that_were_built_for_the_runtime_choose_its_version(
    fc_local, tmp_path: Path, caplog
) -> None:
    version = another_python()
    built = tmp_path / f"package/_fast.cpython-{version.replace('.', '')}-x86_64-linux-gnu.so"
    built.parent.mkdir()
    (tmp_path / "index.py").write_text(WHICH)
    settings = {"runtime": f"python{version}", "handler": "index.handler"}
    fc_local.deploy("plain", tmp_path, **settings)
    assert fc_local.client.invoke("plain", b"").payload.decode() == OWN.removeprefix("python")
    built.write_bytes(b"")
    fc_local.deploy("built", tmp_path, **settings)
    assert fc_local.client.invoke("built", b"").payload.decode() == version
    assert f"built for Python {version}" in caplog.text
