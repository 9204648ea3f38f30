# SPDX-License-Identifier: MIT
"""Checks a machine for what fc-async needs.

Each check yields complaints about one thing. Nothing is changed, and only the check of the account
sends a request.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from fc_async_plugin import s_yaml
from fc_async_plugin.prepare import imports, lacks
from fc_async_plugin.project.lack import Lack
from fc_async_sdk import _project_folder, _requirements, _serverless_devs
from fc_async_sdk._installation import how_to_install
from fc_async_sdk.errors import FcAsyncError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from fc_async_plugin.s_yaml import Project
    from fc_async_sdk import Client

Level = Literal["error", "warning"]

EXTRAS: Final = ("cli", "local")
"""Extras whose packages are looked for."""
SQLITE: Final = (3, 35, 0)
"""The first version with RETURNING, which the local queue uses."""
FREE_BYTES: Final = 200 * 1024 * 1024
_NODE_SECONDS: Final = 20
_OLDEST_NODE: Final = 16
"""The oldest that the plugin was tried on."""


class Complaint(NamedTuple):
    """One problem of a machine.

    Attributes:
        level: An error makes a command fail; a warning may.
        what: The problem.
        fix: What to do, a command or an imperative sentence.
        lack: What this machine lacks, if that is the problem.
    """

    level: Level
    what: str
    fix: str
    lack: Lack | None = None


class Machine(NamedTuple):
    """The parts of a machine that are checked.

    Attributes:
        folder: The working folder.
        home: The user's home.
        environ: Environment variables.
        connect: Makes a client of the account; None: the account is not checked.
    """

    folder: Path
    home: Path
    environ: Mapping[str, str]
    connect: Callable[[], Client] | None


class Result(NamedTuple):
    """The result of one check.

    Attributes:
        name: What was checked.
        complaints: What is wrong.
        skipped: Whether the check does not apply to this machine.
    """

    name: str
    complaints: tuple[Complaint, ...] = ()
    skipped: bool = False

    @property
    def verdict(self) -> str:
        """``ok``, ``error``, ``warning`` or ``not needed``: the worst of the complaints."""
        if self.skipped:
            return "not needed"
        levels = {complaint.level for complaint in self.complaints}
        if "error" in levels:
            return "error"
        return "warning" if levels else "ok"


def results(machine: Machine) -> list[Result]:
    """Return the result of every check."""
    checked: list[Result] = []
    for name, check in CHECKS.items():
        complaints = check(machine)
        checked.append(Result(name, tuple(complaints or ()), skipped=complaints is None))
    return checked


def _python(_: Machine) -> Iterable[Complaint]:
    if sys.prefix == sys.base_prefix:
        yield Complaint(
            "warning",
            f"fc-async runs in the system's Python ({sys.prefix})",
            "install it into a virtual environment: python3 -m venv .venv",
        )


def _extra(extra: str, _: Machine) -> Iterable[Complaint]:
    of_extra = re.compile(rf"extra\s*==\s*['\"]{extra}['\"]")
    required = filter(of_extra.search, metadata.requires("fc-async") or ())
    # uvloop is not on every platform, and needed on none.
    needed = [requirement for requirement in required if "platform" not in requirement]
    missing = _requirements.missing("\n".join(needed))
    if missing:
        yield Complaint(
            "error" if extra == "cli" else "warning",
            f"the extra {extra!r} is not installed ({', '.join(sorted(missing))} missing)",
            how_to_install(extra),
        )


def _sqlite(_: Machine) -> Iterable[Complaint]:
    if sqlite3.sqlite_version_info < SQLITE:
        needed = ".".join(map(str, SQLITE))
        yield Complaint(
            "error",
            f"SQLite {sqlite3.sqlite_version} is too old for the local runtime",
            f"use a Python with SQLite {needed} or newer",
        )


def _folder(machine: Machine) -> Iterable[Complaint]:
    if not os.access(machine.folder, os.W_OK):
        yield Complaint(
            "error",
            f"{machine.folder} cannot be written to",
            "the journal of deployments and the local queue live there: change its permissions",
        )
        return
    free = shutil.disk_usage(machine.folder).free
    if free < FREE_BYTES:
        yield Complaint(
            "warning",
            f"only {free // 1024 // 1024} MB are free where the local queue lives",
            "free some space",
        )


def _template(machine: Machine) -> Iterable[Complaint] | None:
    try:
        path = os.path.relpath(s_yaml.find(machine.folder))
    except s_yaml.TemplateError:
        return None  # many commands need no template
    try:
        s_yaml.load(path, environ=_with_any_value(path))
    except s_yaml.TemplateError as error:
        return [Complaint("error", str(error), "fc-async validate")]
    return []


def _with_any_value(path: str) -> Mapping[str, str]:
    """Return the environment with a value for each variable that a template lacks.

    They are lacks of this machine, which another check names; the template itself can be read.
    """
    try:
        project = s_yaml.load(path, purpose="run")
    except s_yaml.TemplateError:
        return os.environ
    return {**os.environ, **dict.fromkeys(project.unset, "value")}


def _functions(machine: Machine) -> Iterable[Complaint] | None:
    project = _project(machine)
    if project is None:
        return None
    try:
        of_functions = lacks.of_functions([project], processes=True)
    except s_yaml.TemplateError as error:  # of fc-async.toml
        return [Complaint("error", str(error), "correct the file")]
    except OSError as error:
        return [Complaint("error", str(error), "correct the path, or its permissions")]
    return [_complaint(lack) for lack in dict.fromkeys(of_functions)]


def _complaint(lack: Lack) -> Complaint:
    # s ends with an error without the variable, so that no deployment begins.
    level: Level = "error" if lack.kind == "secret" else "warning"
    return Complaint(level, lack.what, lack.remedy, lack)


def _imports(machine: Machine) -> Iterable[Complaint] | None:
    project = _project(machine)
    if project is None:
        return None
    fix = "leave it out of the code, or split it"
    return [
        *(Complaint("warning", *module.missing) for module in imports.missing(project)),
        *(Complaint("warning", sentence, fix) for sentence in imports.unread(project)),
    ]


def _project(machine: Machine) -> Project | None:
    """Return the template as its functions run here; None if none can be read."""
    try:
        return s_yaml.load(
            os.path.relpath(s_yaml.find(machine.folder)), purpose="run", reveal=False
        )
    except s_yaml.TemplateError:
        return None  # the check of the template names it


def _access(machine: Machine) -> Iterable[Complaint]:
    for path in _serverless_devs.files(machine.environ, machine.home):
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Complaint(
                "warning",
                f"{path} holds keys and can be read by others",
                f"chmod 600 {path}",
            )


def _own_folder(machine: Machine) -> Iterable[Complaint]:
    try:
        _project_folder.check(machine.folder / _project_folder.RUNTIME)
    except _project_folder.ForeignFolder as error:
        yield Complaint("error", str(error), "until then nothing in it is read or run")


def _interrupted(machine: Machine) -> Iterable[Complaint] | None:
    try:
        journals = _project_folder.interrupted_deployments(machine.folder)
    except _project_folder.ForeignFolder:
        return None  # the check before names it
    complaint = Complaint(
        "warning",
        "a deployment or removal from here was interrupted",
        "go on with the same command and --resume, or take it back: fc-async deploy --undo",
    )
    return [complaint] if journals else []


def _account(machine: Machine) -> Iterable[Complaint] | None:
    if machine.connect is None:
        return None
    try:
        lack = lacks.service(machine.connect())
    except FcAsyncError as error:
        complaint = Complaint(
            "error",
            f"the account cannot be read: {error}",
            "check --endpoint, --region and the keys; fc-async local start needs no keys",
        )
        return [complaint]
    return [Complaint("error", lack.what, lack.remedy, lack)] if lack else []


def _check_s(machine: Machine) -> Iterable[Complaint] | None:
    """Check ``s``, if the template names our plugin or the variable for it is set."""
    names_plugin = False
    for name in ("s.yaml", "s.yml"):
        path = machine.folder / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            names_plugin = names_plugin or "FC_ASYNC_PLUGIN" in text
    if names_plugin or "FC_ASYNC_PLUGIN" in machine.environ:
        return list(_s_and_plugin(machine))
    return None


def _s_and_plugin(machine: Machine) -> Iterable[Complaint]:
    use = "the plugin of s needs"
    if "FC_ASYNC_PLUGIN" not in machine.environ:
        fix = "export FC_ASYNC_PLUGIN=$(fc-async s-plugin path)"
        yield _complaint(Lack("secret", "FC_ASYNC_PLUGIN", use, "", fix))
    path = machine.environ.get("PATH", os.defpath)
    lack = lacks.program("s", use, path=path, remedy="npm install -g @serverless-devs/s")
    if lack:
        yield Complaint("error", lack.what, lack.remedy, lack)


def _node(machine: Machine) -> Iterable[Complaint] | None:
    node = shutil.which("node", path=machine.environ.get("PATH"))
    if node is None or "FC_ASYNC_PLUGIN" not in machine.environ:
        return None
    answer = subprocess.run(  # noqa: S603 -- found on PATH, no shell
        [node, "--version"], capture_output=True, text=True, timeout=_NODE_SECONDS, check=False
    )
    version = answer.stdout.strip()
    major = version.lstrip("v").partition(".")[0]
    if major.isdigit() and int(major) < _OLDEST_NODE:
        return [Complaint("warning", f"node {version} is old", "use node 16 or newer")]
    return []


CHECKS: Final[dict[str, Callable[[Machine], Iterable[Complaint] | None]]] = {
    "Python in a virtual environment": _python,
    **{f"extra {extra}": functools.partial(_extra, extra) for extra in EXTRAS},
    f"SQLite {'.'.join(map(str, SQLITE))} or newer": _sqlite,
    "the working folder can be written to and has free space": _folder,
    "the template can be read": _template,
    "this machine has what the functions need": _functions,
    "the cloud has what Python functions import": _imports,
    "files with keys can be read by their owner only": _access,
    f"the files in {_project_folder.NAME} are yours": _own_folder,
    "no deployment was interrupted": _interrupted,
    "s (Serverless Devs) and its plugin": _check_s,
    "Node.js for the plugin of s": _node,
    "the account can be read": _account,
}
"""Checks by what is checked: each yields complaints, or returns None if it does not apply."""
