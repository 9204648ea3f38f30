# SPDX-License-Identifier: MIT
"""Starts ``fc-async dev`` on each project below a folder, calls its functions, and prints a table.

    python .ci/world.py FOLDER [--dev-option ...]

Each project runs alone, on free ports, with data in a folder that is deleted afterwards. A function
is called synchronously, over its HTTP triggers, and asynchronously with a payload that is not JSON.
Options after the folder are given to ``fc-async dev``. Nothing is fetched.
"""

from __future__ import annotations

import contextlib
import json
import queue
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import requests

DEV = str(Path(sys.executable).with_name("fc-async"))
LEFT_OUT = {"node_modules", ".git", ".s", ".fc-async", ".venv"}
START_SECONDS = 900.0
CALL_SECONDS = 130.0
"""More than the 120 seconds that an instance may take to start."""
FAILING_PAYLOAD = b"not JSON"
REASON_LENGTH = 160
NOT_RUN = re.compile(
    r"Module '.*' raised|Unable to import|Cannot find (?:module|package)|No module named|"
    r"is missing in module|exited unexpectedly|health check failed|Initializ|timed out|\"Code\"|"
    r"Function instance|is in use|SyntaxError|ImportError"
)
"""Errors of a function that was not called, in what a call answers."""
NOT_READY = re.compile(r"^not built: | starts with .*, which ")
"""Sentences at the start about functions that cannot start."""
HEADER = ("project", "start", "sync", "HTTP", "asynchronous, failing payload", "reason")


class Row(NamedTuple):
    """Row of one project in the table.

    Attributes:
        project: Its folder, relative to that of all.
        start: ``yes``: all functions run, called or reached over HTTP; ``part``: some; ``no``. One
            whose own code failed for the payload, which means nothing to it, has run.
        sync: How many functions answered a synchronous call without an error, of how many.
        http: The same for the URLs of HTTP triggers; every answer of the program itself counts.
        asynchronous: How many asynchronous calls with a failing payload ended, and how.
        reason: The first reason of a function that does not run, in the product's own words.
    """

    project: str
    start: str
    sync: str = "-"
    http: str = "-"
    asynchronous: str = "-"
    reason: str = ""


