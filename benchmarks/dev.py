# SPDX-License-Identifier: MIT
"""How long a user of ``fc-async dev`` waits after a save.

For code: from the moment at which the file is written until a call has been answered by the new
code; calls follow each other with a short pause. It includes the wait for further changes, the
check of the syntax, the deployment, the start of an instance and the call. For the template: until
the runtime has the new value. 100 saves of each kind.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rows import missing, processor_seconds, row

import fc_async_sdk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rows import Options, Row

    from fc_async_sdk import Client

SAVES = 100
PAUSE_SECONDS = 0.05
"""Between saves, so that they are not one."""
PATIENCE_SECONDS = 20
STARTS = 5
"""Of a bare interpreter, the other side of the rows about code: each save starts an instance."""
LOOK_SECONDS = 0.005
READER = [sys.executable, "-c", "import sys; [None for line in sys.stdin]"]
TEMPLATE = """\
edition: 3.0.0
name: bench
resources:
  saved:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: saved
      runtime: {runtime}
      handler: index.handler
      code: ./code
      asyncInvokeConfig:
        asyncTask: true
        maxAsyncEventAgeInSeconds: {age}
        destinationConfig:
          onFailure: {{destination: "acs:mns:cn-hangzhou:1234567890123456:/queues/q/messages"}}
"""


class Waits(NamedTuple):
    """Waits of a user, and what the loop used for all of them.

    Attributes:
        milliseconds: Of each save.
        processor: Milliseconds of the loop, its runtime and their processes, for one save.
    """

    milliseconds: list[float]
    processor: float


class Language(NamedTuple):
    """A runtime, its file and a handler that returns a number."""

    name: str
    runtime: str
    file: str
    code: str


PYTHON = Language(
    "Python",
    "python3.10",
    "index.py",
    "import json\n\n\ndef handler(event, context):\n    return '{number}'\n",
)
NODE = Language("Node", "nodejs20", "index.js", "exports.handler = async () => String({number});\n")


def percentile(values: list[float], part: float) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[round(part * 100) - 1]


@contextlib.contextmanager
def loop(folder: Path) -> Iterator[tuple[Client, int]]:
    """A running ``fc-async dev``: a client of its runtime, and its pid."""
    command = [sys.executable, "-m", "fc_async_plugin", "dev", "--port", "0", "--format", "json"]
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        while json.loads(process.stdout.readline())["type"] != "watching":
            pass
        # Its lines are read, as a terminal reads them.
        with (
            subprocess.Popen(READER, stdin=process.stdout, stdout=subprocess.DEVNULL),
            fc_async_sdk.client(endpoint_url=first["addresses"]["fc"]) as client,
        ):
            yield client, process.pid
            process.terminate()
            process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()
        process.wait()


def until(seen: Callable[[], bool]) -> float:
    """Milliseconds until something is seen."""
    began = time.perf_counter()
    while not seen():
        if time.perf_counter() - began > PATIENCE_SECONDS:
            raise TimeoutError("the save was not deployed")
        time.sleep(LOOK_SECONDS)
    return (time.perf_counter() - began) * 1_000


def code_saves(language: Language) -> Waits:
    waits: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "code" / language.file
        file.parent.mkdir()
        (folder / "s.yaml").write_text(TEMPLATE.format(runtime=language.runtime, age=100))
        file.write_text(language.code.replace("{number}", "0"))
        with loop(folder) as (client, pid):
            client.invoke("saved")
            before = processor_seconds(pid)
            for number in range(1, SAVES + 1):
                time.sleep(PAUSE_SECONDS)
                answer = str(number).encode()
                file.write_text(language.code.replace("{number}", str(number)))
                waits.append(until(lambda answer=answer: client.invoke("saved").payload == answer))
            used = processor_seconds(pid) - before
    return Waits(waits, used * 1_000 / SAVES)


def template_saves() -> Waits:
    waits: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = folder / "s.yaml"
        (folder / "code").mkdir()
        (folder / "code" / "index.py").write_text(PYTHON.code.replace("{number}", "0"))
        template.write_text(TEMPLATE.format(runtime=PYTHON.runtime, age=100))
        with loop(folder) as (client, pid):
            before = processor_seconds(pid)

            def age() -> int | None:
                return client.get_async_invoke_config("saved").max_async_event_age_in_seconds

            for wanted in itertools.islice(itertools.count(101), SAVES):
                time.sleep(PAUSE_SECONDS)
                template.write_text(TEMPLATE.format(runtime=PYTHON.runtime, age=wanted))
                waits.append(until(lambda wanted=wanted: age() == wanted))
            used = processor_seconds(pid) - before
    return Waits(waits, used * 1_000 / SAVES)


def bare_start(*command: str) -> float:
    """Milliseconds of a start of an interpreter that does nothing, the median of several."""
    waits = []
    for _ in range(STARTS):
        began = time.perf_counter()
        subprocess.run(command, check=True)
        waits.append((time.perf_counter() - began) * 1_000)
    return statistics.median(waits)


def rows_of(what: str, waits: Waits, **details: float | str) -> Iterator[Row]:
    for name, value in (
        ("median", statistics.median(waits.milliseconds)),
        ("95th percentile", percentile(waits.milliseconds, 0.95)),
    ):
        yield row(f"{what}, {name}, ms", value, ours=value, unit="ms", **details)
    yield row(f"{what}, processor, ms", waits.processor, ours=waits.processor, unit="ms")


def measure(options: Options) -> Iterator[Row]:
    del options
    yield from rows_of(
        "save to next attempt on new code, Python",
        code_saves(PYTHON),
        theirs=bare_start(sys.executable, "-c", ""),
    )
    if shutil.which("node") is None:
        yield missing("save to next attempt on new code, Node, median, ms", "no node on the PATH")
    else:
        yield from rows_of(
            "save to next attempt on new code, Node",
            code_saves(NODE),
            theirs=bare_start("node", "-e", "0"),
        )
    yield from rows_of("s.yaml change to applied", template_saves())
