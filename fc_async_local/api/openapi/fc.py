# SPDX-License-Identifier: MIT
"""The operations of the FC API (2023-03-30) that the local runtime serves: one row for each route.

The schemas are those of the SDK's models and of the fields of requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_local.api.openapi.document import (
    ANY,
    FLAG,
    INTEGER,
    OBJECT,
    TEXT,
    Operation,
    Parameter,
    between,
    build,
    having,
    listed,
    ref,
    words,
)
from fc_async_local.functions import fields
from fc_async_sdk import models
from fc_async_sdk.spec import async_config, limits

if TYPE_CHECKING:
    from fc_async_local.api.openapi.document import Schema

_ROOT: Final = f"/{limits.API_VERSION}"
_FUNCTION: Final = f"{_ROOT}/functions/{{name}}"
_ALIAS: Final = f"{_FUNCTION}/aliases/{{alias}}"
_CONFIG: Final = f"{_FUNCTION}/async-invoke-config"
_TRIGGER: Final = f"{_FUNCTION}/triggers/{{trigger}}"
_TASK: Final = f"{_FUNCTION}/async-tasks/{{task_id}}"
INVOKE: Final = f"{_FUNCTION}/invocations"

_QUALIFIER: Final = (Parameter("qualifier"),)
_PAGE: Final = (
    Parameter("limit", between(limits.PAGE_SIZE.low, limits.PAGE_SIZE.high)),
    Parameter("nextToken"),
)
_PREFIXED: Final = (Parameter("prefix"), *_PAGE)
_OF_FUNCTION: Final = (Parameter("functionName"), *_PAGE)

_MODELS: Final = (
    models.Function,
    models.FunctionPage,
    models.FunctionCode,
    models.FunctionVersion,
    models.FunctionVersionPage,
    models.Alias,
    models.AliasPage,
    models.AsyncConfig,
    models.AsyncConfigPage,
    models.AsyncTask,
    models.AsyncTaskPage,
    models.Trigger,
    models.TriggerPage,
    models.ConcurrencyConfig,
    models.ConcurrencyConfigPage,
    fields.FunctionFields,
    fields.AsyncConfigFields,
)


def _body(kind: type) -> Schema:
    return ref(kind.__name__)


def _config() -> Schema:
    """Return the fields of PutAsyncInvokeConfig with their ranges."""
    ranges = {
        name: between(allowed.low, allowed.high) for name, allowed in async_config.RANGES.items()
    }
    return {"allOf": [_body(fields.AsyncConfigFields), {"type": "object", "properties": ranges}]}


_NEW_FUNCTION: Final[Schema] = {
    "allOf": [
        _body(fields.FunctionFields),
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

_FUNCTIONS: Final = (
    Operation(
        "POST",
        f"{_ROOT}/functions",
        "CreateFunction",
        body=_NEW_FUNCTION,
        answer=_body(models.Function),
        refused=(409,),
    ),
    Operation(
        "GET",
        f"{_ROOT}/functions",
        "ListFunctions",
        (
            *_PREFIXED,
            Parameter("fcVersion", words("v3", "v2")),
            Parameter("functionName"),
            Parameter("description"),
            Parameter("runtime"),
            Parameter("tags"),
        ),
        answer=_body(models.FunctionPage),
    ),
    Operation("GET", _FUNCTION, "GetFunction", _QUALIFIER, answer=_body(models.Function)),
    Operation(
        "PUT",
        _FUNCTION,
        "UpdateFunction",
        body=_body(fields.FunctionFields),
        answer=_body(models.Function),
        refused=(409,),
    ),
    Operation("DELETE", _FUNCTION, "DeleteFunction", answer=None, refused=(409,)),
    Operation(
        "GET", f"{_FUNCTION}/code", "GetFunctionCode", _QUALIFIER, answer=_body(models.FunctionCode)
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
        answer=_body(models.FunctionVersion),
        refused=(409,),
    ),
    Operation(
        "GET",
        f"{_FUNCTION}/versions",
        "ListFunctionVersions",
        (*_PAGE, Parameter("direction", words("BACKWARD", "FORWARD"))),
        answer=_body(models.FunctionVersionPage),
    ),
    Operation(
        "DELETE",
        f"{_FUNCTION}/versions/{{version}}",
        "DeleteFunctionVersion",
        answer=None,
        refused=(409,),
    ),
    Operation(
        "POST",
        f"{_FUNCTION}/aliases",
        "CreateAlias",
        body={**_ALIAS_FIELDS, "required": ["aliasName", "versionId"]},
        answer=_body(models.Alias),
        refused=(409,),
    ),
    Operation(
        "GET", f"{_FUNCTION}/aliases", "ListAliases", _PREFIXED, answer=_body(models.AliasPage)
    ),
    Operation("GET", _ALIAS, "GetAlias", answer=_body(models.Alias)),
    Operation("PUT", _ALIAS, "UpdateAlias", body=_ALIAS_FIELDS, answer=_body(models.Alias)),
    Operation("DELETE", _ALIAS, "DeleteAlias", answer=None, refused=(409,)),
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
        refused=(409, 429, 500),
        media="application/octet-stream",
        accepts="application/octet-stream",
        also=(202,),
    ),
    Operation(
        "PUT",
        _CONFIG,
        "PutAsyncInvokeConfig",
        _QUALIFIER,
        body=_config(),
        answer=_body(models.AsyncConfig),
    ),
    Operation("GET", _CONFIG, "GetAsyncInvokeConfig", _QUALIFIER, answer=_body(models.AsyncConfig)),
    Operation("DELETE", _CONFIG, "DeleteAsyncInvokeConfig", _QUALIFIER, answer=None),
    Operation(
        "GET",
        f"{_ROOT}/async-invoke-configs",
        "ListAsyncInvokeConfigs",
        _OF_FUNCTION,
        answer=_body(models.AsyncConfigPage),
        refused=(404,),
    ),
    Operation(
        "GET",
        f"{_FUNCTION}/async-tasks",
        "ListAsyncTasks",
        (
            *_QUALIFIER,
            *_PREFIXED,
            Parameter("status"),
            Parameter("startedTimeBegin", INTEGER),
            Parameter("startedTimeEnd", INTEGER),
            Parameter("sortOrderByTime", words("asc", "desc")),
            Parameter("includePayload", FLAG),
        ),
        answer=_body(models.AsyncTaskPage),
    ),
    Operation("GET", _TASK, "GetAsyncTask", _QUALIFIER, answer=_body(models.AsyncTask)),
    Operation("PUT", f"{_TASK}/stop", "StopAsyncTask", _QUALIFIER, answer=None, refused=(412,)),
)

_TRIGGERS: Final = (
    Operation(
        "POST",
        f"{_FUNCTION}/triggers",
        "CreateTrigger",
        body=_NEW_TRIGGER,
        answer=_body(models.Trigger),
        refused=(409,),
    ),
    Operation(
        "GET", f"{_FUNCTION}/triggers", "ListTriggers", _PREFIXED, answer=_body(models.TriggerPage)
    ),
    Operation("GET", _TRIGGER, "GetTrigger", answer=_body(models.Trigger)),
    Operation(
        "PUT",
        _TRIGGER,
        "UpdateTrigger",
        body=_CHANGED_TRIGGER,
        answer=_body(models.Trigger),
        refused=(409,),
    ),
    Operation("DELETE", _TRIGGER, "DeleteTrigger", answer=None),
)


def _limited(kind: str, title: str, body: Schema, *, page: str = "") -> tuple[Operation, ...]:
    """Return the four operations of one kind of limit on the instances of a function."""
    at, model = f"{_FUNCTION}/{kind}", page.removesuffix("Page")
    answer = ref(model) if model else OBJECT
    qualifier = () if kind == "concurrency" else _QUALIFIER
    plural = "concurrency-configs" if kind == "concurrency" else f"{kind}s"
    return (
        Operation("PUT", at, f"Put{title}", qualifier, body=body, answer=answer, refused=(409,)),
        Operation("GET", at, f"Get{title}", qualifier, answer=answer),
        Operation("DELETE", at, f"Delete{title}", qualifier, answer=None),
        Operation(
            "GET",
            f"{_ROOT}/{plural}",
            f"List{title}s",
            _OF_FUNCTION,
            answer=ref(page) if page else OBJECT,
            refused=(404,),
        ),
    )


_SCALING: Final = (
    *_limited(
        "concurrency",
        "ConcurrencyConfig",
        having("reservedConcurrency", reservedConcurrency=between(0, 10_000)),
        page="ConcurrencyConfigPage",
    ),
    *_limited("provision-config", "ProvisionConfig", _PROVISION),
    *_limited("scaling-config", "ScalingConfig", having(minInstances=between(0, 10_000))),
    Operation(
        "POST",
        f"{_FUNCTION}/vpc-bindings",
        "CreateVpcBinding",
        body=having("vpcId", vpcId=TEXT),
        answer=None,
        refused=(409,),
    ),
    Operation(
        "GET",
        f"{_FUNCTION}/vpc-bindings",
        "ListVpcBindings",
        answer=having("vpcIds", vpcIds=listed(TEXT)),
    ),
    Operation("DELETE", f"{_FUNCTION}/vpc-bindings/{{vpc}}", "DeleteVpcBinding", answer=None),
)

_RESOURCES: Final = (Parameter("ResourceType"), Parameter("ResourceId"))
_TAG: Final = (
    Operation("POST", f"{_ROOT}/tags-v2", "TagResources", body=_TAGS, answer=None, refused=(404,)),
    Operation(
        "GET",
        f"{_ROOT}/tags-v2",
        "ListTagResources",
        (
            *_RESOURCES,
            Parameter("Tag"),
            Parameter("Limit", between(1, 100)),
            Parameter("NextToken"),
        ),
        answer=having("RequestId TagResources", TagResources=listed(OBJECT)),
        refused=(404,),
    ),
    Operation(
        "DELETE",
        f"{_ROOT}/tags-v2",
        "UntagResources",
        (*_RESOURCES, Parameter("TagKey"), Parameter("All", FLAG)),
        answer=None,
        refused=(404,),
    ),
)

OPERATIONS: Final = (*_FUNCTIONS, *_INVOCATION, *_TRIGGERS, *_SCALING, *_TAG)


def document() -> dict[str, Any]:
    """Return the description of the FC operations that are served."""
    return build(
        f"Function Compute {limits.API_VERSION}, as the local runtime serves it",
        OPERATIONS,
        _MODELS,
    )