class Dev:
    """One run of ``fc-async dev``, until it is closed."""

    def __init__(self, template: Path, folder: str, options: list[str]) -> None:
        command = [DEV, "dev", "-t", str(template), "--port", "0", "--format", "json"]
        self._for_people = Path(folder, "stderr")
        with self._for_people.open("wb") as errors:
            self._process = subprocess.Popen(
                [*command, "--data", f"{folder}/data", *options],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self.said: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def close(self) -> None:
        """End it, with all that it started."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(json.loads(line))
        self._lines.put({"type": "end"})

    def wait_for(self, seconds: float, kind: str, /, **facts: object) -> dict[str, Any] | None:
        """Return the next line of a kind with some members; None if there is none in time."""
        until = time.monotonic() + seconds
        while (seconds_left := until - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                line = self._lines.get(timeout=seconds_left)
                self.said.append(line)
                if line.get("type") == kind and facts.items() <= line.items():
                    return line
                if line.get("type") == "end":
                    return None
        return None

    def left_out(self) -> list[str]:
        """Return why functions were not deployed."""
        messages = [
            line["message"] for line in self.said if line.get("type") in {"finding", "refused"}
        ]
        errors = [message for message in messages if ": error " in message]
        return errors + [message for message in messages if message.startswith("not deployed: ")]

    def lacking(self) -> list[str]:
        """Return what was said at the start of why functions cannot start."""
        return [line["message"] for line in self.said if NOT_READY.search(line.get("message", ""))]

    def stderr(self) -> str:
        """Return what was printed for people."""
        return self._for_people.read_text(encoding="utf-8")


def main(root: Path, options: list[str]) -> None:
    """Try all projects and print the table."""
    rows: list[Row] = []
    print("\t".join(HEADER))
    for template in templates(root):
        rows.append(row := tried(template, root, options))
        print("\t".join(row), flush=True)
    starts = Counter(row.start for row in rows)
    print(f"{len(rows)} projects: " + ", ".join(f"{n} {start}" for start, n in starts.items()))


def templates(root: Path) -> list[Path]:
    """Return the templates below a folder."""
    paths = sorted({*root.rglob("s.yaml"), *root.rglob("s.yml")})
    return [path for path in paths if not LEFT_OUT.intersection(path.relative_to(root).parts)]


class Answers(NamedTuple):
    """Answers of the functions of a project.

    Attributes:
        calls: Why a synchronous call failed, by function; "" if it succeeded.
        visits: The same of each URL of a function's HTTP triggers.
        ends: Final states of asynchronous calls, counted.
    """

    calls: dict[str, str]
    visits: dict[str, list[str]]
    ends: Counter[str]

    @property
    def running(self) -> list[str]:
        """Return the functions that ran, whatever they answered."""
        return [name for name in self.calls if self._has_run(name)]

    @property
    def urls(self) -> list[str]:
        """Return the answers of all URLs."""
        return [answer for answers in self.visits.values() for answer in answers]

    def _has_run(self, name: str) -> bool:
        call = self.calls[name]
        if "" in {call, *self.visits[name]}:
            return True
        return not NOT_RUN.search(call)


def tried(template: Path, root: Path, options: list[str]) -> Row:
    """Run one project."""
    project = str(template.parent.relative_to(root))
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(Dev(template, folder, options)) as dev,
    ):
        ready = dev.wait_for(START_SECONDS, "ready")
        watching = dev.wait_for(START_SECONDS, "watching") if ready else None
        if ready is None or watching is None:
            reason = dev.stderr() or "no start in time"
            return Row(project, "no", reason=shortened(reason, template))
        answers = answers_of(dev, f"{ready['addresses']['fc']}/2023-03-30/functions")
    expected = {*answers.calls, *watching["functions"]}
    left_out = dev.left_out()
    whole = len(answers.running) == len(expected) and not left_out
    reasons = [*left_out, *answers.calls.values(), *answers.urls]
    if not whole:
        reasons = [*dev.lacking(), *reasons]
    if not expected:
        reasons.append("no functions")
    start = "no"
    if answers.running:
        start = "yes" if whole else "part"
    urls = answers.urls
    return Row(
        project,
        start,
        f"{[*answers.calls.values()].count('')}/{len(expected)}",
        f"{urls.count('')}/{len(urls)}" if urls else "-",
        ", ".join(f"{count} {end}" for end, count in answers.ends.items()) or "-",
        shortened(next(filter(None, reasons), ""), template),
    )


def answers_of(dev: Dev, address: str) -> Answers:
    """Call all functions, request their URLs, and wait for asynchronous calls to end."""
    names = [function["functionName"] for function in asked(address)["functions"]]
    return Answers(
        calls={name: called(f"{address}/{name}/invocations") for name in names},
        visits={name: [*map(reached, urls_of(f"{address}/{name}/triggers"))] for name in names},
        ends=Counter(end_of(dev, f"{address}/{name}/invocations") for name in names),
    )


def asked(url: str) -> dict[str, Any]:
    """Return the answer of the API to a GET request."""
    answer: dict[str, Any] = requests.get(url, timeout=CALL_SECONDS).json()
    return answer


def called(url: str) -> str:
    """Call a function synchronously; return why it failed, "" if it succeeded."""
    try:
        answer = requests.post(url, data=b"{}", timeout=CALL_SECONDS)
    except requests.RequestException as error:
        return str(error)
    failed = not answer.ok or "X-Fc-Error-Type" in answer.headers
    return answer.text or str(answer.status_code) if failed else ""


def urls_of(url: str) -> list[str]:
    """Return the URLs of a function's HTTP triggers."""
    triggers = asked(url).get("triggers", [])
    return [
        trigger["httpTrigger"]["urlInternet"] for trigger in triggers if trigger.get("httpTrigger")
    ]


def reached(url: str) -> str:
    """Request a URL; return why the program behind it did not answer, "" if it did."""
    try:
        answer = requests.get(url, timeout=CALL_SECONDS, allow_redirects=False)
    except requests.RequestException as error:
        return str(error)
    # The last one is all that a failed function of a built-in runtime says over HTTP.
    of_service = answer.text.startswith('{"Code"') or answer.text == "Internal Server Error"
    return answer.text if of_service or "X-Fc-Error-Type" in answer.headers else ""


def end_of(dev: Dev, url: str) -> str:
    """Call a function asynchronously with a failing payload; return its final state."""
    headers = {"X-Fc-Invocation-Type": "Async"}
    answer = requests.post(url, data=FAILING_PAYLOAD, headers=headers, timeout=CALL_SECONDS)
    request_id = answer.headers.get("X-Fc-Request-Id", "")
    if answer.status_code != requests.codes.accepted:
        return f"refused ({answer.status_code})"
    until = time.monotonic() + CALL_SECONDS
    while (seconds_left := until - time.monotonic()) > 0:
        step = dev.wait_for(seconds_left, "step", requestId=request_id, kind="ended")
        if step is None:
            break
        if "dueAt" not in step:
            return str(step["status"])
    return "no end in time"


def shortened(text: str, template: Path) -> str:
    """Return the line of a text that says why, without the folder of the project."""
    with contextlib.suppress(ValueError, AttributeError):
        document = json.loads(text)
        text = document.get("errorMessage") or document.get("Message") or text
    text = text.replace("\\n", "\n").replace(f"{template.parent}/", "")
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    line = next((candidate for candidate in lines[1:] if "Error: " in candidate), lines[0])
    return line if len(line) <= REASON_LENGTH else f"{line[: REASON_LENGTH - 1]}…"


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
