# SPDX-License-Identifier: MIT
"""Paths of the service in texts of a function."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fc_async_local.execution.machine import interpreters
from fc_async_local.execution.machine.paths import ServicePaths

OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    return folder


@pytest.fixture
def layers(tmp_path: Path) -> tuple[Path, ...]:
    for name in ("first/python", "second/bin", "first/bin"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path / "first", tmp_path / "second"


@pytest.mark.parametrize(
    "text",
    [
        "/codecs",
        "/home/me/code",
        "https://example.com/code/list",
        "../code",
        "$ROOT/code",
        "/code-old",
        "/opt/homebrew/bin",
        "/optional",
        "/var/fc/lang/cobol/bin",
        "",
    ],
)
def test_texts_that_name_no_path_of_the_service_stay(code: Path, layers, text: str) -> None:
    assert ServicePaths("f", code, layers).text(text) == text


@pytest.mark.parametrize(
    ("text", "here"),
    [
        ("/code", "{code}"),
        ("/code/app.py", "{code}/app.py"),
        ("--config=/code/a.toml", "--config={code}/a.toml"),
        ("/code:/code/lib:/usr/lib", "{code}:{code}/lib:/usr/lib"),
        ('{{"file":"/code/x.json"}}', '{{"file":"{code}/x.json"}}'),
        ("cd /code && exec ./app", "cd {code} && exec ./app"),
        ("/opt/python", "{first}/python"),
        ("/opt/bin", "{second}/bin"),
        ("/opt:/code", "{second}:{first}:{code}"),
        ("-javaagent:/code/a.jar", "-javaagent:{code}/a.jar"),
    ],
)
def test_paths_of_the_service_become_those_of_this_machine(code, layers, text, here) -> None:
    first, second = layers
    places = {"code": code, "first": first, "second": second}
    found = ServicePaths("f", code, layers).text(text.replace("{{", "{").replace("}}", "}"))
    assert found == here.format(**places)


def test_an_interpreter_of_the_wanted_version_is_found(code: Path) -> None:
    paths = ServicePaths("f", code)
    assert paths.text(f"/var/fc/lang/python{OWN}/bin/python3") == sys.executable
    folder = sys.executable.rpartition("/")[0]
    assert paths.text(f"/var/fc/lang/python{OWN}/bin:/usr/bin") == f"{folder}:/usr/bin"
    assert paths.text(f"/var/fc/lang/python{OWN}/bin/gunicorn") == f"{folder}/gunicorn"


def test_the_place_of_a_public_layer_of_a_language_leads_to_its_interpreter(code: Path) -> None:
    folder = sys.executable.rpartition("/")[0]
    assert ServicePaths("f", code).text(f"/opt/python{OWN}/bin:/bin") == f"{folder}:/bin"
    assert ServicePaths("f", code).text(f"/opt/python{OWN}/lib") == f"/opt/python{OWN}/lib"


def test_a_program_of_a_public_layer_is_the_one_of_this_machine(code: Path) -> None:
    paths = ServicePaths("web", code)
    shell = shutil.which("sh")
    assert paths.text("/opt/bin/sh -c x") == f"{shell} -c x"
    assert paths.text("/opt/shells9/bin/sh") == str(shell)
    assert paths.text("/opt/bin/no-such-program") == "/opt/bin/no-such-program"


def test_another_version_takes_the_place_of_a_missing_one_and_is_named_once(
    code: Path, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(interpreters, "find_python", lambda _: None)
    paths = ServicePaths("no-python-3-9", code)
    for _ in range(2):
        assert paths.text("/var/fc/lang/python3.9/bin/python3 app.py") == f"{sys.executable} app.py"
    said = f"no-python-3-9 names python3.9, which this machine does not have: {sys.executable}"
    assert caplog.text.count(said) == 1


def test_a_version_that_is_here_and_not_used_is_said_to_be_here(
    code: Path, monkeypatch, caplog
) -> None:
    other = Path("/elsewhere/bin/python3.9")
    monkeypatch.setattr(interpreters, "find_python", lambda _: other)
    ServicePaths("unbuilt", code).text("/var/fc/lang/python3.9/bin/python3 app.py")
    said = f"unbuilt names python3.9, and no package of it was built for {other}: {sys.executable}"
    assert said in caplog.text


def test_a_script_finds_the_interpreter_that_takes_the_place_of_a_version_by_its_name(
    code: Path, tmp_path: Path
) -> None:
    other = tmp_path / "shims" / "python3.9"  # such as pyenv has for each version
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho other\n")
    other.chmod(0o755)
    path = ServicePaths("f", code).text("/var/fc/lang/python3.9/bin:/usr/bin")
    assert path.endswith(f":{Path(sys.executable).parent}:/usr/bin")
    done = subprocess.run(
        ["/bin/sh", "-c", "exec python3.9 -c 'import sys; print(sys.prefix)' 'an argument'"],
        env={"PATH": f"{path}:{other.parent}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == sys.prefix


def test_only_packages_that_were_built_for_a_version_choose_it(code: Path, monkeypatch) -> None:
    other = Path("/elsewhere/bin/python3.9")
    monkeypatch.setattr(interpreters, "find_python", lambda _: other)
    place = "/var/fc/lang/python3.9/bin/python3"
    assert ServicePaths("plain", code).text(place) == sys.executable
    built = code.with_name("built")
    built.mkdir()
    (built / "_fast.cpython-39-x86_64-linux-gnu.so").touch()
    assert ServicePaths("built", built).text(place) == str(other)


def test_a_start_script_that_names_paths_is_given_to_its_shell_as_text(code: Path) -> None:
    script = code / "bootstrap"
    script.write_text("#!/bin/bash -e\ncd /code\nexec python3 /code/app.py\n")
    mapped = script.read_text().replace("/code", str(code))
    command = ServicePaths("f", code).command
    path = str(script)
    assert command(["/code/bootstrap", "x"]) == ["/bin/bash", "-e", "-c", mapped, path, "x"]
    assert command(["sh", "bootstrap"]) == ["sh", "-c", mapped, "bootstrap"]
    assert command(["/usr/bin/env", "bash", "bootstrap"])[2:4] == ["-c", mapped]
    assert command(["bash", "-c", "cd /code"]) == ["bash", "-c", f"cd {code}"]


def test_a_script_of_another_language_is_run_by_the_mapped_interpreter(code: Path) -> None:
    script = code / "bootstrap"
    script.write_text(f"#!/var/fc/lang/python{OWN}/bin/python3 -u\nprint(1)\n")
    command = ServicePaths("f", code).command(["/code/bootstrap"])
    assert command == [sys.executable, "-u", str(script)]


def test_scripts_without_such_paths_and_programs_are_started_as_they_are(code: Path) -> None:
    (code / "bootstrap").write_text("#!/bin/sh\nexec ./app\n")
    (code / "app").write_bytes(b"\x7fELF\xff/code")
    command = ServicePaths("f", code).command
    assert command(["/code/bootstrap"]) == [str(code / "bootstrap")]
    assert command(["./app", "--port=9000"]) == ["./app", "--port=9000"]
