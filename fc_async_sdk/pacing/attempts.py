# SPDX-License-Identifier: MIT
"""Attempts of a message that is sent again between them.

The service counts the attempts of one message. A retry that has to wait for a slot becomes another
message, whose attempts count from 0: what was used before travels with it.

Invariants:

- A handler that always fails runs as often as the configuration of its function says, not more:
  later attempts fail without a call of the handler.
- Where the runtime does not tell the number of an attempt, a late one counts as a retry.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from fc_async_sdk.errors import AttemptsUsedUp, FcAsyncError
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_sdk._pacing.hop import Hop

_LOG: Final = logging.getLogger("fc_async_sdk.pacing")
_REMEMBERED: Final = 100
"""Errors of messages whose attempts are used up; the service repeats such an attempt soon."""


def number(context: Any) -> int | None:
    """Return the number of an attempt, from 0; None if the runtime does not tell it."""
    retry_count = getattr(context, "retry_count", None)
    try:
        return None if retry_count is None else int(retry_count)
    except (TypeError, ValueError):
        return None


class Attempts:
    """The attempts of one function.

    Args:
        pace: Name of the pace, for errors.
        client: Returns the client of an instance, for a context.
        qualifier: Returns the qualifier, for a context.
    """

    def __init__(
        self,
        pace: str,
        client: Callable[[Any], Any],
        qualifier: Callable[[Any], str | None],
    ) -> None:
        self._pace = pace
        self._client = client
        self._qualifier = qualifier
        self._most: int | None = None
        self._errors: dict[str, BaseException] = {}

    def check(self, message: Hop, context: Any) -> None:
        """Check that a handler may run once more.

        Raises:
            AttemptsUsedUp: It may not.
        """
        if not message.tries or not number(context):
            return
        used = message.tries + (number(context) or 0)
        if used >= self.most(context):
            raise AttemptsUsedUp(
                self._pace, self.most(context), self._errors.get(context.request_id)
            )

    def used(self, message: Hop, context: Any) -> int:
        """Return how many attempts were used when a message is sent on."""
        attempt = number(context)
        return message.tries + (1 if attempt is None else attempt)

    def failed(self, message: Hop, context: Any, error: BaseException) -> None:
        """Note an error, for the attempts that follow and do not call the handler."""
        if not message.tries:
            return
        if len(self._errors) >= _REMEMBERED:
            self._errors.clear()
        self._errors[context.request_id] = error

    def most(self, context: Any) -> int:
        """Return how many attempts the configuration of the function allows; asked for once."""
        if self._most is None:
            self._most = 1 + self._retries(context)
        return self._most

    def _retries(self, context: Any) -> int:
        default = limits.RETRY_ATTEMPTS.default
        try:
            config = self._client(context).get_async_invoke_config(
                context.function.name, qualifier=self._qualifier(context)
            )
        except FcAsyncError as error:
            # Without a configuration, or without fc:GetAsyncInvokeConfig in the role.
            _LOG.info("%d retries are assumed: %s", default, error)
            return default
        retries: int | None = config.max_async_retry_attempts
        return default if retries is None else retries
