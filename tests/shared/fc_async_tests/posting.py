# SPDX-License-Identifier: MIT
"""A stand-in for the HTTP client that pushes events, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fc_async_local.clock import Clock


class Poster:
    """Gives the answers that it was given (204 after that); records what was sent and when."""

    def __init__(self, clock: Clock, answers: Iterable[int | Exception] = ()) -> None:
        self.clock = clock
        self.answers = list(answers)
        self.posts: list[tuple[int, str, str, dict[str, str]]] = []

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Any:
        self.posts.append((self.clock.now(), url, body.decode(), dict(headers)))
        answer = self.answers.pop(0) if self.answers else 204
        if isinstance(answer, Exception):
            raise answer
        return answer
