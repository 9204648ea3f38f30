# SPDX-License-Identifier: MIT
"""What the SDK costs without a network: parsing destination events, signing, importing."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import msgspec
from rows import interleaved, missing, pairs, row
from sdk import BODY, KEY, SECRET

from fc_async_sdk import _signing as acs3
from fc_async_sdk import events
from fc_async_sdk.credentials import Credentials
from fc_async_sdk.pacing import Pace
from fc_async_sdk.stores import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rows import Options, Row

IMPORTS = {
    "bare": "pass",
    "ours": "import fc_async_sdk",
    "ours_client": (
        "import fc_async_sdk; fc_async_sdk.client(endpoint_url='http://127.0.0.1:9', "
        "access_key_id='a', access_key_secret='b')"
    ),
    "theirs": "from alibabacloud_fc20230330.client import Client",
    "theirs_client": (
        "from alibabacloud_fc20230330.client import Client; "
        "from alibabacloud_tea_openapi.models import Config; "
        "Client(Config(access_key_id='a', access_key_secret='b', endpoint='127.0.0.1'))"
    ),
}


PEAK = "; print(*[l.split()[1] for l in open('/proc/self/status') if l.startswith('VmHWM')])"


def start(code: str) -> tuple[float, float]:
    """Seconds and megabytes that a Python takes which runs this."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code + PEAK], env=environment, check=True, capture_output=True
    )
    return time.perf_counter() - began, int(done.stdout) / 1024


def imports(rounds: int) -> Iterator[Row]:
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in IMPORTS}
    for number in range(rounds + 1):
        for name, code in IMPORTS.items():
            sample = start(code)
            if number:  # the first round compiles
                samples[name].append(sample)
    for ours, what in (
        ("ours", "import / import of the official SDK, {}"),
        ("ours_client", "import and a ready client / official SDK, {}"),
    ):
        for index, (quantity, unit) in enumerate((("time", "s"), ("memory", "MB"))):
            mine, theirs = (
                statistics.median(
                    taken[index] - bare[index]
                    for taken, bare in zip(samples[side], samples["bare"], strict=True)
                )
                for side in (ours, "theirs")
            )
            yield row(what.format(quantity), mine / theirs, ours=mine, theirs=theirs, unit=unit)


def parsing(rounds: int) -> Iterator[Row]:
    order = json.dumps({"orderId": "o-1", "note": 'x"y' * 25_000})
    for payload, label in (
        (order[:100], "100 B of JSON"),
        (order[:100_000], "100 KB of JSON"),
        ("plain text " * 9_091, "100 KB of text"),
    ):
        document = events.document(
            timestamp=1,
            request_id="1-6737f2b8-1527b7a8",
            function_arn="acs:fc:cn-hangzhou:123:functions/f",
            attempts=3,
            request_payload=payload.encode(),
            response_payload=payload.encode(),
        )
        source = events.encode(document)

        def ours(source: bytes = source) -> None:
            event = events.parse(source)
            assert event.request_id
            assert event.attempts

        def texts(source: bytes = source) -> None:
            event = events.parse(source)
            assert event.request.text()
            assert event.response.text()

        works = {
            "ours": ours,
            "texts": texts,
            "msgspec": lambda source=source: msgspec.json.decode(source),
        }
        powertools = _powertools(source)
        if powertools is not None:
            works["powertools"] = powertools
        times = interleaved(works, rounds)
        mine = times["ours"]
        yield pairs(
            f"events.parse / msgspec decoding the JSON, {label}", mine, times["msgspec"], "s"
        )
        what = f"events.parse and payloads as text / msgspec, {label}"
        yield pairs(what, times["texts"], times["msgspec"], "s")
        what = f"powertools' data class / events.parse, {label}"
        if powertools is None:
            yield missing(what, "aws-lambda-powertools is not installed")
        else:
            yield pairs(what, mine, times["powertools"], "s", inverse=True)


def _powertools(source: bytes) -> Callable[[], None] | None:
    """The event as a data class of powertools: its way to write one."""
    if importlib.util.find_spec("aws_lambda_powertools") is None:
        return None
    from aws_lambda_powertools.utilities.data_classes.common import DictWrapper

    class Powertools(DictWrapper):
        request_id = property(lambda self: self["requestContext"]["requestId"])
        attempts = property(lambda self: self["requestContext"]["approximateInvokeCount"])

    def parse() -> None:
        event = Powertools(json.loads(source))
        assert event.request_id
        assert event.attempts

    return parse


def signing(rounds: int) -> Row:
    from alibabacloud_tea_openapi.utils import Utils
    from darabonba.request import DaraRequest

    path = "/2023-03-30/functions/demo/invocations"
    headers = {
        "host": "127.0.0.1:9900",
        "x-acs-action": "InvokeFunction",
        "x-acs-version": "2023-03-30",
        "x-fc-invocation-type": "Async",
        "x-fc-async-delay": "30",
        "content-type": "application/octet-stream",
    }

    credentials = Credentials(access_key_id=KEY, access_key_secret=SECRET)

    def ours() -> object:
        return acs3.sign(
            acs3.Unsigned("POST", path, "", headers, BODY),
            credentials,
            now=1_700_000_000,
            nonce="0123456789abcdef0123456789abcdef",
        )

    def theirs() -> object:
        digest = hashlib.sha256(BODY).hexdigest()
        request = DaraRequest()
        request.method, request.pathname, request.query = "POST", path, {}
        request.headers = {
            **headers,
            "x-acs-date": "2026-11-24T00:00:00Z",
            "x-acs-signature-nonce": "0123456789abcdef0123456789abcdef",
            "x-acs-content-sha256": digest,
        }
        return Utils.get_authorization(request, "ACS3-HMAC-SHA256", digest, KEY, SECRET)

    times = interleaved({"ours": ours, "theirs": theirs}, rounds)
    return pairs("signing / official signer, time", times["ours"], times["theirs"], "s")


def booking(rounds: int) -> Row:
    """Time the booking of 10,000 slots, of which a new sender knows nothing."""
    what, taken = "booking 10,000 slots on SQLite, ms", []
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(f"{folder}/paces.db")
        Pace("first", 25, store=store).book()  # makes the file
        for number in range(rounds):
            pace = Pace(f"crm-{number}", "25/s", store=store)
            began = time.perf_counter()
            slots = pace.book(10_000)
            taken.append((time.perf_counter() - began) * 1_000)
            assert slots.at(9_999) - slots.at(0) == 9_999 * 40_000
        store.close()
    return row(what, statistics.median(taken), ours=statistics.median(taken), unit="ms")


def measure(options: Options) -> Iterator[Row]:
    yield from parsing(options.rounds * 3)
    yield booking(options.rounds * 3)
    if importlib.util.find_spec("alibabacloud_fc20230330") is None:
        yield missing("signing / official signer, time", "the official SDK is not installed")
        return
    yield signing(options.rounds * 3)
    yield from imports(2 * options.rounds)
