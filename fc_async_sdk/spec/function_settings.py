# SPDX-License-Identifier: MIT
"""The settings of CreateFunction and UpdateFunction as one table. Pure.

A row says what one setting may be. ``validate`` makes its types from the rows, the SDK checks
arguments with them before it sends, the local runtime refuses what they refuse, and ``plan`` takes
defaults and secrets from them. Ranges are those of :mod:`.limits`; names, types and nested keys are
those of ``CreateFunctionInput`` (https://pypi.org/project/alibabacloud-fc20230330/).

Invariants:

- A key that has no row is not checked: the service ignores it.
- None counts as not set.
- With ``gpuConfig``, ``cpu``, ``memorySize`` and ``diskSize`` have ranges that depend on the GPU:
  https://github.com/devsapp/fc3/blob/0.1.22/__tests__/e2e/model/s_file.yaml has a disk of 61440 MB.
  Only their types are checked then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, TypeGuard

from fc_async_sdk.errors import shorten
from fc_async_sdk.spec import limits, runtimes, sizes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Path: TypeAlias = tuple[str | int, ...]
Kind = Literal[
    "any", "boolean", "integer", "list", "mapping", "number", "scalar", "text", "variables"
]
"""``scalar``: a text, a number, or true or false. ``variables``: texts by name."""

GPU: Final = "gpuConfig"


class Setting(NamedTuple):
    """A row of the table: a setting and its possible values.

    Attributes:
        name: As the service spells it.
        kind: Its type.
        low: Least number; None: no limit.
        high: Greatest number; None: no limit.
        step: A number is a multiple of this; None: of nothing. For ``cpu`` a float, which
            :func:`wrong_sizes` compares with a tolerance.
        choices: The only values; empty: any.
        length: Most characters of a text.
        pattern: What a whole text must match; of a list: each of its texts.
        words: What ``pattern`` means, after "must be".
        names: What a whole name of ``variables`` must match.
        size: Most bytes of all ``variables``, names and values.
        parts: Settings of a mapping, or of each mapping in a list; empty: not checked.
        texts: Whether the items of a list are texts.
        default: The service's value if it is not set, in requests as well as answers; None: it
            has none.
        secret: Whether its value is not shown in messages.
        without_gpu: Whether its range is for functions without ``gpuConfig`` only.
        needed_by: Runtimes whose functions the service does not make without it.
    """

    name: str
    kind: Kind
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[str | int, ...] = ()
    length: int | None = None
    pattern: str = ""
    words: str = ""
    names: str = ""
    size: int | None = None
    parts: tuple[Setting, ...] = ()
    texts: bool = False
    default: Any = None
    secret: bool = False
    without_gpu: bool = False
    needed_by: frozenset[str] = frozenset()

    @property
    def expected(self) -> str:
        """Words for the possible values, which follow "must be"."""
        if self.words:
            return self.words
        if self.choices:
            return f"one of {', '.join(map(str, self.choices))}"
        if self.kind in {"integer", "number"}:
            return _numbers(self)
        if self.length is not None:
            return f"a string of at most {self.length} characters"
        return _KIND_WORDS[self.kind]

    def on_a_gpu(self) -> Setting:
        """Return the row for a function with ``gpuConfig``."""
        if not self.without_gpu:
            return self
        return self._replace(low=None, high=None, step=None, choices=())


class Problem(NamedTuple):
    """A value that the service refuses.

    Attributes:
        path: Keys that lead to it.
        expected: What it must be, after "must be".
        got: The value, shortened; "" if it is not shown.
        text: The whole sentence, if it is of another form; else "".
        fix: What to write; "" if that is what ``expected`` says.
    """

    path: Path
    expected: str
    got: str = ""
    text: str = ""
    fix: str = ""

    def __str__(self) -> str:
        """Return a sentence."""
        if self.text:
            return self.text
        name = ".".join(map(str, self.path))
        got = f", got {self.got}" if self.got else ""
        return f"{name} must be {self.expected}{got}"


_KIND_WORDS: Final[Mapping[str, str]] = {
    "any": "any value",
    "boolean": "true or false",
    "list": "a list",
    "mapping": "a mapping",
    "scalar": "a string",
    "text": "a string",
    "variables": "a mapping of strings",
}


def _numbers(row: Setting) -> str:
    noun = "a whole number" if row.kind == "integer" else "a number"
    if row.low is None:
        return noun
    upwards = f", {row.low} or more" if row.high is None else f" from {row.low} to {row.high}"
    # The step of cpu is said by wrong_sizes, which also knows the memory.
    step = f", a multiple of {row.step}" if row.step and row.kind == "integer" else ""
    return f"{noun}{upwards}{step}"


# --- kinds of rows --------------------------------------------------------------------------------

_SENT: Final = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*"
"""A text that goes into a header or a request line, where a line break would begin another one."""
_WITHOUT_NUL: Final = r"[^\x00]*"
"""A text that becomes an argument or a variable of a process: none of them can have a NUL."""


def _range(name: str, allowed: limits.Range, **more: Any) -> Setting:
    return Setting(name, "integer", allowed.low, allowed.high, default=allowed.default, **more)


def _sent(name: str, length: int | None = None, **more: Any) -> Setting:
    most = "" if length is None else f" of at most {length} characters"
    words = f"a string{most} without line breaks or control characters"
    return Setting(
        name,
        "text",
        length=length,
        pattern=_SENT,
        words=words,
        **more,
    )


def _each(names: str, kind: Kind = "text") -> tuple[Setting, ...]:
    """Return rows of one type."""
    return tuple(Setting(name, kind) for name in names.split())


def _texts(names: str) -> tuple[Setting, ...]:
    return tuple(Setting(name, "list", texts=True) for name in names.split())


def _arguments(name: str) -> Setting:
    words = "a list of strings without NUL"
    return Setting(
        name,
        "list",
        texts=True,
        pattern=_WITHOUT_NUL,
        words=words,
    )


def _table(name: str, *parts: Setting, **more: Any) -> Setting:
    return Setting(name, "mapping", parts=parts, **more)


def _tables(name: str, *parts: Setting) -> Setting:
    return Setting(name, "list", parts=parts)


def _hook(name: str, timeout: limits.Range) -> Setting:
    return _table(name, _sent("handler"), _range("timeout", timeout), *_texts("command"))


# --- the table ------------------------------------------------------------------------------------

_PORT: Final = _range("port", limits.PORTS)
_HEALTH_CHECK: Final = _table(
    "healthCheckConfig",
    _sent("httpGetUrl"),
    *_each(
        "initialDelaySeconds periodSeconds timeoutSeconds failureThreshold successThreshold",
        "integer",
    ),
)
_REGISTRY: Final = _table(
    "registryConfig",
    _table("authConfig", *_each("userName password")),
    _table("certConfig", Setting("insecure", "boolean"), Setting("rootCaCertBase64", "text")),
    _table("networkConfig", *_each("vpcId vSwitchId securityGroupId")),
)

_RESERVED: Final = "FC_"
VARIABLE_NAME: Final = rf"(?!{_RESERVED})[A-Za-z][A-Za-z0-9_]*"
"""quota and "Environment variables": a letter, then letters, digits and ``_``. The service answers
"The environment variable name 'FC_X' is reserved by Function Compute" for its own prefix."""
VARIABLE_NAME_WORDS: Final = "named with a letter, then letters, digits and _, but not FC_ in front"

_ROWS: Final[Sequence[Setting]] = (
    Setting(
        "runtime",
        "text",
        choices=tuple(sorted(runtimes.ALL)),
        words="the name of a runtime",
        needed_by=runtimes.ALL,
    ),
    _sent("handler", limits.HANDLER_LENGTH, needed_by=runtimes.ALL - runtimes.NEED_NO_HANDLER),
    Setting("description", "text", length=limits.DESCRIPTION_LENGTH),
    Setting("role", "text", length=limits.ROLE_LENGTH),
    Setting("cpu", "number", *limits.CPU, step=limits.CPU_STEP, without_gpu=True),
    _range("memorySize", limits.MEMORY_MB, step=limits.MEMORY_STEP_MB, without_gpu=True),
    Setting(
        "diskSize",
        "integer",
        choices=limits.DISK_MB,
        default=limits.DISK_MB[0],
        without_gpu=True,
    ),
    _range("timeout", limits.FUNCTION_TIMEOUT_SECONDS),
    Setting(
        "environmentVariables",
        "variables",
        pattern=_WITHOUT_NUL,
        words="a string without NUL",
        names=VARIABLE_NAME,
        size=limits.ENVIRONMENT_BYTES,
        secret=True,
    ),
    _range("instanceConcurrency", limits.INSTANCE_CONCURRENCY),
    Setting("internetAccess", "boolean", default=True),
    Setting("disableOndemand", "boolean", default=False),
    # The API has neither a range nor a default for it.
    Setting("idleTimeout", "integer"),
    Setting("sessionAffinity", "text", default="NONE"),
    Setting("instanceIsolationMode", "text", default="SHARE"),
    *_texts("layers"),
    _table("customRuntimeConfig", _arguments("command"), _arguments("args"), _PORT, _HEALTH_CHECK),
    _table(
        "instanceLifecycleConfig",
        _hook("initializer", limits.INITIALIZER_TIMEOUT_SECONDS),
        # fc3's own tests deploy 300 with an account whose quota was raised; 90 is everybody's.
        _hook("preStop", limits.PRE_STOP_TIMEOUT_SECONDS),
    ),
    _table(
        "customContainerConfig",
        Setting("image", "text", needed_by=frozenset({runtimes.CONTAINER})),
        *_each("accelerationType acrInstanceId resolvedImageUri"),
        *_texts("command entrypoint"),
        _PORT,
        _HEALTH_CHECK,
        _REGISTRY,
        Setting("accelerationInfo", "mapping"),
        secret=True,
    ),
    _table(
        "logConfig",
        *_each("project logstore"),
        *_each("enableInstanceMetrics enableLlmMetrics enableRequestMetrics", "boolean"),
        Setting("logBeginRule", "text", choices=("DefaultRegex", "None")),
    ),
    _table("vpcConfig", *_each("vpcId securityGroupId role"), *_texts("vSwitchIds")),
    _table(
        "nasConfig",
        *_each("userId groupId", "integer"),
        _tables("mountPoints", *_each("serverAddr mountDir"), *_each("enableTLS", "boolean")),
    ),
    _table(
        "ossMountConfig",
        _tables(
            "mountPoints",
            *_each("bucketName bucketPath endpoint mountDir"),
            *_each("readOnly", "boolean"),
        ),
    ),
    _table(
        "tracingConfig",
        Setting("type", "text"),
        Setting("params", "any"),
        Setting("jaegerConfig", "mapping"),
    ),
    _table(
        GPU,
        Setting("gpuType", "text"),
        Setting(
            "gpuMemorySize", "integer", limits.GPU_MEMORY_STEP_MB, step=limits.GPU_MEMORY_STEP_MB
        ),
    ),
    _table(
        "customDNS",
        *_texts("nameServers searches"),
        _tables("dnsOptions", Setting("name", "text"), Setting("value", "scalar")),
    ),
)
SETTINGS: Final[Mapping[str, Setting]] = {row.name: row for row in _ROWS}
"""The rows by name, with :attr:`Setting.parts` for nested keys."""

DEFAULTS: Final[Mapping[str, Any]] = {
    name: row.default for name, row in SETTINGS.items() if row.default is not None
}
"""The service's defaults. fc3's component sends and ignores the same values; ``cpu`` and
``idleTimeout`` have none."""

SECRET: Final = frozenset(name for name, row in SETTINGS.items() if row.secret)
"""Settings whose values are not shown in messages."""


# --- checks ---------------------------------------------------------------------------------------


def problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what CreateFunction refuses in settings, in their order.

    What is missing is not looked for: an update leaves settings out; see :func:`missing`.

    Args:
        settings: By the names of the service, as JSON values.
    """
    has_gpu = settings.get(GPU) is not None
    for name, value in settings.items():
        row = SETTINGS.get(name)
        if row is not None:
            yield from wrong(row.on_a_gpu() if has_gpu else row, value, (name,))
    unfit = wrong_sizes(settings)
    if unfit is not None:
        yield unfit


