# SPDX-License-Identifier: MIT
"""Makes a project from a shipped template, or from another template of cookiecutter.

Invariants:

- Each answer to a shipped template is checked before a file is written.
- An answer is text: it is never rendered.
- A template has links to the files of ``_shared``: cookiecutter alone makes the same project.
- Another template is used only if its folder or address is given, because its hooks are foreign
  code.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fc_async_plugin import PluginError
from fc_async_plugin.scaffold.questions import QUESTIONS, problem
from fc_async_sdk._installation import installed_from, module_command
from fc_async_sdk._version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def folder() -> Path:
    """Return the folder of the shipped templates: in the wheel, or beside the sources."""
    installed = Path(__file__).parents[1] / "_templates"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "templates"


def names() -> list[str]:
    """Return the names of the shipped templates."""
    return sorted(path.parent.name for path in folder().glob("*/cookiecutter.json"))


def about(name: str) -> str:
    """Return what a shipped template makes, in one line."""
    form = json.loads((folder() / name / "cookiecutter.json").read_text(encoding="utf-8"))
    return str(form["_about"])


class Question(NamedTuple):
    """One question of a template.

    Attributes:
        name: Name of the answer.
        text: The question, with what is allowed.
        default: The answer if none is typed.
        check: Returns what is wrong with an answer, "" if nothing is.
    """

    name: str
    text: str
    default: str
    check: Callable[[str], str]


def unknown(template: str) -> str:
    """Return the message for a template that does not exist."""
    near = get_close_matches(template, names(), n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(names())}"
    return f"there is no template {template!r}: {hint}"


def create(
    template: str,
    into: Path,
    answers: Mapping[str, str],
    *,
    ask: Callable[[Question], str] | None,
    overwrite: bool = False,
) -> Path:
    """Make a project from a template.

    Args:
        template: A shipped template's name, or a folder or address that cookiecutter takes.
        into: The folder in which the project's folder is made.
        answers: The known answers.
        ask: Asks a question and returns an answer that passes its check; None: use defaults.
        overwrite: Write into an existing folder.

    Returns:
        The project's folder.

    Raises:
        PluginError: There is no such template, an answer is not allowed, or rendering failed.
    """
    from cookiecutter.main import cookiecutter  # noqa: PLC0415 -- an extra, slow to load

    # Its log repeats the errors that it raises, with their stack traces.
    logging.getLogger("cookiecutter").addHandler(logging.NullHandler())
    source = folder() / template
    shipped = source.is_dir()
    if not shipped and not ("/" in template or ":" in template):
        raise PluginError(unknown(template))
    with _errors_explained(template, into):
        if shipped:
            form = _Form(source, None if overwrite else into)
            answers = _answered(form, answers, ask)
        project = cookiecutter(
            str(source) if shipped else template,
            # Of our templates, the form has asked: cookiecutter would ask once more.
            no_input=shipped or ask is None,
            extra_context=_as_text(answers),
            output_dir=str(into),
            overwrite_if_exists=overwrite,
            # A ~/.cookiecutterrc of the user may have other answers under the same names.
            default_config=True,
        )
    return Path(project)


@contextmanager
def _errors_explained(template: str, into: Path) -> Iterator[None]:
    """Raise errors of cookiecutter, of jinja and of git as errors with advice for the user."""
    from cookiecutter.exceptions import (  # noqa: PLC0415 -- see create()
        CookiecutterException,
        OutputDirExistsException,
        UnknownRepoType,
    )
    from jinja2 import TemplateError  # noqa: PLC0415 -- as cookiecutter

    try:
        yield
    except OutputDirExistsException as error:
        reason = str(error).removeprefix("Error: ")
        raise PluginError(
            f"{reason}: choose another project_slug or --directory, or pass --overwrite"
        ) from error
    except UnknownRepoType as error:  # it has no message
        raise PluginError(
            f"{template} does not tell its kind of repository: write git+{template} or"
            f" hg+{template}; a folder is named without file://"
        ) from error
    except subprocess.CalledProcessError as error:
        # Git says in its output what is wrong; the error itself has the command and its status.
        lines = error.output.decode(errors="replace").strip().splitlines()
        reason = next((line for line in lines if line.startswith("fatal: ")), *lines[-1:])
        raise PluginError(f"{' '.join(error.cmd)} failed: {reason}") from error
    except (CookiecutterException, TemplateError, ValueError) as error:
        # ValueError: an answer that is not among the choices of a template.
        raise PluginError(f"the project cannot be made: {error}") from error
    except OSError as error:
        raise PluginError(
            f"the project cannot be made in {into.resolve()}: {error.strerror or error}\n"
            "What was written of it, if anything, is incomplete: remove its folder."
        ) from error


def _as_text(answers: Mapping[str, str]) -> dict[str, str]:
    """Return answers in a form that cookiecutter, which renders answers, renders to their text.

    Others stay as they are, because the choices of a template are compared with them.
    """
    # Rendered as a template, an answer with "{{" could run code.
    return {
        name: f"{{{{ {answer!a} }}}}" if "{" in answer else answer
        for name, answer in answers.items()
    }


def add_wheel(project: Path) -> str:
    """Put the wheel file of this fc-async into ``wheels/`` of a project that was just made.

    The project's own environment installs the same fc-async from it, as long as no package index
    has it. The wheel is the one that fc-async was installed from; for an installation from a
    checkout it is built.

    Args:
        project: The project's folder.

    Returns:
        What the user must do first, in one sentence; "" if nothing.
    """
    origin = installed_from()
    if origin is None:
        return ""
    wheels = project / "wheels"
    first = f"put the wheel file of fc-async {__version__} into {wheels} first"
    if origin.suffix == ".whl":
        if not origin.is_file():
            return f"{first}: {origin}, which fc-async was installed from, is gone"
        shutil.copy(origin, wheels)
        return ""
    error = _build_wheel(origin, wheels)
    if not error:
        return ""
    return f"{first}: `make dist` in {origin} writes it, pip could not: {error}"


def _build_wheel(checkout: Path, into: Path) -> str:
    """Build the wheel file of a checkout; return why that failed, "" if it did not.

    The build backend is the one of this environment if there is one, otherwise the package index's.
    """
    options = ["--no-build-isolation"] if find_spec("hatchling") else []
    quiet = ("--quiet", "--no-deps", "--disable-pip-version-check")
    command = module_command("pip", "wheel", *quiet, *options, f"--wheel-dir={into}", str(checkout))
    built = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 -- pip
    if built.returncode == 0:
        return ""
    lines = built.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {built.returncode}"


class _Form:
    """The questions of one template.

    Args:
        source: Folder of the template.
        into: Folder in which the project's folder must not exist yet; None: it may.
    """

    def __init__(self, source: Path, into: Path | None) -> None:
        self._name = source.name
        self._into = into
        self._raw = json.loads((source / "cookiecutter.json").read_text(encoding="utf-8"))
        self._names = [name for name in self._raw if not name.startswith("_")]

    def complete(self, answers: Mapping[str, str]) -> dict[str, str]:
        """Return the answers with defaults for the missing ones."""
        from cookiecutter.prompt import prompt_for_config  # noqa: PLC0415 -- see create()

        values = {**self._raw, **_as_text(answers)}
        complete = prompt_for_config({"cookiecutter": values}, no_input=True)
        return {name: str(complete[name]) for name in self._names}

    def problems(self, answers: Mapping[str, str]) -> list[str]:
        """Return what is wrong with answers."""
        unknown: list[str] = []
        wrong: list[str] = []
        names = ", ".join(self._names)
        for name, value in answers.items():
            if name not in self._names:
                unknown.append(f"template {self._name} asks for no {name!r}, only for {names}")
            elif reason := problem(name, value):
                wrong.append(reason)
        return unknown + wrong

    def ask_missing(
        self, answers: Mapping[str, str], ask: Callable[[Question], str]
    ) -> dict[str, str]:
        """Ask for the missing answers, in order, and return all of them."""
        values = dict(answers)
        for name in self._names:
            if name in values:
                continue
            # A default may be made from earlier answers, such as the folder from the name.
            default = self.complete(values)[name]
            values[name] = ask(self._question(name, default=default))
        return values

    def _question(self, name: str, *, default: str) -> Question:
        kind = QUESTIONS[name]
        return Question(
            name,
            f"{kind.text} ({kind.allowed})",
            default,
            lambda value: problem(name, value) or self._taken(name, value),
        )

    def _taken(self, name: str, value: str) -> str:
        """Return that the project's folder exists, "" if it does not, or for another answer."""
        if name != "project_slug" or self._into is None:
            return ""
        project = self._into / value
        if not project.exists():
            return ""
        return f"{project} already exists: choose another name, or pass --overwrite"


def _answered(
    form: _Form, answers: Mapping[str, str], ask: Callable[[Question], str] | None
) -> dict[str, str]:
    """Return all answers of a template, each of them allowed.

    Raises:
        PluginError: An answer is not allowed.
    """
    problems = form.problems(answers)
    if ask is None:
        # An allowed answer may lead to a default that is not, such as too long a name.
        values = form.complete(answers)
        derived = {name: value for name, value in values.items() if name not in answers}
        problems += form.problems(derived)
    if problems:
        raise PluginError("\n".join(problems))
    return form.complete(answers if ask is None else form.ask_missing(answers, ask))
