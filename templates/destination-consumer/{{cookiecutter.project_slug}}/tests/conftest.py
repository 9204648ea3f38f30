"""What the tests share: s.yaml on a Function Compute on this machine, and a worker beside it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fc_async_local.settings import Settings as RuntimeSettings
from fc_async_local.testing import FcLocal

from worker.consumer import Consumer, handler_of
from worker.dead_letters import DeadLetters
from worker.settings import Settings
from worker.sources import Mns, RocketMq, Source

PROJECT = Path(__file__).parent.parent


@pytest.fixture
def fc_local_settings() -> RuntimeSettings:
    """Return the settings of a runtime that is as strict as the service.

    Destinations need a role, and a package that functions would not have there fails its import.
    """
    return RuntimeSettings.of(enforce_roles=True, strict_imports=True)


@pytest.fixture
def deployed(fc_local: FcLocal) -> FcLocal:
    """Return the local runtime with this project on it. Its clock is virtual."""
    fc_local.deploy_template(PROJECT / "s.yaml")
    return fc_local


@pytest.fixture
def settings(deployed: FcLocal, tmp_path: Path) -> Settings:
    """Return the settings of a worker that reads from the local runtime."""
    return Settings(
        mns_endpoint=deployed.mns_endpoint,
        rocketmq_endpoint=deployed.rocketmq_endpoint,
        worker_data=str(tmp_path / "data"),
    )


class Worker:
    """A worker in the process of a test. It polls without waiting."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self.source = source
        self.handle = handler_of(settings)
        self.dead_letters = DeadLetters(Path(settings.worker_data) / "worker.db")
        self._consumer = Consumer(source, self.handle, self.dead_letters)

    def work(self) -> int:
        """Process all messages that can be received now, and return their number."""
        number = 0
        while message := self.source.receive(0):
            self._consumer.process(message)
            number += 1
        return number


@pytest.fixture
def results(settings: Settings) -> Worker:
    """Return a worker for the results in RocketMQ."""
    return Worker(RocketMq(settings), settings)


@pytest.fixture
def failures(settings: Settings) -> Worker:
    """Return a worker for the failures in MNS."""
    return Worker(Mns(settings), settings)


@pytest.fixture
def lines(settings: Settings) -> Callable[[str], list[str]]:
    """Return a function that returns the lines of a file that the worker writes."""

    def read(name: str) -> list[str]:
        file = Path(settings.worker_data) / name
        return file.read_text().splitlines() if file.exists() else []

    return read
