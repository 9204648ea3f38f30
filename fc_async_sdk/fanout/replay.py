# SPDX-License-Identifier: MIT
"""Plan of a replay: what each failed event of a destination is sent as. Data; no I/O.

Invariants:

- The task id is derived from the request id of the failed invocation, so that a second replay of
  the same event is recognised by the service.
- The payload is that of the failed invocation, byte for byte.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk import operations
from fc_async_sdk._pacing import Run, hop
from fc_async_sdk._pacing.sending import as_json
from fc_async_sdk.errors import FcAsyncError, InvalidEvent, InvalidParameter, PaceError
from fc_async_sdk.events import DestinationEvent, from_mns_message, parse
from fc_async_sdk.fanout.plan import Outcome, RunPlan
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Collection

    from fc_async_sdk._pacing import BasePace as Pace
    from fc_async_sdk.fanout.plan import Job
    from fc_async_sdk.fanout.progress import Report
    from fc_async_sdk.spec.arn import FunctionArn

_SUFFIX: Final = re.compile(r"-replay-([0-9]{1,9})\Z")
_OF_GROUP: Final = re.compile(r"_r[1-9][0-9]*-[0-9]+\Z")
"""Replay of a member of a group (fc_async_sdk.handles.members)."""


class ReplayPlan(RunPlan):
    """Checked arguments of ``replay_events``.

    Args:
        events: The events.
        to: The function that is called; None: the one that failed.
        qualifier: Version or alias of ``to``.
        region: Region of the client, "" if it is not known.
        account_id: Account of the client, "" if it is not known.
        concurrency: How many are on the wire at a time.
        progress: A callback, True for a bar, or nothing.
        pace: Decides when the calls start.
        functions: The functions that may be called; None: all.

    Raises:
        InvalidParameter: One of them is wrong.
        ConfigurationError: A progress bar was asked for and ``rich`` is not installed.
    """

    def __init__(
        self,
        events: object,
        *,
        to: str | None,
        qualifier: str | None,
        region: str,
        account_id: str,
        concurrency: int,
        progress: Report,
        pace: Pace | None = None,
        functions: Collection[str] | None = None,
    ) -> None:
        super().__init__("events", events, concurrency, progress)
        if isinstance(functions, str):
            raise InvalidParameter("functions", functions, "must be a collection of names")
        if to is None and qualifier is not None:
            raise InvalidParameter("qualifier", qualifier, "needs to, the function that it is of")
        if to is not None:
            operations.invoke_async(to, qualifier=qualifier)
        if pace is not None:
            self.slots = Run(pace, None if pace.keyed else events, read=_values)
        self._to = to
        self._qualifier = qualifier
        self._functions = functions
        self._region = region
        self._account_id = account_id
        self.title = f"replaying to {to}" if to else "replaying"

    def prepare(
        self,
        index: int,
        payload: Any,
        taken: dict[str, int],  # noqa: ARG002 -- as of Plan
    ) -> Job | Outcome:
        """Return the job for an event, or its outcome when it cannot be sent.

        Args:
            index: Which event, from 0.
            payload: The event, in any form that ``replay_events`` takes.
            taken: Not used: ids follow from the events.

        Raises:
            PaceError: The pace has no slot for it.
        """
        task_id = ""
        try:
            event = read(payload)
            task_id = replay_id(event)
            function, qualifier = self._target(event)
            arguments = {
                "function": function,
                "payload": event.request.bytes(),
                "delay": None,
                "task_id": task_id,
                "qualifier": qualifier,
            }
            return self.job(index, payload, arguments)
        except PaceError:
            raise
        except FcAsyncError as error:
            return Outcome(
                index=index,
                payload=payload,
                task_id=task_id,
                error=error,
            )

    def _target(self, event: DestinationEvent) -> tuple[str, str | None]:
        """Return function and qualifier that an event is sent to.

        Raises:
            InvalidParameter: The event does not name a function that the client can call.
        """
        if self._to is not None:
            return self._to, self._qualifier
        named: FunctionArn | None = event.arn
        if named is None:
            raise InvalidParameter(
                "to", None, f"must name a function: the event names {event.function_arn!r}"
            )
        # What a message says is not believed: a sender to the queue could have any function of
        # the account called with the keys of the operator.
        if self._functions is not None and named.function not in self._functions:
            raise InvalidParameter(
                "functions",
                self._functions,
                f"must have {named.function} for this event to be sent",
            )
        self._check_place("region", self._region, named.function, named.region)
        self._check_place("account", self._account_id, named.function, named.account_id)
        is_default = named.qualifier == limits.DEFAULT_QUALIFIER
        return named.function, None if is_default else named.qualifier

    @staticmethod
    def _check_place(
        noun: str,
        called: str,
        function: str,
        named: str,
    ) -> None:
        """Check that a function is where this client calls: one of its name may be here, too."""
        if called and named and called != named:
            raise InvalidParameter(
                "to",
                None,
                f"must name a function: {function} is in {noun} {named}, and this client"
                f" calls {called}",
            )


def _values(payload: bytes) -> object:
    """Return the JSON values of a payload, also of one whose message has waited for its slot."""
    message = hop.read(payload)
    return as_json(payload if message is None else message.payload.open())


def read(event: Any) -> DestinationEvent:
    """Return an event from any of its forms, or from a message of a queue client.

    Raises:
        InvalidEvent: It is not a destination event.
    """
    if isinstance(event, DestinationEvent):
        return event
    return parse(event) if hasattr(event, "get_attributes") else from_mns_message(event)


def replay_id(event: DestinationEvent) -> str:
    """Return the task id of the replay of a failed event, the same each time.

    Raises:
        InvalidEvent: The invocation succeeded, or the event lacks its payload or its request id.
    """
    if event.succeeded:
        raise InvalidEvent("the invocation succeeded, so it is not replayed")
    if not event.complete:
        raise InvalidEvent(
            "a part of the payload was left out, because it was too long for the destination: "
            "replay the task instead",
            "$.requestPayload",
        )
    if not event.request_id:
        raise InvalidEvent(
            "without a request id a second replay could not be recognised",
            "$.requestContext.requestId",
        )
    return next_id(event.request_id)


def next_id(task_id: str) -> str:
    """Return the id of a replay: ``order-7-replay-1`` for ``order-7``, then ``order-7-replay-2``.

    An id that the service made may begin with a digit, which the ids of callers must not: it gets
    the prefix ``t-``. An id that is too long or has other characters is replaced by its SHA-256.
    """
    match = _SUFFIX.search(task_id)
    number = 1
    stem = task_id
    if match:
        number = int(match[1]) + 1
        stem = task_id[: match.start()]
    suffix = f"-replay-{number}"
    if not limits.TASK_ID_PATTERN.fullmatch(stem):
        stem = f"t-{stem}"
    if not limits.TASK_ID_PATTERN.fullmatch(stem + suffix):
        # Hashed, not cut: two long ids that began alike had the same replay.
        digest = hashlib.sha256(stem.encode("utf-8", "surrogatepass"))
        stem = f"t-{digest.hexdigest()}"
    return stem + suffix


def is_replay(task_id: str) -> bool:
    """Return whether a task is a replay, by its id."""
    return any(form.search(task_id) for form in (_SUFFIX, _OF_GROUP))
