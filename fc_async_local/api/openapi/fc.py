# SPDX-License-Identifier: MIT
"""The description of the operations of the FC API (2023-03-30) that the local runtime serves.

Paths and parameters come from the handlers. Bodies and answers, which are plain objects there, are
in a table: the SDK's models and the fields of requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fc_async_local.api import operation
from fc_async_local.api.function_resources import ResourceOperations, TagOperations
from fc_async_local.api.functions import FunctionOperations
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
from fc_async_local.api.operation import Qualified
from fc_async_local.api.tasks import TaskOperations
from fc_async_local.functions import fields
from fc_async_sdk import models
from fc_async_sdk.spec import async_config, limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_local.api.openapi.document import Schema

INVOKE: Final = f"{operation.ROOT}/functions/{{name}}/invocations"

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
            code=having(
                zipFile=TEXT,
                ossBucketName=TEXT,
                ossObjectName=TEXT,
                checksum=TEXT,
            ),
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
    triggerConfig=TEXT,
    qualifier=TEXT,
    description=TEXT,
    invocationRole=TEXT,
)
_ALIAS_FIELDS: Final = having(
    aliasName=TEXT,
    versionId=TEXT,
    description=TEXT,
    additionalVersionWeight=OBJECT,
)
_TAGS: Final = having(
    "ResourceType ResourceId Tag",
    ResourceType=TEXT,
    ResourceId=listed(TEXT),
    Tag=listed(having("Key Value", Key=TEXT, Value=TEXT)),
)
_PROVISION: Final = having(
    defaultTarget=between(0, 10_000),
    target=between(0, 10_000),
    alwaysAllocateCPU=FLAG,
)


_DESCRIBED: Final[Mapping[str, tuple[Any, Any]]] = {
    "CreateFunction": (_NEW_FUNCTION, models.Function),
    "ListFunctions": (None, models.FunctionPage),
    "GetFunction": (None, models.Function),
    "UpdateFunction": (fields.FunctionFields, models.Function),
    "GetFunctionCode": (None, models.FunctionCode),
    "DisableFunctionInvocation": (having(reason=TEXT, abortOngoingRequest=FLAG), OBJECT),
    "PublishFunctionVersion": (having(description=TEXT), models.FunctionVersion),
    "ListFunctionVersions": (None, models.FunctionVersionPage),
    "ListAsyncTasks": (None, models.AsyncTaskPage),
    "GetAsyncTask": (None, models.AsyncTask),
    "CreateAlias": ({**_ALIAS_FIELDS, "required": ["aliasName", "versionId"]}, models.Alias),
    "ListAliases": (None, models.AliasPage),
    "GetAlias": (None, models.Alias),
    "UpdateAlias": (_ALIAS_FIELDS, models.Alias),
    "CreateTrigger": (_NEW_TRIGGER, models.Trigger),
    "ListTriggers": (None, models.TriggerPage),
    "GetTrigger": (None, models.Trigger),
    "UpdateTrigger": (_CHANGED_TRIGGER, models.Trigger),
    "PutAsyncInvokeConfig": (_config(), models.AsyncConfig),
    "GetAsyncInvokeConfig": (None, models.AsyncConfig),
    "ListAsyncInvokeConfigs": (None, models.AsyncConfigPage),
    "PutConcurrencyConfig": (
        having("reservedConcurrency", reservedConcurrency=between(0, 10_000)),
        models.ConcurrencyConfig,
    ),
    "GetConcurrencyConfig": (None, models.ConcurrencyConfig),
    "ListConcurrencyConfigs": (None, models.ConcurrencyConfigPage),
    "PutProvisionConfig": (_PROVISION, OBJECT),
    "PutScalingConfig": (having(minInstances=between(0, 10_000)), OBJECT),
    "CreateVpcBinding": (having("vpcId", vpcId=TEXT), None),
    "ListVpcBindings": (None, having("vpcIds", vpcIds=listed(TEXT))),
    "TagResources": (_TAGS, None),
    "ListTagResources": (None, having("RequestId TagResources", TagResources=listed(OBJECT))),
}
"""Body and answer of operations; the others have no body, and an object or nothing as answer."""

_INVOKE_FUNCTION: Final = Operation(
    "POST",
    INVOKE,
    "InvokeFunction",
    (
        *parameters_of(Qualified),
        Parameter("x-fc-invocation-type", words("Sync", "Async"), "header"),
        Parameter("x-fc-log-type", words("None", "Tail"), "header"),
        Parameter("x-fc-async-task-id", TEXT, "header"),
        Parameter("x-fc-async-delay", between(*limits.DELAY_SECONDS[:2]), "header"),
    ),
    body=ANY,
    answer=ANY,
    media="application/octet-stream",
    accepts="application/octet-stream",
    also=(202,),
)
_OWNERS: Final = (FunctionOperations, ResourceOperations, TagOperations, TaskOperations)


def _row(served: operation.Operation) -> Operation:
    types = operation.types_of(served.handler)
    answer = None if types.answer is type(None) else OBJECT
    described = _DESCRIBED.get(served.name, (None, answer))
    parameters = parameters_of(types.query)
    return Operation(served.method, served.path, served.name, parameters, *described)


OPERATIONS: Final = (
    _INVOKE_FUNCTION,
    *(
        _row(served)
        for owner in _OWNERS
        for served in operation.operations_of(owner)
        if served.name
    ),
)


def document() -> dict[str, Any]:
    """Return the description of the FC operations that are served."""
    return build(
        f"Function Compute {limits.API_VERSION}, as the local runtime serves it",
        OPERATIONS,
        _FIELDS,
    )
