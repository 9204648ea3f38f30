# SPDX-License-Identifier: MIT
"""Options that choose failures, and that say how their source is read."""

from __future__ import annotations

import click

error_option = click.option(
    "--error", metavar="TYPE", help="Only failures whose error is of exactly this type: KeyError."
)
error_text_option = click.option(
    "--error-text",
    metavar="TEXT",
    help="Only failures with this text in type or message of an error, in any case.",
)
reader_option = click.option(
    "--reader", metavar="GID", help="Group of RocketMQ that reads a topic."
)
