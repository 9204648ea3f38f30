# SPDX-License-Identifier: MIT
"""Account, region and credentials that functions see, and the environment of instances.

Invariants:
    * The runtime's own environment, which may hold real access keys, is not passed on.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_local.execution.machine.paths import Folders, ServicePaths
from fc_async_local.execution.worker import hosts as hooks
from fc_async_local.execution.worker.errors import CODE_ON_SERVICE
from fc_async_sdk.spec import hosts
from fc_async_sdk.spec.runtimes import context_fields

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_local.execution.protocol import Deployment

_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "LD_LIBRARY_PATH")
"""Variables that programs need on this machine; none is a secret."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Account and keys that functions see.

    Attributes:
        region: Region to emulate.
        account_id: Account to emulate.
        access_key_id: An invented key: the local runtime accepts any key.
        access_key_secret: Invented, too.
        security_token: Invented, too.
        environment: Further variables for all functions, such as the endpoint of this runtime.
            A function's own variables win.
    """

    region: str = "cn-hangzhou"
    account_id: str = "1234567890123456"
    access_key_id: str = "local"
    access_key_secret: str = "local"  # noqa: S105 -- invented, gives no access
    security_token: str = "local"  # noqa: S105 -- also invented
    environment: Mapping[str, str] = {}

    def __repr__(self) -> str:
        """Return region and account without the keys."""
        return f"Identity(region={self.region!r}, account_id={self.account_id!r})"


def fixed_context(deployment: Deployment, identity: Identity) -> dict[str, Any]:
    """Return the part of a handler's context that is the same for all calls of an instance."""
    fields = context_fields(deployment.runtime)
    return {
        "name": deployment.function,
        "handler": deployment.handler,
        "memory": deployment.memory_mb,
        "timeout": deployment.timeout_ms // 1000,
        "version_id": deployment.version_id,
        "region": identity.region,
        "account_id": identity.account_id,
        "credentials": [
            identity.access_key_id,
            identity.access_key_secret,
            identity.security_token,
        ],
        "context_fields": sorted(fields.context),
        "function_fields": sorted(fields.function),
    }


