# SPDX-License-Identifier: MIT
"""The request to an engine that makes the container of an instance. Pure.

Invariants:

- A container has no socket of the engine, no privileges, and not the network of this machine.
- Its port is published on 127.0.0.1 only.
- Its keys are invented, and no variable of this machine is passed on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fc_async_local.execution.protocol import Deployment

RUN_LABEL: Final = "fc-async.run"
"""Names the run of a runtime: what it left behind is found by it."""
FUNCTION_LABEL: Final = "fc-async.function"
"""For people: ``docker ps --filter label=fc-async.function``."""
HOST: Final = "host.docker.internal"
"""The name of this machine in a container, as Docker Desktop has it."""
_NANO: Final = 1_000_000_000
_BYTES_PER_MB: Final = 1024 * 1024
_MOST_PROCESSES: Final = 1024
"""Ours: a fork bomb of a function must not reach this machine."""


class Bind(NamedTuple):
    """A file or folder of this machine in a container.

    Attributes:
        source: On this machine.
        target: In the container.
        read_only: Whether the container may not write.
    """

    source: str
    target: str
    read_only: bool = True

    def document(self) -> dict[str, Any]:
        """Return it as the engine reads it: a path may have a colon, unlike that of ``Binds``."""
        return {
            "Type": "bind",
            "Source": self.source,
            "Target": self.target,
            "ReadOnly": self.read_only,
        }


class Additions(NamedTuple):
    """The parts of a container that are not of its image.

    Attributes:
        network: Its network mode; "" for the engine's default.
        environment: Variables, which win over those of the image.
        binds: Files and folders of this machine.
        run: Value of :data:`RUN_LABEL`.
        processors: How many the engine has.
    """

    network: str
    environment: Mapping[str, str]
    binds: Sequence[Bind]
    run: str
    processors: int


def request(deployment: Deployment, additions: Additions) -> dict[str, Any]:
    """Return the body of the request that makes a container.

    Args:
        deployment: The function; its image is on this machine.
        additions: What it has beside its image.
    """
    port = f"{deployment.port}/tcp"
    memory = deployment.memory_mb * _BYTES_PER_MB
    host: dict[str, Any] = {
        "NetworkMode": additions.network,
        "PortBindings": {port: [{"HostIp": "127.0.0.1", "HostPort": ""}]},
        "ExtraHosts": [f"{HOST}:host-gateway"],
        "Mounts": [bind.document() for bind in additions.binds],
        "Memory": memory,
        "MemorySwap": memory,  # the sum of both: no swap
        "PidsLimit": _MOST_PROCESSES,
        "SecurityOpt": ["no-new-privileges"],
        "Privileged": False,
    }
    if deployment.cpu is not None:
        # An engine refuses more processors than it has.
        host["NanoCpus"] = round(min(deployment.cpu, additions.processors) * _NANO)
    body: dict[str, Any] = {
        "Image": deployment.image,
        "Env": [f"{name}={value}" for name, value in additions.environment.items()],
        "ExposedPorts": {port: {}},
        "Labels": {
            RUN_LABEL: additions.run,
            FUNCTION_LABEL: deployment.function,
        },
        "HostConfig": host,
    }
    if deployment.entrypoint:
        body["Entrypoint"] = list(deployment.entrypoint)
    if deployment.command:
        body["Cmd"] = list(deployment.command)
    return body
