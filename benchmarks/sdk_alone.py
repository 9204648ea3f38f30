# SPDX-License-Identifier: MIT
"""What the SDK costs without a network: starting, parsing events, signing.

Run by ``sdk.py``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from sdk_ratios import BODY, KEY, SECRET, Measured, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def measure(rounds: int) -> Iterator[Measured]:
    yield from signing(rounds)
    yield from parsing(rounds)
    yield from imports(max(rounds, 5))


# --- starting -----------------------------------------------------------------------------------

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


def imports(rounds: int) -> list[Measured]:
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in IMPORTS}
    for number in range(rounds + 1):
        for name, code in IMPORTS.items():
            sample = start(code)
            if number:  # the first round compiles
                samples[name].append(sample)
    added = {
        name: [
            (taken[0] - bare[0], taken[1] - bare[1])
            for taken, bare in zip(values, samples["bare"], strict=True)
        ]
        for name, values in samples.items()
    }
    found = []
    for target, ours, theirs in (
        ("import, {}", "ours", "theirs"),
        ("import and a ready client, {}", "ours_client", "theirs"),
    ):
        most = 0.2 if ours == "ours" else 0.5
        for index, (what, unit) in enumerate((("time", "s"), ("memory", "MB"))):
            mine = [sample[index] for sample in added[ours]]
            other = [sample[index] for sample in added[theirs]]
            ratio = statistics.median(mine) / statistics.median(other)
            found.append(
                Measured(Target(target.format(what), at_most=most), [ratio], mine, other, unit)
            )
    return found


# --- in one process: parsing, signing -----------------------------------------------------------


def timed(function: Callable[[], object]) -> float:
    """Microseconds of one call, from a run of about 20 ms."""
    began = time.perf_counter()
    function()
    once = max(time.perf_counter() - began, 1e-7)
    count = max(5, int(0.02 / once))
    began = time.perf_counter()
    for _ in range(count):
        function()
    return (time.perf_counter() - began) / count * 1e6


def against(
    target: Target, ours: Callable[[], object], theirs: Callable[[], object], rounds: int
) -> Measured:
    """A ratio of speed when more is better, of time when less is."""
    ours(), theirs()
    pairs = [(timed(ours), timed(theirs)) for _ in range(max(rounds, 9))]
    ratios = [b / a if target.at_least is not None else a / b for a, b in pairs]
    return Measured(target, ratios, [a for a, _ in pairs], [b for _, b in pairs], "µs")


def parsing(rounds: int) -> list[Measured]:
    if importlib.util.find_spec("aws_lambda_powertools") is None:
        print("aws-lambda-powertools is not installed: parsing is skipped", file=sys.stderr)
        return []
    from aws_lambda_powertools.utilities.data_classes.common import DictWrapper

    from fc_async_sdk import events

    class Powertools(DictWrapper):
        """The event as a data class of powertools: its way to write one."""

        request_id = property(lambda self: self["requestContext"]["requestId"])
        attempts = property(lambda self: self["requestContext"]["approximateInvokeCount"])

    found = []
    order = json.dumps({"orderId": "o-1", "note": 'x"y' * 25_000})
    for payload, label in (
        (order[:100], "100 B of JSON"),
        (order[:100_000], "100 KB of JSON"),
        ("plain text " * 9_091, "100 KB of text"),
    ):
        source = events.encode_document(
            timestamp=1,
            request_id="1-6737f2b8-1527b7a8",
            function_arn="acs:fc:cn-hangzhou:123:functions/f",
            attempts=3,
            request_payload=payload.encode(),
            response_payload=payload.encode(),
        )

        def ours(source: bytes = source) -> None:
            event = events.parse(source)
            assert event.request_id
            assert event.attempts

        def theirs(source: bytes = source) -> None:
            event = Powertools(json.loads(source))
            assert event.request_id
            assert event.attempts

        target = Target(f"events.parse, payloads of {label}", at_least=5)
        found.append(against(target, ours, theirs, rounds))
    return found


def signing(rounds: int) -> list[Measured]:
    from alibabacloud_tea_openapi.utils import Utils
    from darabonba.request import DaraRequest

    from fc_async_sdk import signing as acs3

    path = "/2023-03-30/functions/demo/invocations"
    headers = {
        "host": "127.0.0.1:9900",
        "x-acs-action": "InvokeFunction",
        "x-acs-version": "2023-03-30",
        "x-fc-invocation-type": "Async",
        "x-fc-async-delay": "30",
        "content-type": "application/octet-stream",
    }

    def ours() -> object:
        return acs3.sign(
            method="POST",
            path=path,
            query="",
            headers=headers,
            body=BODY,
            access_key_id=KEY,
            access_key_secret=SECRET,
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

    return [against(Target("signing, time", at_most=0.6), ours, theirs, rounds)]
