"""Command line of the worker; `python -m worker --help` lists the commands."""

import argparse
import contextlib
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from worker.consumer import Consumer, handler_of, retry
from worker.dead_letters import DeadLetters
from worker.settings import Settings
from worker.sources import Mns, RocketMq, Source
from worker.stopping import Stop, Stopped

SOURCES: dict[str, Callable[[Settings], Source]] = {"mns": Mns, "rocketmq": RocketMq}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m worker", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (("mns", "failures from MNS"), ("rocketmq", "results from RocketMQ")):
        command = commands.add_parser(name, help=f"handle {about} until SIGTERM")
        command.add_argument("--until-empty", action="store_true", help="end if none comes for 2 s")
    commands.add_parser("dead", help="list the messages that were given up")
    commands.add_parser("retry", help="do the work for these messages again")
    chosen = parser.parse_args(arguments)

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    settings = Settings.from_environment()
    handle = handler_of(settings)
    dead_letters = DeadLetters(Path(settings.worker_data) / "worker.db")
    if chosen.command == "dead":
        for one in dead_letters.all():
            print(f"{one.source} {one.message_id}, received {one.receives} times: {one.reason}")
        return 0
    if chosen.command == "retry":
        return 1 if retry(dead_letters, handle) else 0
    stop = Stop()
    stop.listen()
    with contextlib.suppress(Stopped):
        source = SOURCES[chosen.command](settings)
        Consumer(source, handle, dead_letters).run(stop, until_empty=chosen.until_empty)
    logging.info("stopped")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
