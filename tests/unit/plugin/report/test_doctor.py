# SPDX-License-Identifier: MIT
"""The doctor names what isn't well and what to do, and is silent otherwise."""

from __future__ import annotations

import json
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fc_async_plugin.cli.group import run
from fc_async_plugin.report import doctor
from fc_async_plugin.report.doctor import Machine
from fc_async_sdk._installation import how_to_install
from fc_async_sdk.errors import AccessDenied

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(doctor.sys, "base_prefix", "/usr")
    monkeypatch.setattr(doctor.sys, "prefix", "/venv")
    monkeypatch.setattr(doctor.sqlite3, "sqlite_version_info", (3, 45, 0))
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda _: object())
    monkeypatch.setattr(doctor, "FREE_BYTES", 0)
    return Machine(tmp_path, tmp_path, {}, None)


def said(machine: Machine) -> list[str]:
    return [f"{one.level}: {one.what} | {one.fix}" for one in doctor.examine(machine)]


def test_doctor_reports_nothing_on_a_good_machine(machine: Machine) -> None:
    assert said(machine) == []


def test_the_systems_python(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sys, "prefix", "/usr")
    assert "python3 -m venv" in said(machine)[0]


def test_an_extra_that_is_missing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: name != "uvicorn" or None)
    assert said(machine) == [
        (
            "warning: the extra 'local' is not installed (uvicorn missing) | "
            f"{how_to_install('local')}"
        )
    ]


@pytest.mark.parametrize("extra", list(doctor.EXTRAS))
def test_all_packages_of_an_extra_are_looked_for(extra: str) -> None:
    required = {
        canonicalize_name(one.name)
        for one in map(Requirement, metadata.requires("fc-async") or ())
        if one.marker
        and "extra" in str(one.marker)
        and one.marker.evaluate({"extra": extra})
        and "platform" not in str(one.marker)  # uvloop: not on every platform
    }
    looked_for = {
        canonicalize_name(distribution.name)
        for distribution in metadata.distributions()
        for file in distribution.files or ()  # packages_distributions needs Python 3.11 for this
        if file.parts[0].removesuffix(".py") in doctor.EXTRAS[extra]
    }
    assert looked_for == required


def test_doctor_reports_an_old_sqlite(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.sqlite3, "sqlite_version_info", (3, 31, 1))
    assert "too old for the local runtime" in said(machine)[0]


def test_doctor_reports_a_full_disk(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "FREE_BYTES", 1 << 60)
    assert "MB are free" in said(machine)[0]


def test_a_template_that_can_not_be_read(machine: Machine) -> None:
    (machine.folder / "s.yaml").write_text("resources: [")
    assert said(machine)[0].startswith("error: ")
    assert "s.yaml:2:1" in said(machine)[0]


@pytest.mark.parametrize("moved", [False, True], ids=["at home", "elsewhere"])
def test_keys_that_others_can_read(moved: bool, machine: Machine, tmp_path: Path) -> None:
    if moved:
        environ = {"serverless_devs_config_home": str(tmp_path)}
        machine = machine._replace(home=tmp_path / "home", environ=environ)
    folder = tmp_path / ".s"
    folder.mkdir()
    (folder / "access.yaml").write_text("default: {}")
    (folder / "access.yaml").chmod(0o644)
    assert "chmod 600" in said(machine)[0]
    (folder / "access.yaml").chmod(0o600)
    assert said(machine) == []


def test_an_interrupted_deployment(machine: Machine) -> None:
    journal = machine.folder / ".fc-async" / "deploy" / "s.yaml-account-1" / "journal"
    journal.parent.mkdir(parents=True)
    journal.write_text("x\n")
    assert "deploy --undo" in said(machine)[0]


def test_a_plugin_whose_place_is_not_known(machine: Machine, tmp_path: Path) -> None:
    text = "edition: 3.0.0\nname: x\nresources: {}\n# plugin: ${env('FC_ASYNC_PLUGIN')}\n"
    (machine.folder / "s.yaml").write_text(text)
    found = said(machine._replace(environ={"PATH": str(tmp_path)}))
    assert any("FC_ASYNC_PLUGIN, which is not set" in one for one in found)
    assert any("s (Serverless Devs) is not installed" in one for one in found)


def test_an_account_that_can_not_be_read(machine: Machine, account) -> None:
    assert said(machine._replace(connect=lambda: account)) == []
    account.fail = lambda *_: AccessDenied("AccessDenied", "no", http_status=403)
    assert (
        "the account cannot be read: 403 AccessDenied"
        in (said(machine._replace(connect=lambda: account))[0])
    )


def test_the_command_exits_1_on_errors_and_prints_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.yaml").write_text("resources: [")
    assert run(["doctor", "--format", "json"]) == 1
    assert "s.yaml" in json.dumps(json.loads(capsys.readouterr().out))


def test_every_check_is_listed_with_its_result(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.sqlite3, "sqlite_version_info", (3, 31, 1))
    (machine.folder / "s.yaml").write_text("edition: 3.0.0\nname: x\nresources: {}\n")
    results = {one.name: one.verdict for one in doctor.results(machine)}
    assert len(results) == len(doctor.CHECKS)
    assert results["SQLite 3.35.0 or newer"] == "error"
    assert results["the template can be read"] == "ok"
    assert results["the account can be read"] == "not needed"


def test_verbose_prints_a_line_for_every_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run(["doctor", "-v"])
    lines = capsys.readouterr().out.splitlines()
    shown = [line.partition(": ")[2] for line in lines if not line.startswith("  ")]
    assert shown == [check.name for check in doctor.CHECKS]
