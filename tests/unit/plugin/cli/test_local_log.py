# SPDX-License-Identifier: MIT
"""A log record as one line of JSON."""

from __future__ import annotations

import io
import json
import logging

import pytest

from fc_async_plugin.cli.local.log_lines import JsonLines


@pytest.fixture
def log():
    """Logs with a function; returns the lines as objects."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.Logger("fc_async_local.engine")  # noqa: LOG001 -- no other test sees it
    logger.addHandler(handler)

    def lines(write):
        write(logger)
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    return lines


def test_a_line_has_time_level_logger_message_and_the_fields_of_the_record(log) -> None:
    fields = {"requestId": "r", "retryCount": 0}
    [line] = log(lambda logger: logger.info("attempt %d", 1, extra=fields))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "fc_async_local.engine",
        "message": "attempt 1",
        "requestId": "r",
        "retryCount": 0,
    }


def test_a_message_of_several_lines_is_one_line(log) -> None:
    [line] = log(lambda logger: logger.error("one\ntwo \x1b[31mred"))
    assert line["message"] == "one\ntwo \x1b[31mred"


def test_an_exception_is_a_field(log) -> None:
    def write(logger: logging.Logger) -> None:
        try:
            int("boom")
        except ValueError:
            logger.exception("failed")

    [line] = log(write)
    assert "ValueError: invalid literal" in line["exception"]


def test_a_value_that_is_not_json_is_written_as_text(log) -> None:
    [line] = log(lambda logger: logger.info("x", extra={"path": {1}}))
    assert line["path"] == "{1}"
