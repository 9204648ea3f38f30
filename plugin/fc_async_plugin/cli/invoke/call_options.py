# SPDX-License-Identifier: MIT
"""The options that say how ``fc-async invoke`` calls a function, and which exclude each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from fc_async_plugin.cli.invoke.over_http import HttpOptions
    from fc_async_plugin.operate.tasks import FunctionTasks
    from fc_async_plugin.report import Format
    from fc_async_sdk.feeding import Feeding
    from fc_async_sdk.payloads import DefaultStore


class CallOptions(NamedTuple):
    """The options that say how the function is called."""

    asynchronous: bool
    delay: int | None
    task_id: str | None
    wait: bool
    batch: str | None
    rate: str | None
    max_hops: int
    feed: str | None
    failed: str | None
    concurrency: int
    large: bool
    http: HttpOptions
    raw: bool
    output: Format

    @property
    def needs_async(self) -> bool:
        """True if an option was given that only an asynchronous call has."""
        values = (self.delay, self.task_id, self.batch, self.rate)
        has_value = any(value is not None for value in values)
        return has_value or self.wait or self.large

    def store(self, target: FunctionTasks) -> DefaultStore | None:
        """Return the store of large payloads, None if there is none."""
        from fc_async_sdk.payloads import DefaultStore

        return DefaultStore(target.client.endpoint_url) if self.large else None

    def feeding(self, target: FunctionTasks) -> Feeding | None:
        """Return where lines are written for the function to send them; None: they are sent.

        Raises:
            ConfigurationError: The store is not one.
        """
        from fc_async_sdk.feeding import Feeding
        from fc_async_sdk.payloads import DefaultStore, store_at

        if self.feed is None:
            return None
        if self.feed == "default":
            return Feeding(DefaultStore(target.client.endpoint_url), name=self.task_id)
        return Feeding(store_at(self.feed), name=self.task_id)

    def check(self, *, payloads: int) -> None:
        """Refuse options that exclude each other, before anything is read or sent.

        Args:
            payloads: Number of payloads that were given: as an argument, with -e or with -f.

        Raises:
            click.UsageError: There are such options.
        """
        self._check_synchronous()
        if self.large and self.http.on:
            raise click.UsageError("--large goes without --http: the function gets a claim")
        self._check_batch(payloads=payloads)
        if payloads > 1:
            raise click.UsageError("give the payload once: as an argument, with -e or with -f")

    def _check_synchronous(self) -> None:
        # An accepted call has no output yet, and JSON cannot have raw bytes in it.
        has_raw_output = not self.asynchronous and self.output == "text"
        if self.raw and not has_raw_output:
            raise click.UsageError("--raw goes with --sync and without --format json only")
        if self.needs_async and not self.asynchronous:
            raise click.UsageError(
                "--delay, --task-id, --wait, --batch, --rate and --large go with --async only"
            )

    def _check_feed(self) -> None:
        if self.batch is None or self.task_id is None:
            raise click.UsageError("--feed goes with --batch and --task-id, the name of the feed")
        # Two rates would be one too many: the function books the slots.
        if self.rate is not None or self.delay is not None:
            raise click.UsageError(
                "--feed goes without --rate and --delay: the pace of the handler decides"
            )

    def _check_batch(self, *, payloads: int) -> None:
        is_batch = self.batch is not None
        is_paced = self.rate is not None
        # A rate sets the delay of each call.
        if is_paced and not is_batch:
            raise click.UsageError("--rate goes with --batch, and without --delay")
        if is_paced and self.delay is not None:
            raise click.UsageError("--rate goes with --batch, and without --delay")
        if self.failed is not None and not is_batch:
            raise click.UsageError("--failed goes with --batch")
        if self.max_hops and not is_paced:
            raise click.UsageError("--max-hops goes with --rate")
        if self.feed is not None:
            self._check_feed()
        if is_batch and (self.wait or payloads or self.http.on):
            raise click.UsageError("--batch goes without another payload, --wait and --http")
