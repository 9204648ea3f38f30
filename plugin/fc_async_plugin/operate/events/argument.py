# SPDX-License-Identifier: MIT
"""The argument SOURCE of a replay, and the functions that its events may call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from fc_async_plugin import PluginError
from fc_async_plugin.account import connection, lists, runtime
from fc_async_plugin.account.runtime import service_url
from fc_async_plugin.operate.events import origin, sources
from fc_async_plugin.operate.events.topics import Topic
from fc_async_plugin.operate.input_lines import lines_of
from fc_async_plugin.report import terminal
from fc_async_sdk.errors import ServiceError
from fc_async_sdk.spec import arn
from fc_async_sdk.spec.arn import FunctionArn, MnsQueueArn, RocketMqTopicArn
from fc_async_sdk.spec.destinations import QUEUE_NAME

if TYPE_CHECKING:
    from fc_async_plugin.account.connection import Account, Where
    from fc_async_plugin.operate.events.origin import Origin
    from fc_async_plugin.operate.events.sources import Source
    from fc_async_sdk import Client
    from fc_async_sdk.spec.arn import DestinationArn

_DEAD: Final = "dead-events"
_STDIN: Final = "-"


class SourceArgument(NamedTuple):
    """The argument that names the source of a replay.

    Attributes:
        text: The argument.
        channel: The queue or another destination that it names; None: a file, standard input, or
            the dead events of a runtime.
    """

    text: str
    channel: DestinationArn | None

    @classmethod
    def read(cls, text: str) -> SourceArgument:
        """Return what an argument names.

        Raises:
            PluginError: It names a queue and a file.
        """
        if text in {_DEAD, _STDIN}:
            return cls(text, None)
        if text.startswith("acs:"):
            return cls(text, arn.parse(text))
        if QUEUE_NAME.problem(text) is not None:
            return cls(text, None)
        if Path(text).is_file():
            raise PluginError(f"{text} is a file here: write ./{text}, or the ARN of the queue")
        return cls(text, arn.MnsQueueArn(queue=text))

    @property
    def is_file(self) -> bool:
        """True for a file and for standard input."""
        return self.channel is None and self.text != _DEAD

    def in_its_region(self, where: Where) -> Where:
        """Return where the functions are: in the region of the ARN unless an option names one."""
        if self.channel is None or where.account.region:
            return where
        return where._replace(account=where.account._replace(region=self.channel.region or None))

    def origin(self, account: Account, client: Client, *, asks: bool) -> Origin:
        """Return which functions the events may call.

        Args:
            account: The account.
            client: A client of the functions' region.
            asks: Whether nothing is sent before the user has seen the functions and agreed.
        """
        if self.channel is None:
            # Only the runtime itself writes dead events. A line of a file may name any function,
            # so a person has to see the names before the user's keys call them.
            is_trusted = asks or not self.is_file
            return origin.TRUSTED if is_trusted else origin.FILE
        try:
            configs = lists.all_configs(client)
        except ServiceError as error:
            return origin.unreadable(error)
        # A local runtime has its functions in any region and account.
        is_local = connection.is_here(account)
        return origin.of_channel(
            configs,
            self.channel,
            region="" if is_local else client.region_name,
            account_id="" if is_local else client.account_id,
        )

    def opened(
        self, reader: str | None, endpoint: str | None, account: Account, client: Client
    ) -> Source:
        """Return the source of events.

        Args:
            reader: Group of RocketMQ that reads a topic.
            endpoint: URL of MNS or RocketMQ; None: that of the runtime or of the service.
            account: The account.
            client: A client of the functions' region.

        Raises:
            PluginError: The argument names another destination, or a topic without a reader.
        """
        if self.text == _DEAD:
            runtime.local_endpoint(account.endpoint, "has dead events")
            return sources.DeadEvents(client)
        if self.channel is None:
            return sources.File(lines_of(self.text))
        if isinstance(self.channel, MnsQueueArn):
            return _queue(self.channel, endpoint, account, client)
        if isinstance(self.channel, FunctionArn):
            return sources.TasksOfFunction(client, self.channel.function, self.channel.qualifier)
        if not isinstance(self.channel, RocketMqTopicArn):
            raise PluginError(
                f"{self.channel} is not a queue of MNS, a topic of RocketMQ or a function: send its"
                " events to one of these, by a rule of the bus or a subscription of the topic"
            )
        if reader is None:
            raise PluginError("a topic of RocketMQ needs --reader, the group that reads it")
        return _topic(self.channel, reader, endpoint, account, client)


def tell_notes(source: Source) -> None:
    """Print on stderr what was not read or not removed."""
    for sentence in source.notes:
        terminal.note(f"Note: {sentence}.")


def _queue(queue: MnsQueueArn, endpoint: str | None, account: Account, client: Client) -> Source:
    from fc_async_plugin.operate.events.queues import Queue  # noqa: PLC0415 -- needs an extra

    credentials = connection.credentials(account)
    account_id = queue.account_id or client.account_id or credentials.account_id
    address = endpoint or _address("mns", queue.region, account_id, account, client)
    return Queue(address, queue.queue, credentials)


def _topic(
    topic: RocketMqTopicArn, reader: str, endpoint: str | None, account: Account, client: Client
) -> Source:
    credentials = connection.credentials(account)
    account_id = topic.account_id or client.account_id or credentials.account_id
    address = endpoint or _address("rocketmq", topic.region, account_id, account, client)
    return Topic(address, topic, reader, credentials)


def _address(
    service: Literal["mns", "rocketmq"],
    region: str,
    account_id: str,
    account: Account,
    client: Client,
) -> str:
    return service_url(
        service,
        account.endpoint,
        account_id=account_id,
        region=region or client.region_name,
        otherwise="pass --source-endpoint",
    )
