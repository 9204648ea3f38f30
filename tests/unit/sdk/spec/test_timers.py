# SPDX-License-Identifier: MIT
"""The documented grammar of timers, and the moments at which they fire."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk.spec import limits, timers

UTC = timezone.utc
BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def ms(*at: int, zone: timezone | ZoneInfo = UTC, fold: int = 0) -> int:
    return round(datetime(*at, tzinfo=zone, fold=fold).timestamp()) * 1_000  # type: ignore[misc, arg-type]  # year, month, day and so on


def first(expression: str, count: int, after: int, since: int = 0) -> list[int]:
    return list(islice(timers.firings(timers.parse(expression), after, since=since), count))


def shown(expression: str, count: int, after: int, zone: ZoneInfo) -> list[str]:
    """The firings as wall times of a zone, with its abbreviation."""
    return [
        datetime.fromtimestamp(moment / 1_000, zone).strftime("%m-%d %H:%M:%S %Z")
        for moment in first(expression, count, after)
    ]


@pytest.mark.parametrize(
    ("expression", "moments"),
    [
        ("0 0 4 * * *", [(2026, 11, 25, 4), (2026, 11, 26, 4)]),
        ("30 0 4 * * *", [(2026, 11, 25, 4, 0, 30), (2026, 11, 26, 4, 0, 30)]),
        ("0 0/15 * * * *", [(2026, 11, 25, 0, 15), (2026, 11, 25, 0, 30)]),
        ("0 5/20 * * * *", [(2026, 11, 25, 0, 5), (2026, 11, 25, 0, 25)]),
        ("0 0 9-17/4 * * ?", [(2026, 11, 25, 9), (2026, 11, 25, 13)]),
        ("0 0 0 1 JAN,jul ?", [(2027, 1, 1), (2027, 7, 1)]),
        ("0 0 8 ? * MON-FRI", [(2026, 11, 25, 8), (2026, 11, 26, 8)]),
        ("0 0 8 ? * 7", [(2026, 11, 29, 8), (2026, 12, 6, 8)]),
        ("0 0 8 * * FRI-SUN", [(2026, 11, 27, 8), (2026, 11, 28, 8)]),
        ("0 0 8 * * SUN-MON", [(2026, 11, 29, 8), (2026, 11, 30, 8)]),
        ("0 0 0 29 2 *", [(2028, 2, 29), (2032, 2, 29)]),
        ("CRON_TZ=Asia/Shanghai 0 0 4 * * *", [(2026, 11, 25, 20), (2026, 11, 26, 20)]),
    ],
)
def test_an_expression_fires_at_its_wall_times(
    expression: str, moments: list[tuple[int, ...]]
) -> None:
    assert first(expression, 2, ms(2026, 11, 25)) == [ms(*moment) for moment in moments]


def test_every_counts_from_the_last_change_of_the_timer() -> None:
    since = ms(2026, 11, 25, 10, 3, 7) + 250
    moments = first("@every 1h30m", 2, since + 1, since)
    assert moments == [ms(2026, 11, 25, 11, 33, 7), ms(2026, 11, 25, 13, 3, 7)]
    assert first("@every 4m", 1, moments[0], moments[0]) == [moments[0] + 240_000]


def test_a_firing_is_after_the_moment_that_was_given() -> None:
    four = ms(2026, 11, 25, 4)
    assert first("0 0 4 * * *", 1, four) == [four + 86_400_000]
    assert first("0 0 4 * * *", 1, four - 1) == [four]


def test_a_wall_time_that_daylight_saving_leaves_out_does_not_fire() -> None:
    found = shown("CRON_TZ=Europe/Berlin 0 30 2 * * *", 3, ms(2027, 3, 27), BERLIN)
    assert found == ["03-27 02:30:00 CET", "03-29 02:30:00 CEST", "03-30 02:30:00 CEST"]


def test_a_wall_time_that_comes_twice_fires_twice() -> None:
    found = shown("CRON_TZ=Europe/Berlin 0 30 2 * * *", 4, ms(2026, 10, 24), BERLIN)
    assert found == [
        "10-24 02:30:00 CEST",
        "10-25 02:30:00 CEST",
        "10-25 02:30:00 CET",
        "10-26 02:30:00 CET",
    ]


def test_firings_stay_in_order_through_the_hour_that_comes_twice() -> None:
    found = shown("CRON_TZ=Europe/Berlin 0 */30 * * * *", 5, ms(2026, 10, 25, 0), BERLIN)
    assert [text[6:] for text in found] == [
        "02:30:00 CEST",
        "02:00:00 CET",
        "02:30:00 CET",
        "03:00:00 CET",
        "03:30:00 CET",
    ]


def test_the_moment_of_the_change_itself_fires() -> None:
    assert shown("CRON_TZ=Europe/Berlin 0 0 3 * * *", 1, ms(2027, 3, 28), BERLIN) == [
        "03-28 03:00:00 CEST"
    ]
    assert shown("CRON_TZ=Europe/Berlin 0 0 2 * * *", 2, ms(2026, 10, 24, 12), BERLIN) == [
        "10-25 02:00:00 CEST",
        "10-25 02:00:00 CET",
    ]


@given(
    st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]
    ),
    st.integers(0, 59),
    st.integers(0, 23),
    st.integers(ms(2024, 1, 1) // 1_000, ms(2028, 1, 1) // 1_000),
)
def test_no_moment_with_a_matching_wall_time_is_skipped(
    name: str, minute: int, hour: int, after: int
) -> None:
    zone = ZoneInfo(name)
    start = datetime.fromtimestamp(after, UTC).replace(second=0)
    expected = [
        moment
        for moment in (start + timedelta(minutes=number) for number in range(1, 3 * 24 * 60))
        if (moment.astimezone(zone).hour, moment.astimezone(zone).minute) == (hour, minute)
    ]
    found = first(
        f"CRON_TZ={name} 0 {minute} {hour} * * *", len(expected), round(start.timestamp()) * 1_000
    )
    assert found == [round(moment.timestamp()) * 1_000 for moment in expected]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "it has 0 fields, expected 6: Seconds Minutes Hours Day-of-month Month Day-of-week"),
        ("0 4 * * *", "it has 5 fields"),
        ("0 0 4 * * * 2026", "it has 7 fields"),
        ("* 0 4 * * *", "Seconds '*' is invalid: 0-59, one number"),
        ("0,30 0 4 * * *", "Seconds '0,30' is invalid"),
        ("0/5 * * * * *", "Seconds '0/5' is invalid"),
        ("60 0 4 * * *", "Seconds '60'"),
        ("0 60 4 * * *", "Minutes '60' is invalid: 0-59, with , - * /"),
        ("0 ? 4 * * *", "Minutes '?'"),
        ("0 */0 4 * * *", "a step is n/m with m from 1"),
        ("0 0 24 * * *", "Hours '24'"),
        ("0 0 17-9 * * *", "Hours '17-9' is invalid: 0-23, with , - * /; the range is reversed"),
        ("0 0 4 L * *", "Day-of-month 'L'"),
        ("0 0 4 0 * *", "Day-of-month '0'"),
        ("0 0 4 * 13 *", "Month '13' is invalid: 1-12 or JAN-DEC"),
        ("0 0 4 * FEBR *", "Month 'FEBR'"),
        ("0 0 4 ? * MON/2", "Day-of-week 'MON/2' is invalid: 1-7 or MON-SUN"),
        ("0 0 4 ? * 8", "Day-of-week '8'"),
        ("0 0 4 ? * 2#1", "Day-of-week '2#1'"),
        ("0 0 4 30 2 ?", "it never fires: no month has such a day"),
        ("0 0 4 ,1 * *", "Day-of-month ''"),
        ("0 \u0661 4 * * *", "Minutes '\u0661'"),
        ("@every 90s", "write @every and whole minutes or hours, such as @every 5m"),
        ("@every 0m", "'@every 0m' is invalid"),
        ("@every", "'@every' is invalid"),
        ("@daily", "'@daily' is invalid"),
        ("CRON_TZ=Mars/Base 0 0 4 * * *", "time zone 'Mars/Base' does not exist"),
        ("CRON_TZ=../etc/passwd 0 0 4 * * *", "time zone '../etc/passwd' does not exist"),
        ("CRON_TZ=America 0 0 4 * * *", "time zone 'America' does not exist"),
        ("CRON_TZ=Asia/Shanghai", "it has 0 fields"),
        ("0 " * 1_000, "it has 2000 characters, at most 1024 are read"),
    ],
)
def test_an_expression_outside_of_the_grammar_is_refused_by_field(
    expression: str, message: str
) -> None:
    with pytest.raises(timers.InvalidSchedule) as refused:
        timers.parse(expression)
    assert message in str(refused.value)


def test_restricting_both_days_is_recognised() -> None:
    assert timers.parse("0 0 4 1 * MON").both_days
    assert not timers.parse("0 0 4 1 * ?").both_days
    assert not timers.parse("0 0 4 ? * MON").both_days


def test_a_configuration_is_read_from_a_mapping_and_from_json() -> None:
    config = {"cronExpression": "@every 4m", "enable": False, "payload": "x"}
    assert timers.read(config) == timers.read(json.dumps(config))
    assert timers.read(config).enable is False


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "triggerConfig: Object missing required field `cronExpression`"),
        ("{", "triggerConfig: Input data was truncated"),
        ('{"x":' + "[" * 50_000, "triggerConfig: maximum recursion depth exceeded"),
        ({"cronExpression": "@every 4m", "payload": "\ud800"}, "triggerConfig: 'utf-8' codec"),
        ({"cronExpression": "@every 4m", "enable": "yes"}, r"triggerConfig: Expected `bool`"),
        ({"cronExpression": "@every 4m", "payload": {"a": 1}}, "Expected `str`"),
        ({"cronExpression": "0 4 * * *"}, "cronExpression: it has 5 fields"),
        (
            {"cronExpression": "@every 4m", "payload": "中" * 50_000},
            f"payload must have at most {limits.ASYNC_PAYLOAD_BYTES} bytes, got 150000",
        ),
    ],
)
def test_an_invalid_configuration_is_refused_by_field(
    config: dict[str, object] | str, message: str
) -> None:
    with pytest.raises(timers.InvalidTimer) as refused:
        timers.read(config)
    assert message in str(refused.value)
