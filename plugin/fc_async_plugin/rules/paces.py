# SPDX-License-Identifier: MIT
"""The rule about functions whose handler has a pace that their settings do not allow."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.rules.rule import Found, rule
from fc_async_plugin.template.code import DEFAULT_HANDLER, code_path
from fc_async_plugin.template.desired import BLOCK, is_function
from fc_async_sdk._pacing import gcra
from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.rules.context import Context
    from fc_async_plugin.template.model import Project, Resource

_MODULE: Final = "fc_async_sdk.pacing"
_RATE: Final = 1
"""Index of the argument ``rate`` of a pace."""


class _Pace(NamedTuple):
    """A pace as it is written in the code: the rate as text, and in messages a second."""

    rate: str
    per_second: float
    hops: bool


@rule("FCA055", "pace-cannot-be-kept", "warning", "Settings that a pace in the code cannot keep.")
def pace_cannot_be_kept(context: Context) -> Iterator[Found]:
    """Reads the module of a Python handler; a rate that is not written there is not seen."""
    for project in context.projects:
        for resource in filter(is_function, project.resources):
            for pace in _paces(project, resource):
                yield from _findings(resource, pace)


def _findings(resource: Resource, pace: _Pace) -> Iterator[Found]:
    name, props = resource.function_name, resource.props
    block = props.get(BLOCK)
    age = _number(block, "maxAsyncEventAgeInSeconds", limits.EVENT_AGE_SECONDS.default)
    if pace.hops and age is not None and age <= limits.DELAY_SECONDS.high:
        yield Found(
            f"messages of {name} that wait for their slots at {pace.rate} expire: each wait is up"
            f" to {limits.DELAY_SECONDS.high} s, and they live {age} s",
            resource.where(BLOCK, "maxAsyncEventAgeInSeconds"),
            f"raise maxAsyncEventAgeInSeconds to {limits.DELAY_SECONDS.high + 1} or more",
        )
    reserved = _number(props.get("concurrencyConfig"), "reservedConcurrency", None)
    each = _number(props, "instanceConcurrency", 1)
    timeout = _number(props, "timeout", limits.FUNCTION_TIMEOUT_SECONDS.default)
    if reserved is None or each is None or not timeout:
        return
    possible = reserved * each / timeout
    if possible < pace.per_second:
        yield Found(
            f"{name} cannot keep the pace {pace.rate} if its executions last {timeout} s, its"
            f" timeout: {reserved * each} at a time are {possible:.3g} a second",
            resource.where("concurrencyConfig", "reservedConcurrency"),
            "raise reservedConcurrency, or lower the timeout to what the function needs",
        )


def _number(block: object, key: str, unset: int | None) -> int | None:
    value: Any = block.get(key, unset) if isinstance(block, dict) else unset
    return value if type(value) is int else None


def _paces(project: Project, resource: Resource) -> list[_Pace]:
    """Return the paces in the module of a handler; none if it cannot be read."""
    folder = code_path(project, resource)
    module = str(resource.props.get("handler") or DEFAULT_HANDLER).rpartition(".")[0]
    if folder is None or not str(resource.props.get("runtime", "")).startswith("python"):
        return []
    try:
        text = (folder / f"{module}.py").read_text(encoding="utf-8")
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    except (OSError, ValueError, SyntaxError, RecursionError):
        return []
    return [pace for call in calls if _MODULE in text and (pace := _pace(call)) is not None]


def _pace(call: ast.Call) -> _Pace | None:
    """Return the pace that a call makes, if it is one with a rate that is written there."""
    if getattr(call.func, "id", getattr(call.func, "attr", "")) != "Pace":
        return None
    named = {one.arg: one.value for one in call.keywords}
    rate = named.get("rate") or (call.args[_RATE] if len(call.args) > _RATE else None)
    if not isinstance(rate, ast.Constant):
        return None
    try:
        interval = gcra.interval_of(rate.value)
    except InvalidParameter:
        return None
    hops = named.get("max_hops")
    unknown = hops is not None and not isinstance(hops, ast.Constant)
    waits = unknown or bool(isinstance(hops, ast.Constant) and hops.value)
    text = rate.value if isinstance(rate.value, str) else f"{rate.value!r}/s"
    return _Pace(text, gcra.SECOND / interval, waits)
