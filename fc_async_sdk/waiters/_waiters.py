# SPDX-License-Identifier: MIT
# Written by .ci/unasync.py from _async_waiters.py: change that module.
"""Waiters: they send requests, and sleep between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fc_async_sdk.errors import NotFound, TransportError
from fc_async_sdk.waiters.polling import ResourceWait, boto3_times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fc_async_sdk.models import AsyncTask, Function
    from fc_async_sdk.waiters.polling import Kind, Port

T = TypeVar("T")


class _Waiter(Generic[T]):
    """Asks until the judgement of its kind ends the wait."""

    def __init__(self, port: Port, kind: Kind) -> None:
        self._port = port
        self._kind = kind

    def _wait(self, timeout: float | None, interval: float | None, *args: Any, **kwargs: Any) -> T:
        perform, _, sleep, now = self._port
        wait: ResourceWait[T] = ResourceWait(self._kind, timeout, interval, now())
        while True:
            limit = wait.request_timeout(now())
            try:
                seen: T = perform(wait.operation, args, kwargs, total_timeout=limit)
            except NotFound as error:
                wait.missing(error, now())
            except TransportError as error:
                wait.tolerate(error, now())
            else:
                if wait.done(seen):
                    return seen
            sleep(wait.wait(now()))


class TaskWaiter(_Waiter["AsyncTask"]):
    """Waits for a task; made by ``client.get_waiter``."""

    def wait(
        self,
        function: str,
        task_id: str,
        *,
        qualifier: str | None = None,
        timeout: float | None = 300.0,
        interval: float | None = None,
        WaiterConfig: Mapping[str, float] | None = None,  # noqa: N803 -- boto3's name
    ) -> AsyncTask:
        """Wait until the task reaches the status that the waiter is for.

        Args:
            function: Name of the function.
            task_id: Id of the task.
            qualifier: Version or alias it was called by; None is LATEST.
            timeout: Seconds after which to give up; None never does. A request that has no answer
                by then is abandoned.
            interval: Seconds between two requests; None asks often first, then every 5 s.
            WaiterConfig: As in boto3: ``{"Delay": 5, "MaxAttempts": 40}``, seconds between two
                requests and their number, instead of ``interval`` and ``timeout``.

        Returns:
            The task as it was seen last.

        Raises:
            WaiterError: It took too long or ended otherwise; ``.last`` is the task.
            AsyncTaskNotFound: There is no such task, also not some seconds later.
            TransportError: The service could not be asked.
        """
        return self._wait(
            *boto3_times(WaiterConfig, timeout, interval), function, task_id, qualifier=qualifier
        )


class FunctionWaiter(_Waiter["Function"]):
    """Waits for a function; made by ``client.get_waiter``."""

    def wait(
        self,
        function: str,
        *,
        qualifier: str | None = None,
        timeout: float | None = 300.0,
        interval: float | None = None,
        WaiterConfig: Mapping[str, float] | None = None,  # noqa: N803 -- boto3's name
    ) -> Function:
        """Wait until the function can be called and its latest update is through.

        Args:
            function: Name of the function.
            qualifier: Version or alias; None is LATEST.
            timeout: Seconds after which to give up; None never does. A request that has no answer
                by then is abandoned.
            interval: Seconds between two requests; None asks often first, then every 5 s.
            WaiterConfig: As in boto3: ``{"Delay": 5, "MaxAttempts": 40}``, seconds between two
                requests and their number, instead of ``interval`` and ``timeout``.

        Returns:
            The function as it was seen last.

        Raises:
            WaiterError: It took too long or failed; ``.last`` is the function.
            FunctionNotFound: There is no such function.
            TransportError: The service could not be asked.
        """
        return self._wait(
            *boto3_times(WaiterConfig, timeout, interval), function, qualifier=qualifier
        )