def missing(settings: Mapping[str, Any]) -> str | None:
    """Return the first setting without which the service makes no function, such as ``handler``."""
    runtime = settings.get("runtime")
    if not runtime:
        return "runtime"
    if not isinstance(runtime, str):
        return None
    for row in SETTINGS.values():
        value = settings.get(row.name)
        if runtime in row.needed_by and not value:
            return row.name
        parts = value if isinstance(value, Mapping) else {}
        for part in row.parts:
            if runtime in part.needed_by and not parts.get(part.name):
                return f"{row.name}.{part.name}"
    return None


def wrong_sizes(settings: Mapping[str, Any]) -> Problem | None:
    """Return what is wrong with the vCPU, if anything is, apart from its type and range.

    The memory is looked at only where it is set: what the service takes for a function that names
    a vCPU and no memory is not documented.
    """
    cpu = settings.get("cpu")
    if settings.get(GPU) is not None or not _is_number(cpu):
        return None
    low, high = limits.CPU
    if not low <= cpu <= high:
        return None
    memory = settings.get("memorySize")
    unfit = sizes.wrong_cpu(cpu, memory if memory in limits.MEMORY_MB else None)
    if unfit is None:
        return None
    text, fix = unfit
    return Problem(("cpu",), SETTINGS["cpu"].expected, text=text, fix=fix)


