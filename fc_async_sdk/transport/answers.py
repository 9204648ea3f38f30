# SPDX-License-Identifier: MIT
"""Reads answers from the bytes of a connection; httptools parses them. No I/O.

Invariants:

- However the bytes of an answer are cut, the answer is the same.
- Interim answers (1xx) are skipped.
"""

from __future__ import annotations

from typing import Final

import httptools

from fc_async_sdk.operations.call import Answer
from fc_async_sdk.transport.retry import Failure

_FINAL: Final = 200
_ACCEPTED: Final = 202


class TooLong(Failure):
    """The answer was longer than is read."""


class AnswerReader:
    """Reads the answers of one connection, one after the other.

    Args:
        limit: Largest body in bytes.

    Attributes:
        spent: Whether no other answer can be read from the connection.
    """

    def __init__(self, limit: int) -> None:
        self.spent = False
        self._limit = limit
        self._parser = httptools.HttpResponseParser(self)
        self._outcome: Answer | Failure | None = None  # of the bytes that are being fed
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._status = 0

    def feed(self, data: bytes) -> Answer | Failure | None:
        """Take bytes; return the answer if they complete it, or why there will be none."""
        self._outcome = None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            reason = f"the connection broke: no HTTP answer: {error}"
            self._end(Failure(reason, sent=True), spent=True)
        return self._outcome

    def cut(self, error: Exception | None) -> Answer | Failure:
        """Return what an answer is worth that the end of the connection has cut off.

        Args:
            error: Why the connection ended; None: the other side closed it.
        """
        # The status said all that matters: it is stored.
        if self._status == _ACCEPTED:
            return self._answer()
        subject = "the answer broke off" if self._status else "the connection broke"
        return Failure(f"{subject}: {error or 'it was closed'}", sent=True)

    def _answer(self) -> Answer:
        return Answer(self._status, self._headers, b"".join(self._body))

    def _end(self, outcome: Answer | Failure, *, spent: bool) -> None:
        # The first outcome counts: the parser goes on with the rest of the bytes.
        if self._outcome is None:
            self._outcome = outcome
        self.spent |= spent

    # --- called by httptools ---

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Keep the status."""
        self._status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body."""
        self._body.append(data)
        self._size += len(data)
        if self._size > self._limit:
            self._end(TooLong("the answer is too long", sent=True), spent=True)

    def on_message_complete(self) -> None:
        """Note that an answer is complete, and begin with the next one."""
        answer = self._answer()
        keeps_alive = self._parser.should_keep_alive()
        self._headers, self._body, self._size, self._status = {}, [], 0, 0
        is_interim = answer.status < _FINAL
        if not is_interim:
            self._end(answer, spent=not keeps_alive)