def inherited_environment() -> dict[str, str]:
    """Return the part of this process's environment that instances get."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


def path_of_commands(path: str) -> str:
    """Return the PATH on which the start command of a custom runtime is looked for.

    If the runtime is installed in a virtual environment and no other one is active, the commands of
    that environment come first, as if it were active: ``python3`` is then the interpreter that runs
    Python functions here, with the packages beside it.

    Args:
        path: The PATH of the function.
    """
    if sys.prefix == sys.base_prefix or os.environ.get("VIRTUAL_ENV"):
        return path
    scripts = os.path.join(sys.prefix, "Scripts" if os.name == "nt" else "bin")  # noqa: PTH118 -- PATH is text
    return os.pathsep.join(filter(None, [scripts, path]))


def build_environment(
    deployment: Deployment,
    identity: Identity,
    folders: Folders,
    instance_id: str,
) -> dict[str, str]:
    """Return all environment variables of one instance.

    The function's variables cannot replace the service's own (``FC_*`` is reserved).

    Args:
        deployment: The function.
        identity: Account and keys.
        folders: Its code, its layers and what it mounts. On the service the content of layers is
            merged below ``/opt``.
        instance_id: Of the instance.
    """
    code, layers, mounts = folders
    paths = ServicePaths(deployment.function, code, layers, mounts)
    service = _of_service(deployment, identity, str(code), instance_id)
    inherited = inherited_environment()
    usual = {
        "TZ": "UTC",
        **inherited,
        **_credentials(identity),
        **identity.environment,
        **{name: paths.text(value) for name, value in deployment.environment.items()},
    }
    if "PATH" in deployment.environment:
        # On the service the value names all of its folders; here the interpreters are elsewhere.
        searched = [usual["PATH"], inherited.get("PATH", "")]
        entries = os.pathsep.join(searched).split(os.pathsep)
        usual["PATH"] = os.pathsep.join(dict.fromkeys(filter(None, entries)))
    return _with_hooks({**usual, **_with_layers(usual, layers), **service})


def environment_of_image(
    deployment: Deployment, identity: Identity, instance_id: str
) -> dict[str, str]:
    """Return the environment variables that a container gets beside those of its image.

    Nothing of this machine is passed on: its PATH and HOME are not those of the image.

    Args:
        deployment: The function.
        identity: Account and keys.
        instance_id: Of the instance.
    """
    port = str(deployment.port)
    return {
        **_credentials(identity),
        **identity.environment,
        **deployment.environment,
        **_of_service(deployment, identity, CODE_ON_SERVICE, instance_id),
        "FC_CUSTOM_LISTEN_PORT": port,
        "FC_SERVER_PORT": port,
    }


def _credentials(identity: Identity) -> dict[str, str]:
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": identity.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": identity.access_key_secret,
        "ALIBABA_CLOUD_SECURITY_TOKEN": identity.security_token,
    }


def _of_service(
    deployment: Deployment, identity: Identity, code: str, instance_id: str
) -> dict[str, str]:
    """Return the variables that the service sets, which a function cannot replace."""
    service = {
        "FC_ACCOUNT_ID": identity.account_id,
        "FC_FUNC_CODE_PATH": code,
        "FC_FUNCTION_HANDLER": deployment.handler,
        "FC_FUNCTION_MEMORY_SIZE": str(deployment.memory_mb),
        "FC_FUNCTION_NAME": deployment.function,
        "FC_FUNCTION_VERSION": deployment.version_id,
        "FC_INSTANCE_ID": instance_id,
        "FC_REGION": identity.region,
        "FC_RUNTIME": deployment.runtime,
        "FC_TIMEOUT": str(deployment.timeout_ms // 1000),
        "FC_VER_ID": deployment.version_id,
    }
    if deployment.initializer:
        service["FC_INITIALIZER_HANDLER"] = deployment.initializer
        service["FC_INITIALIZATION_TIMEOUT"] = str(deployment.initializer_timeout_ms // 1000)
    return service


def led_here(ports: Mapping[str, int]) -> dict[str, str]:
    """Return the variables that lead connections to the cloud's hosts to this runtime.

    Args:
        ports: The port of each service, by the keys of :data:`hosts.PATTERNS`; hosts of the others
            are refused.
    """
    rows = [(pattern, ports.get(name, 0)) for name, pattern in hosts.PATTERNS.items()]
    return {hooks.VARIABLE: json.dumps(rows)}


def _with_hooks(environment: dict[str, str]) -> dict[str, str]:
    """Let Python and Node of a function load the hooks that lead its connections here."""
    if hooks.VARIABLE not in environment:
        return environment
    path = os.pathsep.join(filter(None, [hooks.HOOKS, environment.get("PYTHONPATH", "")]))
    script = os.path.join(hooks.HOOKS, "hosts.js").replace("\\", "/")  # noqa: PTH118 -- text
    options = f'--require "{script}" {environment.get("NODE_OPTIONS", "")}'.strip()
    return {
        **environment,
        "PYTHONPATH": path,
        "NODE_OPTIONS": options,
    }


_IN_LAYERS: Final = {
    "PYTHONPATH": "python",
    "NODE_PATH": "nodejs/node_modules",
    "PATH": "bin",
    "LD_LIBRARY_PATH": "lib",
}
"""The folder of a layer that belongs to each search path; the last layer is searched first."""


def _with_layers(usual: Mapping[str, str], layers: Sequence[Path]) -> dict[str, str]:
    """Return the search paths that layers extend; what the function itself sets comes first."""
    variables: dict[str, str] = {}
    for name, inside in _IN_LAYERS.items():
        folders = [layer / inside for layer in reversed(layers)]
        paths = [str(folder) for folder in folders if folder.is_dir()]
        if paths:
            before = [usual[name]] if usual.get(name) else []
            ordered = [*paths, *before] if name == "PATH" else [*before, *paths]
            variables[name] = os.pathsep.join(ordered)
    return variables
