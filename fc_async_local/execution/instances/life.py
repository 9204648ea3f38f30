# SPDX-License-Identifier: MIT
"""The life cycle of an instance, as a table of transitions. Pure.

Invariants:

- A state changes along :data:`TRANSITIONS` only; an instance ends once.
- An instance that has ended is never frozen, so its processes are never stopped for good.
"""

from __future__ import annotations

import enum
from typing import Final


class State(enum.Enum):
    """States of an instance."""

    STARTING = enum.auto()
    """It loads the code and runs the initializer; calls wait."""
    READY = enum.auto()
    """It runs calls, or waits for the next one."""
    FROZEN = enum.auto()
    """It runs no call, and its processes are stopped."""
    FAILED = enum.auto()
    """It ended, or was killed, before it was ready."""
    ENDED = enum.auto()
    """It ended, or was killed, after it was ready."""


TRANSITIONS: Final = {
    State.STARTING: frozenset({State.READY, State.FAILED}),
    State.READY: frozenset({State.FROZEN, State.ENDED}),
    State.FROZEN: frozenset({State.READY, State.ENDED}),
    State.FAILED: frozenset[State](),
    State.ENDED: frozenset[State](),
}


class IllegalTransition(Exception):
    """A state does not follow another one."""


class Life:
    """The state of one instance.

    Attributes:
        state: The current state.
        is_spoiled: Whether a call may still run for which no caller waits: it gets no hook.
    """

    def __init__(self) -> None:
        self.state = State.STARTING
        # Not a state: an instance may be spoiled while it starts, and calls of others go on in it.
        self.is_spoiled = False

    def move(self, state: State) -> None:
        """Change the state.

        Raises:
            IllegalTransition: :data:`TRANSITIONS` has no such step.
        """
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransition(f"an instance that is {self.state.name} is not {state.name}")
        self.state = state

    @property
    def is_ready(self) -> bool:
        """Return whether the start has succeeded, also if the instance has ended since."""
        return self.state not in {State.STARTING, State.FAILED}

    @property
    def has_ended(self) -> bool:
        """Return whether its process has ended or is being killed."""
        return not TRANSITIONS[self.state]

    @property
    def can_run_hook(self) -> bool:
        """Return whether the pre-stop hook runs before its end."""
        return self.is_ready and not self.has_ended and not self.is_spoiled

    def spoil(self) -> None:
        """Note that a call may run on for which no caller waits."""
        self.is_spoiled = True

    def started(self) -> None:
        """Note that the start has succeeded.

        No-op after an end: a start may succeed in the moment in which the instance is killed.
        """
        if not self.has_ended:
            self.move(State.READY)

    def freeze(self) -> bool:
        """Return whether its processes are to be stopped; False unless it can run calls."""
        if self.state is not State.READY:
            return False
        self.move(State.FROZEN)
        return True

    def thaw(self) -> bool:
        """Return whether its processes are to go on; False if they were not stopped."""
        if self.state is not State.FROZEN:
            return False
        self.move(State.READY)
        return True

    def end(self) -> bool:
        """Return whether this is its end; False if it has ended before."""
        if self.has_ended:
            return False
        self.move(State.FAILED if self.state is State.STARTING else State.ENDED)
        return True
