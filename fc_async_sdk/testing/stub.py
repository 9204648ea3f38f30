# SPDX-License-Identifier: MIT
"""A stub in place of the service: nothing is sent, and what isn't expected fails."""

from __future__ import annotations

import collections
import inspect
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from fc_async_sdk import operations
from fc_async_sdk._client_base import BaseClient
from fc_async_sdk.errors import FcAsyncError, InvalidParameter, service_error_class
from fc_async_sdk.operations import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from fc_async_sdk.operations import Call

C = TypeVar("C", bound=BaseClient)


class _Any:
    """Equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return "ANY"


ANY: Final = _Any()
"""Stands for any value in the expected arguments of a :class:`Stubber`."""


class StubError(AssertionError):
    """The code under test called otherwise than the stub was told."""


class _Scripted(NamedTuple):
    method: str
    outcome: object
    expected: Mapping[str, Any] | None


class Stubber(Generic[C]):
    """Takes the place of the service for one client, of either kind.

    Calls must come in the order in which answers were added, with the arguments that were
    expected; at the end no answer may be left. Arguments are checked by the SDK as always.

    Args:
        client: The client; nothing that it is asked for is sent while the stub is active.
    """

    def __init__(self, client: C) -> None:
        self.client = client
        self._script: collections.deque[_Scripted] = collections.deque()

    def add_response(
        self,
        method: str,
        response: object = None,
        expected: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an answer.

        Args:
            method: Name of the client's method.
            response: What it returns: an object of :mod:`fc_async_sdk.models`, or a mapping as
                the service would answer, or None.
            expected: Arguments that must be given, by name; :data:`ANY` for any value. None: any
                arguments.
        """
        self._add(method, response, expected)

    def add_error(
        self,
        method: str,
        error: str | FcAsyncError,
        *,
        http_status: int = 400,
        message: str = "",
        expected: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an error.

        Args:
            method: Name of the client's method.
            error: A code of the service such as ``FunctionNotFound``, or an error to raise.
            http_status: Status of the answer, for a code.
            message: The service's words, for a code.
            expected: As in :meth:`add_response`.
        """
        if isinstance(error, str):
            cls = service_error_class(error, http_status)
            error = cls(error, message, http_status=http_status, request_id="stubbed")
        self._add(method, error, expected)

    def activate(self) -> None:
        """Answer calls in place of the service."""
        vars(self.client)["_perform"] = self._stand_in()

    def deactivate(self) -> None:
        """Send calls to the service again."""
        vars(self.client).pop("_perform", None)

    def assert_no_pending_responses(self) -> None:
        """Fail if a prepared answer was not requested.

        Raises:
            StubError: One is left.
        """
        if self._script:
            left = ", ".join(item.method for item in self._script)
            raise StubError(f"{len(self._script)} answers were not asked for: {left}")

    def __enter__(self) -> Self:
        self.activate()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.deactivate()
        if kind is None:
            self.assert_no_pending_responses()

    def _add(self, method: str, outcome: object, expected: Mapping[str, Any] | None) -> None:
        operation = getattr(operations, method, None)
        if operation is None or not method.islower():
            raise InvalidParameter("method", method, "is not a method of the client that sends")
        known = inspect.signature(operation).parameters
        wrong = [name for name in expected or () if name not in known and "options" not in known]
        if wrong:
            raise InvalidParameter("expected", wrong[0], f"is not an argument of {method}")
        self._script.append(_Scripted(method, outcome, expected))

    def _stand_in(self) -> Callable[..., Any]:
        async def answer_later(*call: Any, **options: Any) -> Any:
            return self._answer(*call, **options)

        later = inspect.iscoroutinefunction(getattr(self.client, "send", None))
        return answer_later if later else self._answer

    def _answer(
        self,
        operation: Callable[..., Call[Any]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        **_: Any,
    ) -> Any:
        name = operation.__name__
        call = operation(*args, **kwargs)
        call.check_size(self.client.config.max_async_payload_bytes)
        if not self._script:
            raise StubError(f"{name} was called, and no answer is left")
        scripted = self._script.popleft()
        if scripted.method != name:
            raise StubError(f"{name} was called, {scripted.method} was expected")
        bound = inspect.signature(operation).bind(*args, **kwargs)
        given = {**bound.arguments, **bound.arguments.get("options", {})}
        for argument, value in (scripted.expected or {}).items():
            if argument not in given or value != given[argument]:
                got = repr(given[argument]) if argument in given else "nothing"
                raise StubError(f"{name}: expected {argument}={value!r}, got {got}")
        if isinstance(scripted.outcome, FcAsyncError):
            raise scripted.outcome
        if isinstance(scripted.outcome, dict):
            return call.result(Answer(200, {}, msgspec.json.encode(scripted.outcome)))
        return scripted.outcome
