# SPDX-License-Identifier: MIT
"""CreateFunction, UpdateFunction, GetFunction, ListFunctions, DeleteFunction, GetFunctionCode."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypedDict

import msgspec

from fc_async_sdk.errors import InvalidParameter
from fc_async_sdk.models import (
    Code,
    CustomRuntimeConfig,
    Function,
    FunctionCode,
    FunctionPage,
    InstanceLifecycleConfig,
)
from fc_async_sdk.operations import checks
from fc_async_sdk.operations.call import (
    JSON,
    Call,
    create_call,
    delete_call,
    get_call,
    of_function,
    page,
    path,
    put_call,
    qualified,
    read_nothing,
)
from fc_async_sdk.spec import function_settings, limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Unpack

    from fc_async_sdk.models import CodeSource


class FunctionOptions(TypedDict, total=False):
    """Settings for the creation or the update of a function.

    Numbers, texts and variables are checked before anything is sent
    (:mod:`fc_async_sdk.spec.function_settings`): ``timeout`` 1-86400 seconds, ``memory_size``
    128-32768 MB in steps of 64, ``cpu`` 0.05-16 vCPU, ``disk_size`` 512 or 10240 MB,
    ``instance_concurrency`` 1-200. The service checks mappings and lists. Parts that have no class
    here are given as the service spells them.
    """

    description: str
    cpu: float
    memory_size: int
    disk_size: int
    timeout: int
    environment_variables: Mapping[str, str]
    instance_concurrency: int
    role: str
    internet_access: bool
    layers: Sequence[str]
    custom_runtime_config: CustomRuntimeConfig | Mapping[str, Any]
    instance_lifecycle_config: InstanceLifecycleConfig | Mapping[str, Any]
    custom_container_config: Mapping[str, Any]
    log_config: Mapping[str, Any]
    vpc_config: Mapping[str, Any]
    nas_config: Mapping[str, Any]
    oss_mount_config: Mapping[str, Any]
    tracing_config: Mapping[str, Any]
    gpu_config: Mapping[str, Any]
    custom_dns: Mapping[str, Any]
    disable_ondemand: bool
    idle_timeout: int
    session_affinity: str
    instance_isolation_mode: str


_OPTIONS: Final = frozenset(FunctionOptions.__annotations__)
_WIRE_NAMES: Final = {"custom_dns": "customDNS"}


def create_function(
    function: str,
    *,
    runtime: str,
    handler: str = "index.handler",
    code: CodeSource | None = None,
    tags: Sequence[Mapping[str, str]] | None = None,
    extra: Mapping[str, Any] | None = None,
    **options: Unpack[FunctionOptions],
) -> Call[Function]:
    """Create a function.

    Args:
        function: Its name: a letter or ``_``, then letters, digits, ``_`` and ``-``, at most 128
            characters (API), or ``service$function`` of FC 2.0.
        runtime: Such as ``python3.10``, ``python3.12`` or ``custom.debian12``.
        handler: ``module.function`` for the Python runtimes.
        code: A zip as bytes, or a :class:`~fc_async_sdk.models.Code`. The methods of clients also
            take the path of a folder or of a zip file.
        tags: Such as ``[{"Key": "team", "Value": "data"}]``.
        extra: Further fields, spelled as the service spells them; they win.
        **options: See :class:`FunctionOptions`.

    Raises:
        InvalidParameter: An argument is wrong; nothing was sent.
        FunctionAlreadyExists: There is one of this name.
        OutcomeUnknown: It was sent and no answer came.
    """
    document: dict[str, Any] = {
        "functionName": checks.new_name("function", function, limits.FUNCTION_NAME_PATTERN),
        "runtime": checks.segment("runtime", runtime),
        "handler": checks.segment("handler", handler),
        **_document(options),
    }
    if code is not None:
        document["code"] = _code(code)
    if tags is not None:
        document["tags"] = checks.tags(tags)
    document |= checks.fields("extra", extra)
    return create_call("CreateFunction", path("functions"), Function, document)


def update_function(
    function: str,
    *,
    runtime: str | None = None,
    handler: str | None = None,
    code: CodeSource | None = None,
    extra: Mapping[str, Any] | None = None,
    **options: Unpack[FunctionOptions],
) -> Call[Function]:
    """Change a function; what isn't given stays.

    Args:
        function: Name of the function.
        runtime: As in :func:`create_function`.
        handler: As in :func:`create_function`.
        code: As in :func:`create_function`.
        extra: Further fields, spelled as the service spells them; they win.
        **options: See :class:`FunctionOptions`.

    Raises:
        InvalidParameter: An argument is wrong; nothing was sent.
        FunctionNotFound: No such function.
    """
    document = _document(options)
    if runtime is not None:
        document["runtime"] = checks.segment("runtime", runtime)
    if handler is not None:
        document["handler"] = checks.segment("handler", handler)
    if code is not None:
        document["code"] = _code(code)
    document |= checks.fields("extra", extra)
    return put_call("UpdateFunction", of_function(function), Function, document)


def get_function(function: str, *, qualifier: str | None = None) -> Call[Function]:
    """Read a function.

    Args:
        function: Name of the function.
        qualifier: Version or alias; None is LATEST.

    Raises:
        FunctionNotFound: No such function.
    """
    return get_call("GetFunction", of_function(function), Function, qualified(qualifier))


def get_function_code(function: str, *, qualifier: str | None = None) -> Call[FunctionCode]:
    """Get an address from which a function's code can be downloaded for a while.

    Args:
        function: Name of the function.
        qualifier: Version or alias; None is LATEST.

    Raises:
        FunctionNotFound: No such function.
    """
    return get_call(
        "GetFunctionCode", of_function(function, "code"), FunctionCode, qualified(qualifier)
    )


def list_functions(
    *,
    prefix: str | None = None,
    runtime: str | None = None,
    tags: Sequence[Mapping[str, str]] | None = None,
    limit: int | None = None,
    next_token: str | None = None,
) -> Call[FunctionPage]:
    """List functions, one page.

    Args:
        prefix: Only those whose name begins with this.
        runtime: Only those of this runtime.
        tags: Only those with these tags, such as ``[{"Key": "team", "Value": "data"}]``.
        limit: Functions per page, 1-100 (API); 20 when None.
        next_token: Where the page before ended.
    """
    return get_call(
        "ListFunctions",
        path("functions"),
        FunctionPage,
        page(
            limit,
            next_token,
            prefix=prefix,
            runtime=runtime,
            tags=msgspec.json.encode(checks.tags(tags)).decode() if tags else None,
        ),
    )


def delete_function(function: str) -> Call[None]:
    """Delete a function.

    Args:
        function: Name of the function.

    Raises:
        FunctionNotFound: No such function.
    """
    return delete_call("DeleteFunction", of_function(function))


def disable_function_invocation(
    function: str, *, reason: str | None = None, abort_ongoing_request: bool | None = None
) -> Call[None]:
    """Refuse all calls of a function until it is enabled again.

    Args:
        function: Name of the function.
        reason: Shown with the function.
        abort_ongoing_request: True to end what is running, too.

    Raises:
        FunctionNotFound: No such function.
    """
    fields = {
        "reason": checks.some_text("reason", reason),
        "abortOngoingRequest": checks.flag("abort_ongoing_request", abort_ongoing_request),
    }
    return Call(
        operation="DisableFunctionInvocation",
        method="POST",
        path=of_function(function, "invoke", "disable"),
        headers={"content-type": JSON},
        body=msgspec.json.encode({name: v for name, v in fields.items() if v is not None}),
        read=read_nothing,
    )


def enable_function_invocation(function: str) -> Call[None]:
    """Allow calls of a function again.

    Args:
        function: Name of the function.

    Raises:
        FunctionNotFound: No such function.
    """
    return Call(
        operation="EnableFunctionInvocation",
        method="POST",
        path=of_function(function, "invoke", "enable"),
        read=read_nothing,
    )


def _document(options: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise InvalidParameter(
            unknown[0],
            options[unknown[0]],
            "is not an option of a function; use extra= to pass it on",
        )
    checks.text_map("environment_variables", options.get("environment_variables"))
    for name, value in options.items():
        _check(name, value, has_gpu=options.get("gpu_config") is not None)
    return {wire_name(name): value for name, value in options.items() if value is not None}


def _check(name: str, value: object, *, has_gpu: bool) -> None:
    """Refuse what the service refuses; parts, which may be structs, are the service's to check."""
    row = function_settings.SETTINGS[wire_name(name)]
    if row.kind in {"list", "mapping"}:
        return
    row = row.on_a_gpu() if has_gpu else row
    for problem in function_settings.wrong(row, value, (row.name,)):
        shown = sorted(value) if isinstance(value, Mapping) else value
        *_, field = problem.path
        inside = f"{field!r}: " if len(problem.path) > 1 else ""
        raise InvalidParameter(name, shown, f"{inside}must be {problem.expected}")


def wire_name(option: str) -> str:
    """Return the name of an option of a function as the service spells it."""
    first, *other_words = option.split("_")
    return _WIRE_NAMES.get(option, first + "".join([part.title() for part in other_words]))


def _code(code: CodeSource) -> Code:
    if isinstance(code, Code):
        return code
    if isinstance(code, (bytes, bytearray, memoryview)):
        return Code(zip_file=base64.b64encode(code).decode("ascii"))
    raise InvalidParameter(
        "code", code, "must be the bytes of a zip, a Code, or the path of a folder or zip file"
    )
