# SPDX-License-Identifier: MIT
"""Rules about what the code of Python functions uses: paces, stores, repeats, calls.

Each looks only at what :mod:`fc_async_plugin.project.code_uses` read; what is not written in the
code has no finding.

Invariants:

- An error here is one of the account only: on this machine an instance lives as long as its
  runtime, and no role is needed for what a program signs itself. It stops no local deployment.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from fc_async_plugin.check import permissions
from fc_async_plugin.check.rules import numbers
from fc_async_plugin.check.rules.environment import mounts
from fc_async_plugin.check.rules.rule import Found, rule
from fc_async_plugin.s_yaml.model import BLOCK, is_unresolved
from fc_async_sdk._payloads import claims
from fc_async_sdk.spec import limits, ram

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fc_async_plugin.check.rules.context import Context
    from fc_async_plugin.project.code_uses import PaceUse, StoreUse
    from fc_async_plugin.s_yaml.model import Resource
    from fc_async_plugin.s_yaml.problems import TemplateError

_KEYS: Final = "ALIBABA_CLOUD_ACCESS_KEY_ID"
"""A function with this variable signs with keys of its own, whatever its role is."""
_MEANING: Final = {
    "pace": "each instance has a pace of its own, so the rate is multiplied by the instances",
    "concurrency": "each instance has a limit of its own",
    "debounce": "each instance waits for itself",
    "records": "another instance does not find them, so a repeat runs again",
    "payloads": "another instance does not find them",
}
_KEPT: Final = {
    "pace": "the state of the pace",
    "concurrency": "the limit of concurrency",
    "debounce": "the state of the debouncing",
    "records": "the records of the idempotent handler",
    "payloads": "large payloads",
}
_SHARED: Final = "use a store that all instances share: RedisStore, SqlStore or TablestoreStore"
_SHARED_PAYLOADS: Final = "use OssStore, or a folder on a mounted file system (nasConfig)"


@rule("FCA055", "pace-cannot-be-kept", "warning")
def pace_cannot_be_kept(context: Context) -> Iterator[Found]:
    """Settings that a pace in the code cannot keep.

    Reads the module of a Python handler and those that it imports from the code folder; a rate that
    is not written there is not seen.
    """
    for resource, uses in context.uses:
        for error in uses.unread:
            yield _unread(resource, error)
        for pace in uses.paces:
            yield from _unkept(resource, pace)


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


def _unkept(resource: Resource, pace: PaceUse) -> Iterator[Found]:
    name = resource.function_name
    age = numbers.event_age(resource)
    if pace.hops and age is not None and age <= limits.DELAY_SECONDS.high:
        yield Found(
            f"messages of {name} that wait for their slots at {pace.rate} expire: each wait is up"
            f" to {limits.DELAY_SECONDS.high} s, and they live {age} s",
            resource.where(BLOCK, "maxAsyncEventAgeInSeconds"),
            f"raise maxAsyncEventAgeInSeconds to {limits.DELAY_SECONDS.high + 1} or more",
        )
    reserved = resource.at("concurrencyConfig", "reservedConcurrency")
    each = numbers.valid(resource.at("instanceConcurrency"), limits.INSTANCE_CONCURRENCY)
    timeout = numbers.timeout(resource)
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


@rule("FCA063", "message-cannot-be-sent-on", "error")
def message_cannot_be_sent_on(context: Context) -> Iterator[Found]:
    """A function that sends messages to itself, and has no role that allows it.

    A message of a paced handler waits by being sent again, and ``RetryLater`` sends it again, too.
    Without a role the service answers 403, and the attempt fails.
    """
    for resource, uses in context.uses:
        has_keys = bool(resource.props.get("role")) or _KEYS in resource.variables
        if uses.repeats and not has_keys:
            yield Found(
                f"{resource.function_name} sends messages to itself ({uses.repeats[0]}), and has no"
                " role: the service refuses them",
                resource.where("role"),
                "set role; fc-async policy prints what it must allow",
                account_only=True,
            )


@rule("FCA064", "message-may-be-sent-twice", "warning")
def message_may_be_sent_twice(context: Context) -> Iterator[Found]:
    """A function that sends messages to itself, without task mode.

    An attempt that is repeated sends its message again. In task mode both have one task id, and the
    service refuses the second one.
    """
    for resource, uses in context.uses:
        mode = resource.at(BLOCK, "asyncTask")
        is_known = not is_unresolved(mode) and not is_unresolved(resource.props.get(BLOCK))
        if uses.repeats and is_known and mode is not True:
            yield Found(
                f"{resource.function_name} sends messages to itself ({uses.repeats[0]}), and"
                " asyncTask is off: an attempt that is repeated sends its message twice",
                resource.where(BLOCK, "asyncTask"),
                "set asyncTask: true",
            )


@rule("FCA065", "store-ends-with-instance", "error")
def store_ends_with_instance(context: Context) -> Iterator[Found]:
    """A store that ends with the instance of a function.

    Each instance has memory and files of its own, and loses them when it ends. Only files on a
    mounted file system outlive it.
    """
    for resource, uses in context.uses:
        folders = mounts(resource)
        for store in uses.stores:
            if _ends_with_instance(store, folders):
                yield _ending(resource, store)


def _ends_with_instance(store: StoreUse, folders: list[PurePosixPath]) -> bool:
    if store.kind == "memory":
        return True
    if store.kind != "file" or not store.argument:
        return False
    path = PurePosixPath("/code", store.argument)
    return not any(path.is_relative_to(folder) for folder in folders)


def _ending(resource: Resource, store: StoreUse) -> Found:
    what = _KEPT[store.purpose]
    where = f"in {store.text}" if store.text else "in memory, because it names no store"
    return Found(
        f"{resource.function_name} keeps {what} {where} ({store.line}), which ends with the"
        f" instance: {_MEANING[store.purpose]}",
        resource.where("handler"),
        _SHARED_PAYLOADS if store.purpose == "payloads" else _SHARED,
        account_only=True,
    )


@rule("FCA066", "payloads-without-store", "error")
def payloads_without_store(context: Context) -> Iterator[Found]:
    """A function whose store of large payloads is chosen by a variable that it does not have.

    ``DefaultStore`` reads ``FCASYNC_PAYLOADS``. Without it small payloads work, and the first large
    one fails.
    """
    for resource, uses in context.uses:
        if claims.VARIABLE in resource.variables:
            continue
        for store in uses.stores:
            if store.kind == "environment":
                yield Found(
                    f"{resource.function_name} takes the store of large payloads from"
                    f" {claims.VARIABLE} ({store.line}), which it does not have: its first large"
                    " payload fails",
                    resource.where("environmentVariables"),
                    f"set {claims.VARIABLE} to oss://BUCKET or to a mounted folder, for the senders"
                    " too",
                    account_only=True,
                )


@rule("FCA067", "no-way-out", "warning")
def no_way_out(context: Context) -> Iterator[Found]:
    """A function without internet whose code calls functions over the public endpoint.

    The SDK chooses the public endpoint of the account. A function with ``internetAccess: false``
    does not reach it.
    """
    for resource, uses in context.uses:
        calls = [*uses.repeats, *(call.line for call in uses.calls)]
        if calls and resource.props.get("internetAccess") is False:
            yield Found(
                f"{resource.function_name} has no access to the internet, and calls functions over"
                f" the public endpoint ({calls[0]})",
                resource.where("internetAccess"),
                "set internetAccess: true, or give the VPC of the function a way to the endpoint",
            )


@rule("FCA068", "role-lacks-call", "error", needs="--roles")
def role_lacks_call(context: Context) -> Iterator[Found]:
    """A role that does not allow what the code of its function does.

    Known only when the roles were read in RAM. The service answers 403 to such a call.
    """
    for resource, uses in context.uses:
        role = str(resource.props.get("role") or "")
        granted = context.roles.get(role)
        if granted is None or _KEYS in resource.variables:
            continue
        for permission in permissions.of_code(resource, uses):
            if not ram.allows([granted], permission, if_conditions_hold=True):
                yield Found(
                    f"the code of {resource.function_name} takes {permission.action} on"
                    f" {permission.resource}, which role {role.rpartition('/')[2]} doesn't have",
                    resource.where("role"),
                    "attach what this prints to the role: fc-async policy",
                )