def wrong(row: Setting, value: Any, path: Path) -> Iterator[Problem]:
    """Yield what is wrong with one value and the values in it.

    Args:
        row: What it may be.
        value: The value; None is not set.
        path: Keys that lead to it.
    """
    if value is None:
        return
    if not _is_of(row.kind, value):
        yield _problem(row, value, path)
        return
    match row.kind:
        case "variables":
            yield from _wrong_variables(row, value, path)
        case "mapping":
            yield from _wrong_parts(row, value, path)
        case "list":
            yield from _wrong_items(row, value, path)
        case _:
            if not _is_allowed(row, value):
                yield _problem(row, value, path)


def _wrong_parts(row: Setting, value: Mapping[str, Any], path: Path) -> Iterator[Problem]:
    for part in row.parts:
        yield from wrong(part, value.get(part.name), (*path, part.name))


def _wrong_items(row: Setting, items: Sequence[Any], path: Path) -> Iterator[Problem]:
    for index, item in enumerate(items):
        if row.texts:
            if not isinstance(item, str) or not _matches(row.pattern, item):
                yield Problem((*path, index), _item_words(row), _shown(row, item))
        elif not isinstance(item, Mapping):
            yield Problem((*path, index), "a mapping", _shown(row, item))
        else:
            yield from _wrong_parts(row, item, (*path, index))


