# SPDX-License-Identifier: MIT
"""Formats a plan as text and as plain data. Pure.

Invariants:

- Each line of the text has a mark (``+``, ``~``, ``-``), so that a log without colours shows what
  is added and removed.
- Values of environment variables are not shown, because they may be secrets.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from fc_async_plugin.deploy.plan.kinds import KINDS
from fc_async_plugin.deploy.plan.model import CreateFunction, Delete, Put, Step, UpdateFunction
from fc_async_plugin.deploy.plan.secrets import HIDDEN, hidden

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fc_async_plugin.deploy.plan import Plan

_ACTIONS: Final = {"+": "create", "~": "update", "-": "delete"}
_NOTHING: Final = "(not set)"
_VARIABLE: Final = "environmentVariables."


class Change(NamedTuple):
    """A change of one field, without secret values; None is "not set"."""

    name: str
    before: Any
    after: Any


def changes(step: Step) -> list[Change]:
    """Return the fields that a step sets, changes or removes, without those that stay."""
    match step:
        case Put() | Delete():
            shown = KINDS[step.of].shown
            before = shown(step.before) if step.before else {}
            after = shown(step.after) if isinstance(step, Put) else {}
            return _fields(before, after)
        case CreateFunction():
            return [*_fields({}, _settings(step.after)), Change("code", None, _code(step))]
        case UpdateFunction():
            changed = _fields(_settings(step.before), _settings(step.after))
            if step.code:
                changed.append(Change("code", _checksum(step.code_before), _code(step)))
            return changed
    return []


def _fields(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    # Values are compared first and hidden then: two different secrets look the same.
    names = dict.fromkeys([*before, *after])
    return [
        Change(name, _shown(name, before.get(name)), _shown(name, after.get(name)))
        for name in names
        if before.get(name) != after.get(name)
    ]


def _settings(settings: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in sorted(settings.items()):
        if name != "environmentVariables":
            shown[name] = value
            continue
        for variable, text in sorted((value or {}).items()):
            shown[f"{_VARIABLE}{variable}"] = text
    return shown


def _shown(name: str, value: Any) -> Any:
    """Return the value of a field with :data:`HIDDEN` in place of secrets."""
    if name.startswith(_VARIABLE) and value is not None:
        return HIDDEN
    return hidden(value)


def _code(step: CreateFunction | UpdateFunction) -> str:
    code = step.code
    if code is None or (code.path is None and code.bucket is None):
        return "from the image"
    if code.path is None:
        return f"oss://{code.bucket}/{code.object_name}"
    return f"{code.path} ({_checksum(code.checksum)})"


def _checksum(checksum: str | None) -> str | None:
    return f"checksum {checksum}" if checksum else None


# --- text --------------------------------------------------------------------------------------


def lines(plan: Plan, holder: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of a plan: a mark (``+``, ``~``, ``-`` or ``""``) and a text.

    Args:
        plan: The plan.
        holder: What has the functions, in words: ``the account``.
    """
    for step in plan.steps:
        yield step.sign, f"  {step.title}"
        yield from _change_lines(step)
    if plan.leftovers:
        if plan.steps:
            yield "", ""
        yield "", f"In {holder} and not in the template; they stay unless --prune is given:"
        for leftover in plan.leftovers:
            yield "", f"  {leftover.title}"
    if plan.omitted and (plan.steps or plan.leftovers):
        yield "", ""
    for sentence in plan.omitted:
        yield "", sentence


def nothing_to_do(plan: Plan, holder: str) -> str:
    """Return what an empty plan means, for what it covers and nothing else.

    Args:
        plan: The plan.
        holder: What has the functions, in words: ``the account``.
    """
    # Before "nothing to do": without the function there was nothing to compare.
    if plan.absent:
        names = ", ".join(map(str, plan.absent))
        return (
            f"Nothing was changed: {holder} does not have {names}; deploy with s deploy, or add "
            "--with-functions."
        )
    subject = "what the template says"
    if not plan.functions:
        subject = "the asynchronous configuration of the template"
    part = "the rest of " if plan.omitted else ""
    unread = ""
    if plan.unread:
        names = ", ".join(plan.unread)
        unread = f"\nNot looked for: {names}; --create-missing looks, and makes what is missing."
    return f"Nothing to do: {holder} has {part}{subject}.{unread}"


def _change_lines(step: Step) -> Iterator[tuple[str, str]]:
    fields = changes(step)
    width = max((len(change.name) for change in fields), default=0)
    for change in fields:
        mark, text = _change_text(change)
        yield mark, f"      {mark} {change.name:<{width}}  {text}"


def _change_text(change: Change) -> tuple[str, str]:
    if change.before is None:
        return "+", show(change.after)
    if change.after is None:
        return "-", f"{show(change.before)} -> {_NOTHING}"
    return "~", f"{show(change.before)} -> {show(change.after)}"


def show(value: Any) -> str:
    """Return a value as a template has it."""
    if isinstance(value, str):
        return value or '""'
    return msgspec.json.encode(value).decode()


def summary(steps: Sequence[Step]) -> str:
    """Return a summary such as ``2 to create, 1 to update, 0 to delete``."""
    counts: Counter[str] = Counter(step.sign for step in steps)
    return ", ".join(f"{counts[sign]} to {action}" for sign, action in _ACTIONS.items())


# --- data --------------------------------------------------------------------------------------


def as_data(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain data for JSON."""
    return {
        "changes": plan.changes,
        "steps": [step_data(step) for step in plan.steps],
        "leftovers": [step_data(step) for step in plan.leftovers],
        "omitted": plan.omitted,
        "absent": [address.function for address in plan.absent],
        "obstacles": [
            {**obstacle.position._asdict(), "message": obstacle.message}
            for obstacle in plan.obstacles
        ],
    }


def step_data(step: Step) -> dict[str, Any]:
    """Return one step as plain data for JSON."""
    fields = changes(step)
    return {
        "action": _ACTIONS[step.sign],
        "kind": step.kind,
        "region": step.region,
        "function": step.function,
        "qualifier": step.qualifier_shown.lstrip("/") or None,
        "before": _without_none({change.name: change.before for change in fields}),
        "after": _without_none({change.name: change.after for change in fields}),
    }


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
