# SPDX-License-Identifier: MIT
"""Rules about what is lost silently or not served: failures, ages, sizes, paces, task mode."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fc_async_plugin.check.graph.build import source_node
from fc_async_plugin.check.rules.rule import RELATED, Found, Related, rule
from fc_async_plugin.check.rules.triggers import written_triggers
from fc_async_plugin.project.code import code_below, folder_of, handler_of
from fc_async_plugin.s_yaml.files import MAX_CODE_BYTES, read_text
from fc_async_plugin.s_yaml.model import BLOCK, is_unresolved
from fc_async_plugin.s_yaml.problems import TemplateError
from fc_async_sdk._pacing import gcra
from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.spec import limits, regions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_plugin.check.rules.context import Context
    from fc_async_plugin.s_yaml.model import Resource
    from fc_async_sdk.spec.graph import Node

_KIB: Final = 1024
_KEPT: Final = f"listed for {limits.TASK_RETENTION_SECONDS // 86_400} days and then dropped"


@rule("FCA050", "no-failure-destination", "warning")
def no_failure_destination(context: Context) -> Iterator[Found]:
    """Failed invocations are dropped silently.

    After its last retry an invocation without failure destination is gone.
    """
    for resource, block in context.blocks:
        config = block.get("destinationConfig")
        # What only s resolves may be a destination: a finding would be a guess.
        has_destination = is_unresolved(config)
        if isinstance(config, dict):
            has_destination = bool(config.get("onFailure"))
        if block and not has_destination:
            is_task = block.get("asyncTask") is True
            yield Found(
                f"{resource.function_name} has no failure destination: an invocation that fails"
                f" for good is {_KEPT if is_task else 'dropped'}",
                resource.where_key(BLOCK),
                "add destinationConfig.onFailure, such as a queue",
            )


@rule("FCA051", "empty-block", "warning")
def empty_block(context: Context) -> Iterator[Found]:
    """An empty block, which changes nothing.

    Nothing is sent for it by s, so what is configured in the account stays.
    """
    for resource, block in context.blocks:
        if not block:
            yield Found(
                f"{BLOCK} of {resource.function_name} is empty: s deploy leaves in place whatever"
                " the account has",
                resource.where_key(BLOCK),
                "write what you want, or leave the block out and run: fc-async deploy --prune",
            )


@rule("FCA052", "age-shorter-than-retries", "warning")
def age_shorter_than_retries(context: Context) -> Iterator[Found]:
    """Retries that cannot all take place.

    The age counts from the trigger; what is too old is dropped, retries left or not.
    """
    for resource, _ in context.blocks:
        age = _age(resource)
        retries = _number(resource.at(BLOCK, "maxAsyncRetryAttempts"), limits.RETRY_ATTEMPTS)
        timeout = _timeout(resource)
        # What is invalid has a finding of its own; a comparison would add a wrong one.
        if age is None or retries is None or timeout is None:
            continue
        longest = timeout * (retries + 1)
        if age < longest:
            yield Found(
                f"an invocation of {resource.function_name} may be dropped before its last retry:"
                f" it lives {age} s, and {retries + 1} executions of up to {timeout} s take"
                f" {longest} s without any waiting",
                resource.where(BLOCK, "maxAsyncEventAgeInSeconds"),
                f"raise maxAsyncEventAgeInSeconds to more than {longest}, or lower"
                " maxAsyncRetryAttempts or timeout",
            )


@rule("FCA053", "age-shorter-than-delay", "note")
def age_shorter_than_delay(context: Context) -> Iterator[Found]:
    """Long delays expire before they run.

    The age counts from the trigger, the time of a delay included.
    """
    for resource, _ in context.blocks:
        age = _age(resource)
        if age is not None and age <= limits.DELAY_SECONDS.high:
            yield Found(
                f"an invocation of {resource.function_name} with x-fc-async-delay of {age} s or"
                " more expires before it runs",
                resource.where(BLOCK, "maxAsyncEventAgeInSeconds"),
                "keep delays below, or raise the age",
            )


def _age(resource: Resource) -> int | None:
    return _number(resource.at(BLOCK, "maxAsyncEventAgeInSeconds"), limits.EVENT_AGE_SECONDS)


def _timeout(resource: Resource) -> int | None:
    return _number(resource.at("timeout"), limits.FUNCTION_TIMEOUT_SECONDS)


def _number(value: Any, allowed: limits.Range) -> int | None:
    """Return a valid value, the service's default if it is not set, None if it is invalid."""
    if value is None:
        return allowed.default
    return value if value in allowed else None