def _item_words(row: Setting) -> str:
    return "a string without NUL" if row.pattern else "a string"


def _wrong_variables(row: Setting, variables: Mapping[Any, Any], path: Path) -> Iterator[Problem]:
    for name, text in variables.items():
        misnamed = wrong_variable_name(name)
        if misnamed is not None:
            yield misnamed
        elif not isinstance(text, str) or not _matches(row.pattern, text):
            yield Problem((*path, name), row.expected)
    too_many = wrong_size(variables)
    if too_many is not None:
        yield too_many


def wrong_variable_name(name: str) -> Problem | None:
    """Return what is wrong with the name of an environment variable, if anything is."""
    row = SETTINGS["environmentVariables"]
    if _matches(row.names, name):
        return None
    path = (row.name, name)
    if name.startswith(_RESERVED):
        text = f"environment variable {name!r} is reserved by Function Compute: {_RESERVED}*"
        return Problem(path, VARIABLE_NAME_WORDS, text=text, fix="give it another name")
    text = f"environment variable {name!r} must be a letter, then letters, digits and _"
    return Problem(path, VARIABLE_NAME_WORDS, text=text, fix="give it another name")


def wrong_size(variables: Mapping[str, Any]) -> Problem | None:
    """Return what is wrong with environment variables as a whole, if anything is."""
    row = SETTINGS["environmentVariables"]
    texts = [text for pair in variables.items() for text in pair if isinstance(text, str)]
    # A text that is not UTF-8 is refused when the request is written or read.
    size = len("".join(texts).encode(errors="surrogatepass"))
    if row.size is None or size <= row.size:
        return None
    return Problem((row.name,), f"at most {row.size} bytes, names and values", f"{size}")


def _is_of(kind: Kind, value: object) -> bool:
    if isinstance(value, bool):
        return kind in {"any", "boolean", "scalar"}
    return isinstance(value, _TYPES[kind])


_TYPES: Final[Mapping[Kind, tuple[type, ...]]] = {
    "any": (object,),
    "boolean": (bool,),
    "integer": (int,),
    "list": (list, tuple),
    "mapping": (Mapping,),
    "number": (int, float),
    "scalar": (str, int, float),
    "text": (str,),
    "variables": (Mapping,),
}
"""Python's types of JSON values; true and false, which are integers to Python, apart."""


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_allowed(row: Setting, value: Any) -> bool:
    if row.choices:
        return value in row.choices
    if isinstance(value, str):
        is_short = row.length is None or len(value) <= row.length
        return is_short and _matches(row.pattern, value)
    if row.kind == "integer" and row.step is not None and value % row.step:
        return False
    is_high_enough = row.low is None or value >= row.low
    return is_high_enough and (row.high is None or value <= row.high)


def _matches(pattern: str, text: str) -> bool:
    return not pattern or re.fullmatch(pattern, text) is not None


def _problem(row: Setting, value: Any, path: Path) -> Problem:
    return Problem(path, row.expected, _shown(row, value))


def _shown(row: Setting, value: Any) -> str:
    """Return a value for a message; "" for one that may be a password, which any text may be."""
    if row.choices or row.kind in {"boolean", "integer", "number"}:
        return shorten(value)
    if isinstance(value, str) and row.length is not None and len(value) > row.length:
        return f"{len(value)} characters"
    return ""
