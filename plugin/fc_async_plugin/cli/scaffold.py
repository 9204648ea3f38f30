# SPDX-License-Identifier: MIT
"""The project templates that are shipped, and how one of them becomes a project.

Rendering is cookiecutter's work. Every answer is checked by the ``_rules`` of the template before
anything is written: when it is given, and when it is typed. A template from elsewhere is left to
cookiecutter as it is; its hooks are foreign code, so it takes an explicit address.
"""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_NUMBER: Final = re.compile("0|[1-9][0-9]{0,9}")


def folder() -> Path:
    """Where the shipped templates are: inside the wheel, or beside the sources."""
    installed = Path(__file__).parents[1] / "_templates"
    return installed if installed.is_dir() else Path(__file__).parents[3] / "templates"


def names() -> list[str]:
    """The shipped templates."""
    return sorted(path.parent.name for path in folder().glob("*/cookiecutter.json"))


class Question(NamedTuple):
    """What a template asks.

    Attributes:
        name: Name of the answer.
        text: The question, with what is allowed.
        default: The answer when none is typed.
        check: Returns what is wrong with an answer, "" if nothing is.
    """

    name: str
    text: str
    default: str
    check: Callable[[str], str]


def create(
    template: str,
    into: Path,
    answers: Mapping[str, str],
    *,
    ask: Callable[[Question], str] | None,
    overwrite: bool = False,
) -> Path:
    """Make a project.

    Args:
        template: A shipped template's name, or a folder or address that cookiecutter takes.
        into: The folder in which the project's folder is made.
        answers: Answers that are known already.
        ask: Asks for one of the others and returns an answer that passes its check; None: defaults
            are used.
        overwrite: Write into a folder that is there already.

    Returns:
        The project's folder.

    Raises:
        PluginError: No such template, an answer that is not allowed, or the project cannot be made.
    """
    from cookiecutter.exceptions import (
        CookiecutterException,
        OutputDirExistsException,
    )
    from cookiecutter.main import cookiecutter

    # Its log repeats what it raises, stack trace included.
    logging.getLogger("cookiecutter").addHandler(logging.NullHandler())
    source = folder() / template
    shipped = source.is_dir()
    if not shipped and not ("/" in template or ":" in template):
        raise PluginError(f"there is no template {template!r}: choose from {', '.join(names())}")
    try:
        if shipped:
            answers = _answered(source, answers, ask)
        made = cookiecutter(
            str(source) if shipped else template,
            no_input=shipped or ask is None,
            extra_context=dict(answers),
            output_dir=str(into),
            overwrite_if_exists=overwrite,
            default_config=True,
        )
    except OutputDirExistsException as error:
        reason = str(error).removeprefix("Error: ")
        raise PluginError(
            f"{reason}: choose another project_slug or --directory, or pass --overwrite"
        ) from error
    except CookiecutterException as error:
        raise PluginError(f"the project can't be made: {error}") from error
    return Path(made)


def _answered(
    source: Path, given: Mapping[str, str], ask: Callable[[Question], str] | None
) -> dict[str, str]:
    """All answers of a template, each of them allowed."""
    from cookiecutter.prompt import prompt_for_config

    raw = json.loads((source / "cookiecutter.json").read_text(encoding="utf-8"))
    prompts, rules = raw["__prompts__"], raw["_rules"]
    names = [name for name in raw if not name.startswith("_")]

    def filled(answers: Mapping[str, str]) -> dict[str, str]:
        """The answers, completed by the defaults that follow from them."""
        known = prompt_for_config({"cookiecutter": {**raw, **answers}}, no_input=True)
        return {name: str(known[name]) for name in names}

    def check(name: str) -> Callable[[str], str]:
        return lambda value: _wrong(name, value, rules.get(name))

    problems = [
        f"template {source.name} asks for no {name!r}, only for {', '.join(names)}"
        for name in given
        if name not in names
    ]
    problems += filter(None, (check(name)(value) for name, value in given.items()))
    answers = dict(given)
    if ask is None:
        derived = {name: value for name, value in filled(given).items() if name not in given}
        problems += filter(None, (check(name)(value) for name, value in derived.items()))
    if problems:
        raise PluginError("\n".join(problems))
    if ask is not None:
        for name in names:
            if name in answers:
                continue
            allowed = f" ({rules[name]['allowed']})" if name in rules else ""
            default = filled(answers)[name]
            answers[name] = ask(Question(name, f"{prompts[name]}{allowed}", default, check(name)))
    return filled(answers)


def _wrong(name: str, value: str, rule: Mapping[str, Any] | None) -> str:
    """What is wrong with an answer, "" if nothing is."""
    if rule is None:
        return ""
    if "pattern" in rule:
        allowed = re.fullmatch(rule["pattern"], value) is not None
    else:
        low, high = rule["range"]
        allowed = _NUMBER.fullmatch(value) is not None and low <= int(value) <= high
    return "" if allowed else f"{name} must be {rule['allowed']}, got {value!r}"