@rule("FCA054", "payload-limit", "note")
def payload_limit(context: Context) -> Iterator[Found]:
    """Events that may be larger than the destination takes.

    An event holds the request and the response; what is too large is refused, not retried.
    """
    small = [
        (link, name)
        for link, name in context.destinations()
        if name.payload_limit < limits.ASYNC_PAYLOAD_BYTES
    ]
    if not small:
        return
    link, name = small[0]
    yield Found(
        f"{name.kind} takes events of up to {name.payload_limit // _KIB} KB, a request alone may"
        f" have {limits.ASYNC_PAYLOAD_BYTES // _KIB} KB: larger events are refused and not retried",
        link.where(),
        "send large payloads through a store (large=store), or use a RocketMQ topic (4 MB)",
        tuple(Related(other.where(), "here too") for other, _ in small[1:RELATED]),
    )


_MODULE: Final = "fc_async_sdk.pacing"
_RATE: Final = 1
"""Index of the argument ``rate`` of a pace."""


class _Pace(NamedTuple):
    """A pace as it is written in the code: the rate as text, and in messages a second."""

    rate: str
    per_second: float
    hops: bool


@rule("FCA055", "pace-cannot-be-kept", "warning")
def pace_cannot_be_kept(context: Context) -> Iterator[Found]:
    """Settings that a pace in the code cannot keep.

    Reads the module of a Python handler; a rate that is not written there is not seen.
    """
    for project in context.projects:
        folder = folder_of(project)
        # Many functions may share one module: it is parsed once.
        modules: dict[Path, list[_Pace]] = {}
        for resource in project.functions:
            module = _module(folder, resource)
            if module is None:
                continue
            try:
                if module not in modules:
                    modules[module] = _paces(module)
            except TemplateError as error:
                yield _unread(resource, error)
                continue
            for pace in modules[module]:
                yield from _findings(resource, pace)


def _unread(resource: Resource, error: TemplateError) -> Found:
    """Return the note on a module that is not read."""
    problem = error.problems[0]
    return Found(
        f"the paces of {resource.function_name} are not checked: {problem.position.file} is "
        f"{problem.message}",
        resource.where("handler"),
        problem.fix,
        severity="note",
    )


def _findings(resource: Resource, pace: _Pace) -> Iterator[Found]:
    name = resource.function_name
    age = _age(resource)
    if pace.hops and age is not None and age <= limits.DELAY_SECONDS.high:
        yield Found(
            f"messages of {name} that wait for their slots at {pace.rate} expire: each wait is up"
            f" to {limits.DELAY_SECONDS.high} s, and they live {age} s",
            resource.where(BLOCK, "maxAsyncEventAgeInSeconds"),
            f"raise maxAsyncEventAgeInSeconds to {limits.DELAY_SECONDS.high + 1} or more",
        )
    reserved = resource.at("concurrencyConfig", "reservedConcurrency")
    each = _number(resource.at("instanceConcurrency"), limits.INSTANCE_CONCURRENCY)
    timeout = _timeout(resource)
    if type(reserved) is not int or each is None or timeout is None:
        return
    possible = reserved * each / timeout
    if possible < pace.per_second:
        yield Found(
            f"{name} cannot keep the pace {pace.rate} if its executions last {timeout} s, its"
            f" timeout: {reserved * each} at a time are {possible:.3g} a second",
            resource.where("concurrencyConfig", "reservedConcurrency"),
            "raise reservedConcurrency, or lower the timeout to what the function needs",
        )


