# SPDX-License-Identifier: MIT
"""Rules about form: whether a template can be read, and keys, types and ranges of the block.

:mod:`..rules.context` finds the violations of the block; these rules say where they are and what
to do. Two checks are made here: a key of props that resembles ``asyncInvokeConfig``, and
configuration of FC 2.0.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

from fc_async_plugin.check.rules.rule import Found, rule
from fc_async_plugin.s_yaml.model import BLOCK, is_of_fc2
from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from fc_async_plugin.check.rules.context import Context
    from fc_async_plugin.check.rules.rule import Severity
    from fc_async_plugin.s_yaml.model import Resource
    from fc_async_plugin.s_yaml.problems import Path
    from fc_async_sdk.spec.async_config import Violation


_READING: Final = frozenset({"file", "outside", "syntax", "limit", "structure"})


@rule("FCA001", "unreadable-template", "error")
def unreadable(context: Context) -> Iterator[Found]:
    """The template cannot be read.

    Files, YAML and the structure down to props.
    """
    return _problems(context, _READING)


@rule("FCA002", "unresolved-variable", "error")
def unresolved(context: Context) -> Iterator[Found]:
    """A ${…} cannot be resolved.

    Names that do not exist, cycles of variables, and JavaScript.
    """
    yield from _problems(context, {"variable"})
    # The other rules go on: a pull request has no secrets, and need not have them to be checked.
    yield from _problems(context, {"unset"}, "note")


@rule("FCA003", "s-answers-differently", "warning")
def differs(context: Context) -> Iterator[Found]:
    """s reads this in another way.

    Places where s loses or ignores what is written.
    """
    return _problems(context, {"compatibility"})


def _problems(
    context: Context, kinds: Collection[str], severity: Severity | None = None
) -> Iterator[Found]:
    for problem in context.problems:
        if problem.kind in kinds:
            yield Found(problem.message, problem.position, problem.fix, severity=severity)


FC3_AGE_SECONDS: Final = 2_592_000
"""fc3 0.1.22, schema.json: the age up to which ``s verify`` says nothing."""

_FC2_COMPONENTS: Final = frozenset({"fc", "devsapp/fc"})
_FC2_BLOCK: Final = "asyncConfiguration"


@rule("FCA010", "unknown-key", "error")
def unknown_keys(context: Context) -> Iterator[Found]:
    """A key that means nothing here, most likely a typo.

    fc3 and s verify let unknown keys pass, and the setting never takes effect.
    """
    # Distinct keys of all functions at once: to compare each key of each function was a good part
    # of the time of all rules over 10,000 functions.
    keys: set[str] = set()
    for resource in context.functions:
        keys.update(resource.props)
    alike = like_block(keys)
    if alike:
        for resource in context.functions:
            for key in resource.props:
                if key in alike:
                    yield unknown_key(resource, (), key, (BLOCK,))
    for resource, violation in context.violations("FCA010"):
        path = (BLOCK, *violation.path)
        yield unknown_key(resource, path[:-1], path[-1], violation.names)


def like_block(keys: Collection[str]) -> set[str]:
    """Return the keys of props that resemble ``asyncInvokeConfig``; FCA016 has all other ones."""
    unknown = [key for key in keys if key != BLOCK]
    return set(difflib.get_close_matches(BLOCK, unknown, len(unknown) + 1, 0.8))


def unknown_key(
    resource: Resource,
    path: Path,
    key: str,
    known_keys: Collection[str],
    otherwise: str = "",
    severity: Severity | None = None,
) -> Found:
    """Return what to say about an unknown key; ``otherwise`` is the fix if no known one is near."""
    near = nearest(key, known_keys)
    owner = ".".join(map(str, path)) or "props"
    return Found(
        f"unknown key {shorten(key)} in {owner}",
        resource.where_key(*path, key),
        f"did you mean {near}?" if near else otherwise or f"known here: {', '.join(known_keys)}",
        severity=severity,
        ignored=True,
    )


def nearest(key: str, known_keys: Collection[str], likeness: float = 0.6) -> str | None:
    """Return the known key that was probably meant; letter case and underscores are ignored."""
    plain = {name.lower(): name for name in known_keys}
    near = difflib.get_close_matches(key.lower().replace("_", "")[:100], plain, 1, likeness)
    return plain[near[0]] if near else None


@rule("FCA011", "wrong-type", "error")
def types(context: Context) -> Iterator[Found]:
    """A value of a type that the service doesn't take.

    Whole numbers, booleans, strings and mappings; quoted numbers are strings.
    """
    for resource, violation in context.violations("FCA011"):
        yield _refused(resource, violation, type_fix(violation.value, violation.expected))


def _refused(resource: Resource, violation: Violation, fix: str) -> Found:
    return Found(violation.message, resource.where(BLOCK, *violation.path), fix)


def type_fix(value: object, expected: str) -> str:
    """Return what to do about a value of a wrong type."""
    if isinstance(value, str) and "number" in expected and value.strip().isdecimal():
        return f"leave out the quotes: {int(value.strip()[:20])}"
    if isinstance(value, str) and expected == "true or false":
        return "YAML 1.2 has true and false only, and no quotes around them"
    if isinstance(value, str) and "destination" in expected:
        return f"write the ARN under destination: {{destination: {shorten(value)}}}"
    return f"write {expected}"


@rule("FCA012", "retry-attempts-out-of-range", "error")
def retries(context: Context) -> Iterator[Found]:
    """maxAsyncRetryAttempts is outside of what the service takes.

    The range is 0 to 8; 0 means no retry.
    """
    for resource, violation in context.violations("FCA012"):
        yield _refused(resource, violation, _range_fix(violation.value, limits.RETRY_ATTEMPTS))


def _range_fix(value: object, allowed: limits.Range) -> str:
    nearest = allowed.low if isinstance(value, int) and value < allowed.low else allowed.high
    return f"write {nearest}, or leave it out for {allowed.default}"


@rule("FCA013", "event-age-out-of-range", "error")
def ages(context: Context) -> Iterator[Found]:
    """maxAsyncEventAgeInSeconds is outside of what the service takes.

    The range is 1 to 604800; s verify says nothing up to 2592000.
    """
    verified = range(limits.EVENT_AGE_SECONDS.high + 1, FC3_AGE_SECONDS + 1)
    for resource, violation in context.violations("FCA013"):
        if violation.value in verified and is_of_fc2(resource):
            continue  # FC 2.0 takes it
        note = f"; s verify accepts up to {FC3_AGE_SECONDS}" if violation.value in verified else ""
        yield Found(
            violation.message + note,
            resource.where(BLOCK, *violation.path),
            _range_fix(violation.value, limits.EVENT_AGE_SECONDS),
        )


@rule("FCA014", "invalid-qualifier", "error")
def qualifiers(context: Context) -> Iterator[Found]:
    """A qualifier that is neither a version nor an alias name.

    LATEST, the number of a version, or the name of an alias.
    """
    for resource, violation in context.violations("FCA014"):
        fix = "an alias name has letters, digits, _ and -, and begins with a letter or _"
        yield _refused(resource, violation, fix)


@rule("FCA015", "fc2-configuration", "error")
def fc2(context: Context) -> Iterator[Found]:
    """A block of FC 2.0, which FC 3.0 ignores.

    A template of FC 2.0, its component, ``asyncConfiguration`` in props or ``function``.
    """
    for problem in context.problems:
        if problem.kind == "edition":
            # A template of FC 2.0 that could be read is checked, so this is only a hint.
            severity: Severity = "error" if problem in context.unread else "warning"
            yield Found(problem.message, problem.position, problem.fix, severity=severity)
    for resource in context.resources:
        if resource.component.split("@")[0] in _FC2_COMPONENTS:
            yield Found(
                f"component {resource.component} deploys to FC 2.0: its asynchronous configuration"
                " is not checked",
                resource.position,
                "write component: fc3, and props as FC 3.0 has them",
                severity="warning",
            )
    for resource in context.functions:
        path = fc2_block(resource)
        if path:
            yield Found(
                f"{'.'.join(path)} is FC 2.0; FC 3.0 ignores it, so nothing is configured",
                resource.where_key(*path),
                f"write {BLOCK} under props: statefulInvocation becomes asyncTask,"
                " destination.onSuccess becomes destinationConfig.onSuccess.destination",
            )


def fc2_block(resource: Resource) -> tuple[str, ...]:
    """Return where props of a function have a block of FC 2.0; empty if they have none."""
    if resource.at("function", _FC2_BLOCK) is not None:
        return ("function", _FC2_BLOCK)
    if _FC2_BLOCK in resource.props:
        return (_FC2_BLOCK,)
    return ()
