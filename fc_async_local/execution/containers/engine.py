# SPDX-License-Identifier: MIT
"""One container engine, Docker or podman, by its API.

Both answer the same requests; where podman differs, a comment says so.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import aiodocker

from fc_async_local.execution.containers.container import BROKEN, Container, remove
from fc_async_local.execution.containers.spec import RUN_LABEL
from fc_async_local.execution.protocol import CannotRun
from fc_async_sdk._cancellation import ends_within

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from fc_async_local.execution.protocol import Deployment

_PING_SECONDS: Final = 5.0
_NOT_FOUND: Final = 404


class Image(NamedTuple):
    """An image that the engine has.

    Attributes:
        id: Its digest.
        command: What it runs if nothing else is said: ENTRYPOINT and CMD.
        environment: Its variables.
    """

    id: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


class Facts(NamedTuple):
    """Facts of an engine.

    Attributes:
        name: ``Docker`` or ``podman``.
        version: Of the engine.
        processors: How many containers can use.
        is_rootless: Whether it runs without root.
    """

    name: str
    version: str
    processors: int
    is_rootless: bool

    def __str__(self) -> str:
        """Return name and version."""
        return f"{self.name} {self.version}"


class Engine:
    """An engine that answers. Belongs to one event loop; close it with ``aclose``.

    Args:
        docker: The connection.
        facts: Its name, version and limits.

    Attributes:
        facts: As given.
    """

    def __init__(self, docker: aiodocker.Docker, facts: Facts) -> None:
        self.facts = facts
        self._docker = docker
        self._work: set[asyncio.Task[None]] = set()

    @classmethod
    async def connect(cls, address: str) -> Engine | None:
        """Return the engine at an address; None if none answers there."""
        docker = aiodocker.Docker(url=address)
        asking = asyncio.ensure_future(_facts(docker))
        try:
            if await ends_within(_PING_SECONDS, asking):
                return cls(docker, asking.result())
        except BROKEN:
            pass  # no engine is there, or it broke off
        await docker.close()
        return None

    async def answers(self) -> bool:
        """Return whether it still answers."""
        asking = asyncio.ensure_future(self._docker.version())
        try:
            if not await ends_within(_PING_SECONDS, asking):
                return False
            asking.result()
        except BROKEN:
            return False
        return True

    async def image(self, reference: str) -> Image | None:
        """Return an image that is on this machine; None if it is not.

        Raises:
            CannotRun: The engine does not answer.
        """
        try:
            document = await self._docker.images.inspect(reference)
        except aiodocker.DockerError as error:
            if error.status == _NOT_FOUND:
                return None
            raise CannotRun(f"{self.facts}: {error.message}") from None
        except BROKEN as error:
            raise CannotRun(f"{self.facts} does not answer: {error}") from None
        config = document.get("Config") or {}
        variables = [text.partition("=") for text in config.get("Env") or ()]
        return Image(
            document["Id"],
            (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())),
            {name: value for name, _, value in variables},
        )

    async def needed_image(self, deployment: Deployment) -> Image:
        """Return the image of a function.

        Raises:
            CannotRun: It is not on this machine, or the engine does not answer.
        """
        reference = deployment.image
        image = await self.image(reference)
        if image is None:
            raise CannotRun(
                f"image {reference!r} of function {deployment.function!r} is not on this machine: "
                f"build it, or run: {self.facts.name.lower()} pull {reference}"
            )
        return image

    async def create(
        self, request: Mapping[str, Any], name: str, output: Callable[[bytes], None]
    ) -> Container:
        """Make a container, which is not started.

        Args:
            request: See :func:`.spec.request`.
            name: Of the container.
            output: Takes what it prints.

        Raises:
            CannotRun: The engine refuses it, or does not answer.
        """
        try:
            raw = await self._docker.containers.create(dict(request), name=name)
        except aiodocker.DockerError as error:
            raise CannotRun(f"{self.facts}: {error.message}") from None
        except BROKEN as error:
            raise CannotRun(f"{self.facts} does not answer: {error}") from None
        return Container(self._docker, raw, output, self.later)

    async def network(self, name: str) -> dict[str, Any]:
        """Return a network as the engine describes it; {} if it has none of that name."""
        try:
            network = await self._docker.networks.get(name)
            document: dict[str, Any] = await network.show()
        except BROKEN:
            return {}
        return document

    async def remove_all(self, run: str) -> int:
        """Remove the containers of a run of a runtime; return how many there were."""
        filters = {"label": [f"{RUN_LABEL}={run}"]}
        try:
            containers = await self._docker.containers.list(all=True, filters=json.dumps(filters))
        except BROKEN:
            return 0
        for container in containers:
            await remove(container)
        return len(containers)

    def later(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something that :meth:`aclose` waits for."""
        task = asyncio.ensure_future(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def aclose(self) -> None:
        """Finish what was begun, then close the connection."""
        while self._work:
            await asyncio.wait(self._work)
        await self._docker.close()


async def _facts(docker: aiodocker.Docker) -> Facts:
    version = await docker.version()
    info = await docker.system.info()
    components = {str(component.get("Name")) for component in version.get("Components") or ()}
    is_podman = any(name.startswith("Podman") for name in components)
    options = info.get("SecurityOptions") or ()
    return Facts(
        name="podman" if is_podman else "Docker",
        version=str(version.get("Version")),
        processors=int(info.get("NCPU") or 1),
        is_rootless=any("name=rootless" in option for option in options),
    )
