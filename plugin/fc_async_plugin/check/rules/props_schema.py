# SPDX-License-Identifier: MIT
"""Types of ``props`` of a function, for the check of good props and for its errors.

Settings of functions are the rows of :mod:`fc_async_sdk.spec.function_settings`, which the local
runtime reads, too. What the component fc3 0.1.22 adds is here
(https://github.com/devsapp/fc3/blob/0.1.22/src/schema.json).

Invariants:

- :func:`fits` and :func:`schema` are made from the same types.
- A value of a setting is refused if and only if the local runtime's CreateFunction refuses what is
  made of it (tested). ``auto`` is fc3's word for what it makes.
- What fc3 and the API name differently is accepted in both forms. Where the API accepts more than
  the schema of fc3, such as newer GPU types, the API counts.
- What fc3's own tests deploy is accepted (https://github.com/devsapp/fc3/tree/0.1.22/__tests__/e2e),
  but for quotas that were raised for their account.
- ``asyncInvokeConfig`` has rules of its own and is not looked into here. Of triggers, only keys and
  fixed words are: timers and buckets have rules of their own, too.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args

import msgspec
from msgspec import Meta

from fc_async_sdk._decoding import prepare
from fc_async_sdk.spec import async_config, http_trigger, limits, runtimes, triggers
from fc_async_sdk.spec.function_settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fc_async_sdk.spec.function_settings import Setting

_LIST: Final = list[str]
_ANY: Final = dict[str, Any]


def _one_of(*values: str | int, words: str = "") -> Any:
    description = words or f"one of {', '.join(map(str, values))}"
    return Annotated[Literal[values], Meta(description=description)]


def _either(description: str, *kinds: Any) -> Any:
    return Annotated[Union[kinds], Meta(description=description)]  # noqa: UP007 -- made of a list


# Without words of its own, a list in its place ended all rules with a traceback.
_SCALAR: Final = _either("a string", str, int, float, bool)


def _table(name: str, fields: Mapping[str, Any]) -> Any:
    """Return the type of a mapping that has these keys and no others, none of them required."""
    return msgspec.defstruct(
        name,
        [(key, kind | msgspec.UnsetType, msgspec.UNSET) for key, kind in fields.items()],
        forbid_unknown_fields=True,
        kw_only=True,
    )


def _each(names: str, kind: Any = str) -> dict[str, Any]:
    """Return some keys, separated by spaces, with one type."""
    return dict.fromkeys(names.split(), kind)


_AUTO: Final = Annotated[str, Meta(pattern="^[Aa][Uu][Tt][Oo]([|]|$)")]
"""``auto``, or ``auto|mountDir=/mnt/data`` with parameters for what fc3 makes."""
_MADE_BY_FC3: Final = frozenset(_each("logConfig nasConfig ossMountConfig vpcConfig"))
"""Settings for which fc3 takes ``auto``, too."""
_END: Final = r"(?![\s\S])"
"""The end of a text; ``$`` is also before a line feed at the end."""


def _names(setting: str) -> list[str]:
    """Return the keys of a mapping."""
    return [part.name for part in SETTINGS[setting].parts]


def _tables(name: str, fields: Mapping[str, Any]) -> Any:
    return list[_table(name, fields)]  # type: ignore[misc]


def _type_of(row: Setting) -> Any:
    """Return the type of the values that a row of the table accepts, or fc3 makes into them."""
    if row.name == "vSwitchIds":
        return _either("auto or a list of ids", _AUTO, _LIST)
    if row.kind == "mapping":
        return _mapping_of(row)
    if row.kind == "list":
        return _list_of(row)
    if row.kind == "variables":
        return _variables_of(row)
    return _plain_type_of(row)


def _plain_type_of(row: Setting) -> Any:
    if row.choices:
        return _one_of(*row.choices, words=row.expected)
    if row.kind in {"integer", "number"}:
        return _number_of(row)
    if row.kind == "text":
        return _text_of(row)
    return {"any": Any, "boolean": bool, "scalar": _SCALAR}[row.kind]


def _number_of(row: Setting) -> Any:
    if row.kind == "number":
        return Annotated[float, Meta(ge=row.low, le=row.high, description=row.expected)]
    low, high, step = (None if bound is None else int(bound) for bound in row[2:5])
    return Annotated[int, Meta(ge=low, le=high, multiple_of=step, description=row.expected)]


def _text_of(row: Setting) -> Any:
    if not row.pattern and row.length is None:
        return str
    pattern = f"^(?:{row.pattern}){_END}" if row.pattern else None
    return Annotated[str, Meta(pattern=pattern, max_length=row.length, description=row.expected)]


def _list_of(row: Setting) -> Any:
    if row.parts:
        return list[_table_of(row.parts)]  # type: ignore[misc]
    if not row.pattern:
        return _LIST
    return list[_text_of(row._replace(kind="text", words="a string without NUL"))]  # type: ignore[misc]


def _variables_of(row: Setting) -> Any:
    # s makes texts of numbers, true and false.
    return dict[str, _either(row.expected, _text_of(row), int, float, bool)]  # type: ignore[misc]


def _mapping_of(row: Setting) -> Any:
    if not row.parts:
        return _ANY
    table = _table_of(row.parts)
    return _either("auto or a mapping", _AUTO, table) if row.name in _MADE_BY_FC3 else table


_NUMBERS: Final = itertools.count(1)


@functools.cache
def _table_of(rows: tuple[Setting, ...]) -> Any:
    # msgspec makes no schema with two types of one name, and nasConfig as well as ossMountConfig
    # have mountPoints: the types are numbered.
    return _table(f"Parts{next(_NUMBERS)}", _types_of(rows))


def _types_of(rows: Iterable[Setting]) -> dict[str, Any]:
    return {row.name: _type_of(row) for row in rows}


_TRIGGER: Final[dict[str, Any]] = _each("description invocationRole sourceArn triggerName") | {
    "qualifier": _SCALAR,
    "triggerConfig": _either("a mapping or JSON text", str, _ANY),
    "triggerType": _one_of(
        "cdn_events", "eventbridge", "http", "log", "mns_topic", "oss", "tablestore", "timer"
    ),
}
_TRIGGER_CONFIGS: Final[dict[str, dict[str, Any]]] = {
    "http": _each("authConfig corsConfig", Any)
    | {
        "authType": _one_of("anonymous", "function", "jwt"),
        "disableURLInternet": bool,
        "methods": list[_one_of(*sorted(http_trigger.METHODS))],  # type: ignore[misc]
    },
    "mns_topic": {
        "filterTag": str,
        "notifyContentFormat": _one_of(*get_args(triggers.MessageFormat)),
        "notifyStrategy": _one_of(*get_args(triggers.Strategy)),
    },
    "oss": _each("events filter", Any),
    "timer": _each("cronExpression enable payload", Any),
}

REGION: Final = re.compile(r"^[a-z0-9-]{1,64}$")
_NAME: Final = f"^(?:{limits.FUNCTION_NAME_PATTERN.pattern}){_END}"
_OTHERS: Final[dict[str, Any]] = {
    # Of CreateFunction, but not settings that this project reads.
    **_each("disableInjectCredentials resourceGroupId"),
    **_each("juiceFsConfig microSandboxConfig polarFsConfig", Any),
    "code": _either(
        "a path or a mapping",
        str,
        _table("Code", _each("src ossBucketName ossObjectName zipFile") | {"checksum": _SCALAR}),
    ),
    "enableLongLiving": bool,
    "functionName": Annotated[
        str,
        Meta(
            pattern=_NAME,
            description="1 to 128 letters, digits, _ and -, not beginning with a digit or -, or"
            " service$function",
        ),
    ],
    "sessionAffinityConfig": _either("a mapping or JSON text", str, _ANY),
    # The schema of fc3 has the lower case, the API and fc3's own tests have the upper case.
    "tags": _tables("Tag", _each("key Key") | _each("value Value", _SCALAR)),
    # Of fc3, which makes other requests of them or keeps them for itself.
    **_each("buildDir endpoint"),
    "region": Annotated[
        str, Meta(pattern=REGION.pattern, description="the name of a region, such as cn-hangzhou")
    ],
    **_each("annotations asyncInvokeConfig customDomain provisionConfig scalingConfig", Any),
    "supplement": Any,
    "concurrencyConfig": _table("ConcurrencyConfig", {"reservedConcurrency": int}),
    "triggers": _tables("Trigger", _TRIGGER),
    "vpcBinding": _table("VpcBinding", {"vpcIds": _LIST}),
}


PROPS: Final = _table("Props", _types_of(SETTINGS.values()) | _OTHERS)
PROPS_ON_A_GPU: Final = _table(
    "PropsOnAGpu", _types_of(row.on_a_gpu() for row in SETTINGS.values()) | _OTHERS
)
"""The same for a function with ``gpuConfig``."""
_OF_RUNTIMES: Final = _names("customRuntimeConfig")
_OF_CONTAINERS: Final = _names("customContainerConfig")
TRIGGER_CONFIGS: Final = {
    kind: _table("TriggerConfig", fields) for kind, fields in _TRIGGER_CONFIGS.items()
}
"""The type of ``triggerConfig`` by ``triggerType``, of the types that are known here."""

_OWNERS: Final = {
    **dict.fromkeys(async_config.FIELDS, "asyncInvokeConfig"),
    **dict.fromkeys(_TRIGGER, "triggers"),
    **dict.fromkeys(_OF_RUNTIMES, "customRuntimeConfig"),
}
"""Keys of mappings in props that are often written one level too high."""
_OWNERS_OF_IMAGES: Final = {
    **_OWNERS,
    **dict.fromkeys(_OF_RUNTIMES, ""),
    **dict.fromkeys(_OF_CONTAINERS, "customContainerConfig"),
}
"""The same for a function that is an image."""


def owner_of(key: str, *, inside: bool, runtime: object) -> str:
    """Return where a key belongs that stands in props, or inside of them; "" if not known.

    Args:
        key: The key.
        inside: Whether it stands inside of a mapping in props.
        runtime: The runtime of the function.
    """
    if inside:
        of_props = any(field.name == key for field in msgspec.structs.fields(PROPS))
        return "props" if of_props else ""
    owners = _OWNERS_OF_IMAGES if runtime == runtimes.CONTAINER else _OWNERS
    return owners.get(key, "")


for _kind in (PROPS, PROPS_ON_A_GPU, *TRIGGER_CONFIGS.values()):
    prepare(_kind)


def fits(values: dict[str, Any], kind: type) -> bool:
    """Return whether a mapping has known keys with acceptable values only.

    Args:
        values: Without null values and without values that are known only after a deployment.
        kind: :data:`PROPS`, :data:`PROPS_ON_A_GPU`, or one of :data:`TRIGGER_CONFIGS`.
    """
    try:
        msgspec.convert(values, kind)
    except msgspec.ValidationError:
        return False
    return True


def schema(kind: type = PROPS) -> dict[str, Any]:
    """Return the JSON Schema of a type (dialect 2020-12)."""
    return msgspec.json.schema(kind)
