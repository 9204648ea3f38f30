# SPDX-License-Identifier: MIT
"""The names that ``runtime`` of a function may have, by kind, and what runtimes and layers contain.

Which of them run on one machine is decided by the local runtime, not here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PYTHON: Final = frozenset({"python3", "python3.9", "python3.10", "python3.12"})
NODE: Final = frozenset({"nodejs12", "nodejs14", "nodejs16", "nodejs18", "nodejs20"})
CUSTOM: Final = frozenset({"custom", "custom.debian10", "custom.debian11", "custom.debian12"})
"""A web server that the function brings along."""
CONTAINER: Final = "custom-container"
OTHERS: Final = frozenset({"java8", "java11", "go1", "php7.2", "dotnetcore3.1"})
ALL: Final = PYTHON | NODE | CUSTOM | OTHERS | {CONTAINER, "micro-sandbox"}
"""All names that CreateFunction accepts. ``micro-sandbox`` is in the schema of fc3 0.1.22 and has
``microSandboxConfig`` in CreateFunctionInput. That schema also has ``dotnetcore2.1``, ``nodejs10``,
``nodejs8`` and ``python2.7``, which are runtimes of FC 2.0 only."""
NEED_NO_HANDLER: Final = CUSTOM | {CONTAINER, "micro-sandbox"}


class ContextFields(NamedTuple):
    """The attributes of a handler's context.

    Attributes:
        context: Attributes of the context itself; ``getLogger()`` is in every runtime.
        function: Attributes of ``context.function``.
    """

    context: frozenset[str]
    function: frozenset[str]


_FUNCTION: Final = frozenset({"name", "handler", "memory", "timeout"})
_OLD_CONTEXT: Final = ContextFields(
    frozenset(
        {"request_id", "credentials", "function", "service", "region", "account_id"}
        # Not on the page, but in the runtime itself, with to_json().
        | {"requestId", "retry_count", "tracing", "logger"}
    ),
    _FUNCTION,
)
_CONTEXT_OF_312: Final = ContextFields(
    frozenset(
        {"request_id", "account_id", "function", "region", "logger", "log_project", "log_store"}
    ),
    _FUNCTION | {"version_id", "qualifier"},
)


def context_fields(runtime: str) -> ContextFields:
    """Return the attributes of the context in a Python runtime.

    Source: "Context (Python)" in docs/reference/sources.md, which has one list for 3.12 and one for
    the older runtimes.
    """
    return _CONTEXT_OF_312 if runtime == "python3.12" else _OLD_CONTEXT


# --- what a function can import -------------------------------------------------------------------

_VERSIONS: Final = {"python3": (3, 6), "python3.9": (3, 9)} | {
    f"python3.{minor}": (3, minor) for minor in (10, 12)
}
_ADDED: Final = {
    "contextvars": (3, 7),
    "dataclasses": (3, 7),
    "graphlib": (3, 9),
    "zoneinfo": (3, 9),
    "tomllib": (3, 11),
    "annotationlib": (3, 14),
    "compression": (3, 14),
}
"""Modules of the standard library by the first version that has them (docs.python.org, "What's
New in Python")."""
_REMOVED: Final = {
    **dict.fromkeys(("formatter", "parser", "symbol"), (3, 10)),
    "binhex": (3, 11),
    **dict.fromkeys(("asynchat", "asyncore", "distutils", "imp", "smtpd"), (3, 12)),
}
"""The same by the first version without them."""

_SDKS_UNTIL_310: Final = frozenset(
    {"oss2", "tablestore", "fc2", "mns", "aliyun"}
    | {f"aliyunsdk{name}" for name in ("ecs", "vpc", "rds", "kms", "cdn", "ram", "sts", "iot")}
)
_SDKS_OF_312: Final = (
    "ecs20140526 vpc20160428 rds20140815 kms20160120 cdn20180510 ram20150501 sts20150401 "
    "iot20180120"
)
_TOOLS: Final = frozenset(
    {"wand", "scrapy", "pymysql", "elasticsearch", "PIL", "OpenSSL", "redis", "requests"}
)
_SCIENCE: Final = frozenset({"cv2", "numpy", "scipy", "matplotlib", "mpl_toolkits", "pylab"})
Mark = Literal["documented", "assumed", "unsure"]
"""Certainty of an entry. ``documented``: on the service's page ("Python runtimes", "Node runtimes"
in docs/reference/sources.md). ``assumed``: the end of the page's list was not seen, or a documented
package requires it. ``unsure``: from older copies of the list, and from users' programs."""
_OF_NODE: Final = frozenset(
    {"@alicloud/fc2", "@alicloud/pop-core", "ali-mns", "ali-oss", "aliyun-sdk"}
    | {"body", "co", "gm", "raw-body", "tablestore"}
)
_SHIPPED: Final[Mapping[str, Sequence[tuple[Mark, frozenset[str]]]]] = {
    "python3.12": [
        (
            "documented",
            frozenset({"oss2", "alibabacloud_mns_open20220119", "alibabacloud_sls20201230"})
            | {f"alibabacloud_{name}" for name in _SDKS_OF_312.split()}
            | _TOOLS,
        )
    ],
    "python3.10": [("documented", _SDKS_UNTIL_310 | _TOOLS)],
    "python3.9": [("documented", _SDKS_UNTIL_310 | _SCIENCE), ("assumed", _TOOLS)],
    "python3": [("unsure", _SDKS_UNTIL_310 | _SCIENCE | _TOOLS | {"datahub"})],
    **{name: [("documented", _OF_NODE)] for name in ("nodejs20", "nodejs18", "nodejs16")},
    **{name: [("assumed", _OF_NODE)] for name in ("nodejs14", "nodejs12")},
}
"""Modules of the packages that a runtime ships, with how sure that is."""
_COME_ALONG: Final[Mapping[str, str]] = {
    "oss2": "requests crcmod Crypto aliyunsdkcore aliyunsdkkms six",
    "requests": "urllib3 idna certifi charset_normalizer",
    "aliyunsdkcore": "jmespath cryptography",
    "cryptography": "cffi pycparser",
    "tablestore": "google flatbuffers future six",
    "aliyun": "dateutil dateparser google jmespath pytz regex six tzlocal typing_extensions",
    "elasticsearch": "elastic_transport",
    "redis": "async_timeout",
    "alibabacloud_ecs20140526": "Tea darabonba alibabacloud_credentials alibabacloud_tea_openapi "
    "alibabacloud_tea_util alibabacloud_endpoint_util alibabacloud_openapi_util "
    "alibabacloud_gateway_spi aiohttp aiofiles apscheduler",
    "aiohttp": "aiohappyeyeballs aiosignal attr attrs frozenlist multidict propcache yarl",
    "scrapy": "automat attr attrs constantly cssselect filelock hyperlink incremental itemadapter "
    "itemloaders lxml packaging parsel pkg_resources protego pydispatch queuelib requests_file "
    "service_identity setuptools tldextract twisted typing_extensions w3lib zope",
}
"""Modules of what these packages require, by their own metadata: the service does not list them,
and does not promise them."""
_FLASK: Final = "flask werkzeug jinja2 markupsafe click itsdangerous blinker"
_OF_PACKAGES: Final[Mapping[str, tuple[str, str]]] = {
    "OSS2": ("oss2", "oss2"),
    "Flask3x": ("flask>=3,<4", _FLASK),
    "Flask2x": ("flask>=2.2,<3", _FLASK),
    "Pandas2x": ("pandas>=2,<3", "pandas numpy dateutil pytz tzdata six"),
    "Pandas1x": ("pandas>=1,<2 numpy<2", "pandas numpy dateutil pytz six"),
    "SciPy1x": ("scipy>=1,<2", "scipy numpy"),
    "PyMongo4x": ("pymongo>=4,<5", "pymongo bson gridfs dns"),
    "Opencv4x": ("opencv-python-headless>=4,<5", "cv2 numpy"),
    "Pdf2image": ("pdf2image", "pdf2image PIL"),
}
"""Public layers of Python packages, by the last part of a layer's name: what installs the same, and
the modules ("Layers" in docs/reference/sources.md; what the packages require is from their own
metadata)."""
_PROGRAMS: Final = {
    "Python": "python3",
    "Nodejs": "node",
    "Java": "java",
    "PHP": "php",
    "Go": "go",
    "Dotnet": "dotnet",
    "Nginx": "nginx",
    "FFmpeg": "ffmpeg",
    "SQLite": "sqlite3",
}
"""Commands of public layers that bring a language or a program, by the first part of the name."""
_LAYER: Final = re.compile(r"(?:acs:fc:[\w-]+:)?official:layers/(?P<name>[\w-]+)(?:/versions/\d+)?")
_VERSIONED: Final = re.compile(r"(?P<what>[A-Za-z]+)\d*x?(?:-Debian\d+)?")


class PublicLayer(NamedTuple):
    """Content of a public layer of the service.

    Attributes:
        name: Such as ``Nodejs16``.
        command: What it brings if that is a language or a program, such as ``node``; else "".
        requirement: What installs the same Python packages, such as ``flask>=3,<4``, separated by
            spaces; else "".
        modules: Top-level names of these packages.
    """

    name: str
    command: str = ""
    requirement: str = ""
    modules: tuple[str, ...] = ()


def public_layer(reference: str) -> PublicLayer | None:
    """Return the content of a layer by its reference; None if it is not one of the service's.

    Args:
        reference: ``official:layers/NAME/versions/N``, also as an ARN.

    Returns:
        A layer of the service whose content is not known has only a name.
    """
    match = _LAYER.fullmatch(reference)
    if match is None:
        return None
    name = match["name"]
    # Names end with the packages, such as Python3-Flask2x; languages have a number, such as
    # Nodejs16.
    requirement, modules = _OF_PACKAGES.get(name.rpartition("-")[2], ("", ""))
    versioned = _VERSIONED.fullmatch(name)
    command = _PROGRAMS.get(versioned["what"], "") if versioned else ""
    return PublicLayer(name, command, requirement, tuple(modules.split()))


def shipped(runtime: str, module: str) -> Mark | None:
    """Return how sure it is that a runtime ships a module; None if it is not known to do so."""
    for mark, modules_ in _SHIPPED.get(runtime, ()):
        if module in modules_:
            return mark
    return "assumed" if runtime in PYTHON and module in (modules(runtime) or ()) else None


def python_version(runtime: str) -> tuple[int, int]:
    """Return major and minor version of a Python runtime."""
    return _VERSIONS[runtime]


def modules(runtime: str, layers: Iterable[str] = ()) -> frozenset[str] | None:
    """Return the modules that a Python runtime has beside its standard library.

    Args:
        runtime: Such as ``python3.10``.
        layers: References to layers that are not on this machine, such as
            ``official:layers/Python3-Flask2x/versions/1``.

    Returns:
        Top-level names; None if one of the layers is not known, so that nothing can be said.
    """
    names = {module for _, group in _SHIPPED[runtime] for module in group}
    for reference in layers:
        layer = public_layer(reference)
        if layer is None or not (layer.modules or layer.command):
            return None
        names.update(layer.modules)
    waiting = list(names)
    while waiting:
        more = set(_COME_ALONG.get(waiting.pop(), "").split()) - names
        names |= more
        waiting += more
    return frozenset(names)


def not_in_standard_library(runtime: str) -> frozenset[str]:
    """Return modules of other versions' standard libraries that a Python runtime does not have."""
    version = _VERSIONS[runtime]
    later = {name for name, since in _ADDED.items() if since > version}
    return frozenset(later | {name for name, until in _REMOVED.items() if until <= version})


_KEYS: Final = frozenset(
    f"ALIBABA_CLOUD_{name}" for name in ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN")
)


def gives_variable(name: str) -> bool:
    """Return whether a runtime itself gives a function this environment variable.

    They are the keys of the function's role, and ``FC_*``.
    """
    return name in _KEYS or name.startswith("FC_")
