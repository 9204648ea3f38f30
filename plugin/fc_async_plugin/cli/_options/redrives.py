# SPDX-License-Identifier: MIT
"""Options of commands that send failures again: how fast, how many, and where the record is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from fc_async_plugin.cli._options.account import source_endpoint_option
from fc_async_plugin.cli._options.building import gathered, refuse_empty_names
from fc_async_plugin.cli._options.failures import reader_option
from fc_async_plugin.cli._options.files import read_private_line

if TYPE_CHECKING:
    from fc_async_plugin.account import Regions
    from fc_async_plugin.account.connection import Account
    from fc_async_plugin.operate.redrives.ledger import Ledger
    from fc_async_plugin.operate.redrives.operation import Operation
    from fc_async_plugin.operate.redrives.record import Head, Pacing
    from fc_async_plugin.operate.redrives.sources import Opener
    from fc_async_sdk.stores import Store


class RecordOptions(NamedTuple):
    """Place of the records of redrives."""

    store: str | None
    store_file: Path | None

    def opened(self, *, begins: bool = False) -> tuple[Ledger, Store | None]:
        """Return the records, and the store that was named; None: they are in this folder.

        Args:
            begins: A redrive is begun, so that there must be a place for its record.

        Raises:
            click.UsageError: The store is named twice, or others can read its file.
        """
        from fc_async_plugin.operate.redrives import ledger, paces

        if self.store is not None and self.store_file is not None:
            raise click.UsageError("--store and --store-file exclude each other")
        url = self.store
        if self.store_file is not None:
            url = read_private_line(self.store_file)
        if url is None:
            return ledger.of_folder(begins=begins), None
        store = paces.store_of(url)
        return ledger.Ledger(store), store


_store_option = click.option(
    "--store",
    metavar="URL",
    callback=refuse_empty_names,
    help="Keep the record in this store, which other machines can use: sqlite:///FILE, "
    "redis://HOST, postgresql://HOST/DATABASE, mysql://HOST/DATABASE.  [default: this folder]",
)
_store_file_option = click.option(
    "--store-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the URL of --store, which only you can read: it may have a password.",
)
record_options: Final = gathered("records", RecordOptions, _store_option, _store_file_option)
"""Adds ``--store --store-file``; the command gets ``records: RecordOptions``."""


class SendingOptions(NamedTuple):
    """Options of a command that sends failures again."""

    rate: str | None
    pace: str | None
    most: int | None
    reader: str | None
    source_endpoint: str | None
    store: str | None
    store_file: Path | None

    @property
    def pacing(self) -> Pacing | None:
        """Speed at which failures are sent; None: as fast as the service takes them.

        Raises:
            click.UsageError: A pace is named without its rate or its store.
        """
        from fc_async_plugin.operate.redrives.record import Pacing

        if self.pace is not None:
            if self.rate is None:
                raise click.UsageError(
                    "--pace NAME needs --rate, the rate that it has in your code"
                )
            if self.store is None and self.store_file is None:
                raise click.UsageError(
                    "--pace NAME needs --store, the store that it has in your code"
                )
        return None if self.rate is None else Pacing(rate=self.rate, name=self.pace or "")

    def as_begun(self, head: Head) -> SendingOptions:
        """Return the options with those of the redrive where none were given.

        Raises:
            click.UsageError: The redrive shares a pace, whose store is not named.
        """
        begun = self
        if self.rate is None and self.pace is None and head.pacing is not None:
            begun = begun._replace(rate=head.pacing.rate, pace=head.pacing.name or None)
        return begun._replace(reader=self.reader or head.reader)

    def opener(self, account: Account) -> Opener:
        """Return what opens the sources of events."""
        from fc_async_plugin.operate.redrives.sources import Opener

        return Opener(account, self.reader, self.source_endpoint)

    def operation(self, account: Account, regions: Regions, *, begins: bool) -> Operation:
        """Return what a redrive is run with.

        Args:
            account: The account.
            regions: Clients.
            begins: A redrive is begun, not only looked at or resumed.

        Raises:
            click.UsageError: The options do not fit.
            InvalidParameter: The rate is not one.
        """
        from fc_async_plugin.operate.redrives import paces
        from fc_async_plugin.operate.redrives.operation import Operation

        pacing = self.pacing
        ledger, store = RecordOptions(self.store, self.store_file).opened(begins=begins)
        gate = paces.gate_of(pacing, store)
        return Operation(ledger, regions, self.opener(account), gate)


sending_options: Final = gathered(
    "sending",
    SendingOptions,
    click.option(
        "--rate",
        metavar="RATE",
        help="How fast the calls start, such as 25/s or 1/10s. The command runs until the last one "
        "is sent.",
    ),
    click.option(
        "--pace",
        metavar="NAME",
        callback=refuse_empty_names,
        help="Share this pace of your code, so that both together keep the rate; needs its --rate "
        "and its --store.",
    ),
    click.option(
        "--max",
        "most",
        type=click.IntRange(1),
        show_default="all",
        help="Largest number of failures; exit code 3 if there are more.",
    ),
    reader_option,
    source_endpoint_option,
    _store_option,
    _store_file_option,
)
"""Adds how failures are sent again; the command gets ``sending: SendingOptions``."""
