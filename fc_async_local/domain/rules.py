# SPDX-License-Identifier: MIT
"""What the domain wants to know of the runtime's settings.

``fc_async_local.settings.Settings`` fits; the domain doesn't import it, so that it depends on
nothing above itself. The meaning of each is documented there.
"""

from __future__ import annotations

from typing import Protocol


class Rules(Protocol):
    """Where the service is silent, and who we are."""

    @property
    def delay_counts_towards_age(self) -> bool:
        """Whether a delay uses up the age."""
        ...

    @property
    def function_retry_first_ms(self) -> int:
        """Wait before the first retry of a function error."""
        ...

    @property
    def function_retry_max_ms(self) -> int:
        """Longest wait between retries of a function error."""
        ...

    @property
    def expiry_calls_destination(self) -> bool:
        """Whether an expired invocation goes to the failure destination."""
        ...

    @property
    def stop_calls_destination(self) -> bool:
        """Whether a stopped invocation goes to the failure destination."""
        ...

    @property
    def max_repeats(self) -> int:
        """How often a function may run on one call path; 0: no loop guard."""
        ...

    @property
    def region(self) -> str:
        """Region of all ARNs that leave theirs out."""
        ...

    @property
    def account_id(self) -> str:
        """Account of all ARNs that leave theirs out."""
        ...
