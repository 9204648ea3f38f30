# SPDX-License-Identifier: MIT
"""The operations of the FC API (2023-03-30) that the local runtime serves: one row for each route.

The schemas are those of the SDK's models and of the fields of requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_local.api.function_resources import ListTagResources, OfFunction, UntagResources
from fc_async_local.api.functions import ListFunctions, ListVersions
from fc_async_local.api.openapi.document import (
    ANY,
    FLAG,
    OBJECT,
    TEXT,
    Operation,
    Parameter,
    between,
    build,
    having,
    listed,
    parameters_of,
    ref,
    words,
)
from fc_async_local.api.operation import Prefixed
from fc_async_local.api.tasks import ListTasks
from fc_async_local.functions import fields
from fc_async_sdk import models
from fc_async_sdk.spec import async_config, limits

if TYPE_CHECKING:
    from fc_async_local.api.openapi.document import Schema

_ROOT: Final = f"/{limits.API_VERSION}"
_FUNCTION: Final = f"{_ROOT}/functions/{{name}}"
_TASK: Final = f"{_FUNCTION}/async-tasks/{{task_id}}"
INVOKE: Final = f"{_FUNCTION}/invocations"

_QUALIFIER: Final = (Parameter("qualifier"),)

_FIELDS: Final = (fields.FunctionFields, fields.AsyncConfigFields)
"""Parts of bodies."""


def _config() -> Schema:
    """Return the fields of PutAsyncInvokeConfig with their ranges."""
    ranges = {
        name: between(allowed.low, allowed.high) for name, allowed in async_config.RANGES.items()
    }
    return {
        "allOf": [ref(fields.AsyncConfigFields.__name__), {"type": "object", "properties": ranges}]
    }


_NEW_FUNCTION: Final[Schema] = {
    "allOf": [
        ref(fields.FunctionFields.__name__),
        having(
            "functionName runtime handler code",
            functionName=TEXT,
            code=having(zipFile=TEXT, ossBucketName=TEXT, ossObjectName=TEXT, checksum=TEXT),
            tags=listed(having("key value", key=TEXT, value=TEXT)),
        ),
    ]
}
_NEW_TRIGGER: Final = having(
    "triggerName triggerType triggerConfig",
    triggerName=TEXT,
    triggerType=TEXT,
    triggerConfig=TEXT,
    qualifier=TEXT,
    description=TEXT,
    sourceArn=TEXT,
    invocationRole=TEXT,
)
_CHANGED_TRIGGER: Final = having(
    triggerConfig=TEXT, qualifier=TEXT, description=TEXT, invocationRole=TEXT
)
_ALIAS_FIELDS: Final = having(
    aliasName=TEXT, versionId=TEXT, description=TEXT, additionalVersionWeight=OBJECT
)
_TAGS: Final = having(
    "ResourceType ResourceId Tag",
    ResourceType=TEXT,
    ResourceId=listed(TEXT),
    Tag=listed(having("Key Value", Key=TEXT, Value=TEXT)),
)
_PROVISION: Final = having(
    defaultTarget=between(0, 10_000), target=between(0, 10_000), alwaysAllocateCPU=FLAG
)


def _named(
    word: str,
    every: str,
    new: Schema,
    changed: Schema,
    answers: tuple[type[models.Model], type[models.Model]],
) -> tuple[Operation, ...]:
    """Return the five operations of what has a name in a function.

    Args:
        word: One of them.
        every: All of them.
        new: The body that creates one.
        changed: The body that changes one.
        answers: One of them, and a page of the list.
    """
    path, title = f"{_FUNCTION}/{every}", word.title()
    at = f"{path}/{{{word}}}"
    one, page = answers
    return (
        Operation("POST", path, f"Create{title}", body=new, answer=one),
        Operation("GET", path, f"List{every.title()}", parameters_of(Prefixed), answer=page),
        Operation("GET", at, f"Get{title}", answer=one),
        Operation("PUT", at, f"Update{title}", body=changed, answer=one),
        Operation("DELETE", at, f"Delete{title}", answer=None),
    )


def _configured(
    kind: str,
    title: str,
    body: Schema,
    answer: type[models.Model] | Schema = OBJECT,
    page: type[models.Model] | Schema = OBJECT,
) -> tuple[Operation, ...]:
    """Return the four operations of one kind of configuration of a function."""
    at = f"{_FUNCTION}/{kind}"
    qualifier = () if kind == "concurrency" else _QUALIFIER
    every = f"{_ROOT}/{'concurrency-config' if kind == 'concurrency' else kind}s"
    return (
        Operation("PUT", at, f"Put{title}", qualifier, body=body, answer=answer),
        Operation("GET", at, f"Get{title}", qualifier, answer=answer),
        Operation("DELETE", at, f"Delete{title}", qualifier, answer=None),
        Operation("GET", every, f"List{title}s", parameters_of(OfFunction), answer=page),
    )


_FUNCTIONS: Final = (
    Operation(
        "POST", f"{_ROOT}/functions", "CreateFunction", body=_NEW_FUNCTION, answer=models.Function
    ),
    Operation(
        "GET",
        f"{_ROOT}/functions",
        "ListFunctions",
        parameters_of(ListFunctions),
        answer=models.FunctionPage,
    ),
    Operation("GET", _FUNCTION, "GetFunction", _QUALIFIER, answer=models.Function),
    Operation(
        "PUT", _FUNCTION, "UpdateFunction", body=fields.FunctionFields, answer=models.Function
    ),
    Operation("DELETE", _FUNCTION, "DeleteFunction", answer=None),
    Operation(
        "GET", f"{_FUNCTION}/code", "GetFunctionCode", _QUALIFIER, answer=models.FunctionCode
    ),
    Operation(
        "POST",
        f"{_FUNCTION}/invoke/disable",
        "DisableFunctionInvocation",
        body=having(reason=TEXT, abortOngoingRequest=FLAG),
    ),
    Operation("POST", f"{_FUNCTION}/invoke/enable", "EnableFunctionInvocation"),
    Operation(
        "POST",
        f"{_FUNCTION}/versions",
        "PublishFunctionVersion",
        body=having(description=TEXT),
        answer=models.FunctionVersion,
    ),
    Operation(
        "GET",
        f"{_FUNCTION}/versions",
        "ListFunctionVersions",
        parameters_of(ListVersions),
        answer=models.FunctionVersionPage,
    ),
    Operation("DELETE", f"{_FUNCTION}/versions/{{version}}", "DeleteFunctionVersion", answer=None),
    *_named(
        "alias",
        "aliases",
        {**_ALIAS_FIELDS, "required": ["aliasName", "versionId"]},
        _ALIAS_FIELDS,
        (models.Alias, models.AliasPage),
    ),
)

_INVOCATION: Final = (
    Operation(
        "POST",
        INVOKE,
        "InvokeFunction",
        (
            *_QUALIFIER,
            Parameter("x-fc-invocation-type", words("Sync", "Async"), "header"),
            Parameter("x-fc-log-type", words("None", "Tail"), "header"),
            Parameter("x-fc-async-task-id", TEXT, "header"),
            Parameter("x-fc-async-delay", between(1, 3_599), "header"),
        ),
        body=ANY,
        answer=ANY,
        media="application/octet-stream",
        accepts="application/octet-stream",
        also=(202,),
    ),
    Operation(
        "GET",
        f"{_FUNCTION}/async-tasks",
        "ListAsyncTasks",
        parameters_of(ListTasks),
        answer=models.AsyncTaskPage,
    ),
    Operation("GET", _TASK, "GetAsyncTask", _QUALIFIER, answer=models.AsyncTask),
    Operation("PUT", f"{_TASK}/stop", "StopAsyncTask", _QUALIFIER, answer=None),
)

_RESOURCES: Final = (
    *_named(
        "trigger", "triggers", _NEW_TRIGGER, _CHANGED_TRIGGER, (models.Trigger, models.TriggerPage)
    ),
    *_configured(
        "async-invoke-config",
        "AsyncInvokeConfig",
        _config(),
        models.AsyncConfig,
        models.AsyncConfigPage,
    ),
    *_configured(
        "concurrency",
        "ConcurrencyConfig",
        having("reservedConcurrency", reservedConcurrency=between(0, 10_000)),
        models.ConcurrencyConfig,
        models.ConcurrencyConfigPage,
    ),
    *_configured("provision-config", "ProvisionConfig", _PROVISION),
    *_configured("scaling-config", "ScalingConfig", having(minInstances=between(0, 10_000))),
    Operation(
        "POST",
        f"{_FUNCTION}/vpc-bindings",
        "CreateVpcBinding",
        body=having("vpcId", vpcId=TEXT),
        answer=None,
    ),
    Operation(
        "GET",
        f"{_FUNCTION}/vpc-bindings",
        "ListVpcBindings",
        answer=having("vpcIds", vpcIds=listed(TEXT)),
    ),
    Operation("DELETE", f"{_FUNCTION}/vpc-bindings/{{vpc}}", "DeleteVpcBinding", answer=None),
)

_TAG: Final = (
    Operation("POST", f"{_ROOT}/tags-v2", "TagResources", body=_TAGS, answer=None),
    Operation(
        "GET",
        f"{_ROOT}/tags-v2",
        "ListTagResources",
        parameters_of(ListTagResources),
        answer=having("RequestId TagResources", TagResources=listed(OBJECT)),
    ),
    Operation(
        "DELETE", f"{_ROOT}/tags-v2", "UntagResources", parameters_of(UntagResources), answer=None
    ),
)

OPERATIONS: Final = (*_FUNCTIONS, *_INVOCATION, *_RESOURCES, *_TAG)


def document() -> dict[str, Any]:
    """Return the description of the FC operations that are served."""
    return build(
        f"Function Compute {limits.API_VERSION}, as the local runtime serves it",
        OPERATIONS,
        _FIELDS,
    )