def _module(folder: Path, resource: Resource) -> Path | None:
    """Return the file of a Python handler; None if the function is not in Python.

    Args:
        folder: That of the template.
        resource: A function.
    """
    if not resource.runtime.startswith("python"):
        return None
    code = code_below(folder, resource)
    module = handler_of(resource).rpartition(".")[0]
    return None if code is None else code / f"{module}.py"


def _paces(module: Path) -> list[_Pace]:
    """Return the paces in a file; none if it cannot be read.

    Raises:
        TemplateError: The file is too large.
    """
    try:
        text = read_text(module, MAX_CODE_BYTES)
        if _MODULE not in text:
            return []
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    except TemplateError as error:
        if error.problems[0].kind == "limit":
            raise
        return []
    except (ValueError, SyntaxError, RecursionError):
        return []
    paces = map(_pace, calls)
    return [pace for pace in paces if pace is not None]


def _pace(call: ast.Call) -> _Pace | None:
    """Return the pace that a call makes, if it is one with a rate that is written there."""
    if getattr(call.func, "id", getattr(call.func, "attr", "")) != "Pace":
        return None
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    rate = named.get("rate") or (call.args[_RATE] if len(call.args) > _RATE else None)
    if not isinstance(rate, ast.Constant):
        return None
    try:
        interval = gcra.interval_of(rate.value)
    except InvalidParameter:
        return None
    hops = named.get("max_hops")
    waits = bool(hops.value) if isinstance(hops, ast.Constant) else hops is not None
    text = rate.value if isinstance(rate.value, str) else f"{rate.value!r}/s"
    return _Pace(text, gcra.SECOND / interval, waits)


@rule("FCA077", "task-mode-region", "warning")
def task_mode_region(context: Context) -> Iterator[Found]:
    """Task mode in a region that may not offer it.

    The list of regions is dated; the service adds regions.
    """
    for resource, block in context.blocks:
        region = resource.region
        unknown = not region or is_unresolved(region) or region not in regions.ALL  # see FCA016
        fine = unknown or region in regions.TASK_MODE
        if block.get("asyncTask") is True and not fine:
            yield Found(
                f"task mode of {resource.function_name}: {region} is not among the regions that"
                f" offer it, as of {regions.TASK_MODE_AS_OF}",
                resource.where(BLOCK, "asyncTask"),
                "try it there before you rely on it, or choose another region",
            )


@rule("FCA078", "task-mode-load", "note")
def task_mode_load(context: Context) -> Iterator[Found]:
    """Task mode has a cost at high rates and low latencies.

    It is not meant for thousands of calls per second or latencies below 100 ms.

    A function that only timers invoke has neither.
    """
    kinds: dict[Node, set[str]] = {}
    for trigger in written_triggers(context):
        kinds.setdefault(trigger.target._replace(qualifier=""), set()).add(trigger.kind)
    in_task_mode = []
    for resource, block in context.blocks:
        # By node, not by name: a timer of a function in another region is not one of this.
        node = source_node(resource)._replace(qualifier="")
        if block.get("asyncTask") is True and kinds.get(node) != {"timer"}:
            in_task_mode.append(resource)
    if not in_task_mode:
        return
    first, *later = in_task_mode
    positions = [other.where(BLOCK, "asyncTask") for other in later[:RELATED]]
    yield Found(
        f"task mode of {first.function_name} records every step: it is not meant for thousands"
        " of calls per second or latencies below 100 ms",
        first.where(BLOCK, "asyncTask"),
        "leave asyncTask out where nothing reads the tasks",
        tuple(Related(position, "here too") for position in positions),
    )
