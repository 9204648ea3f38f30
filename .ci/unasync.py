# SPDX-License-Identifier: MIT
"""Write the synchronous modules of the SDK from the asyncio modules: .ci/unasync.py [check].

A change is made in the asyncio module ``_async_{name}.py``; this program writes ``_{name}.py``
beside it. It replaces tokens, and ruff formats the result. What differs in more than that stands in
a module that both import, such as ``handles/_base.py``. With ``check``, nothing is written,
and the exit code is 1 if a synchronous module is out of date.
"""

from __future__ import annotations

import io
import itertools
import re
import subprocess
import sys
import tokenize
from pathlib import Path

ROOT = Path(__file__).parent.parent
SDK = ROOT / "fc_async_sdk"
MODULES = (
    SDK / "_async_client.py",
    SDK / "handles/_async_feeds.py",
    SDK / "handles/_async_functions.py",
    SDK / "handles/_async_groups.py",
    SDK / "handles/_async_tasks.py",
    SDK / "waiters/_async_waiters.py",
)

SYNTAX = {
    ("async",): "",
    ("await",): "",
    ("|", "AsyncIterable", "[", "P", "]"): "",
    ("|", "AsyncIterable", "[", "Any", "]"): "",
    ("Coroutine", "[", "Any", ",", "Any", ",", "T", "]"): "T",
    ("asyncio", ".", "sleep"): "time.sleep",
}
"""Tokens, and what stands instead of them and of the blanks after them."""

NAMES = {
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "AsyncClient": "Client",
    "AsyncConnections": "Connections",
    "AsyncFanOut": "FanOut",
    "AsyncFeed": "Feed",
    "AsyncFunctionHandle": "FunctionHandle",
    "AsyncFunctionWaiter": "FunctionWaiter",
    "AsyncIterator": "Iterator",
    "AsyncPaginator": "Paginator",
    "AsyncPort": "Port",
    "AsyncTaskGroup": "TaskGroup",
    "AsyncTaskHandle": "TaskHandle",
    "AsyncTaskWaiter": "TaskWaiter",
    "_AsyncWaiter": "_Waiter",
    "_async_feeds": "_feeds",
    "_async_groups": "_groups",
    "_async_tasks": "_tasks",
    "async_client": "client",
    "async_each": "each",
    "async_load": "load",
    "async_confirm": "confirm",
    "async_decided": "decided",
    "async_send_paced": "send_paced",
    "async_give_back": "give_back",
    "async_call": "call",
}
"""Names in code, and whole words in docstrings."""

TEXTS = {"Belongs to one event loop. Needs the extra ``aio``.": "Thread-safe."}
"""Sentences in docstrings that are true of one kind only."""

WORD = re.compile("[A-Za-z_]+")


def synchronous(source: str) -> str:
    """Return the source of a synchronous module, not formatted."""
    tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    strings = tuple(token.string for token in tokens)
    lines = [0, *itertools.accumulate(map(len, source.splitlines(keepends=True)))]
    for index in reversed(range(len(tokens))):  # from the end, so that places stay right
        token, end, text = tokens[index], tokens[index].end, None
        if token.type in {tokenize.NAME, tokenize.STRING}:
            text = WORD.sub(lambda word: NAMES.get(word[0], word[0]), token.string)
            for sentence, instead in TEXTS.items():
                text = text.replace(sentence, instead)
        for rule, instead in SYNTAX.items():
            if strings[index : index + len(rule)] == rule:
                text, end = instead, tokens[index + len(rule)].start
        if text is not None:
            first, last = (lines[row - 1] + column for row, column in (token.start, end))
            source = source[:first] + text + source[last:]
    return source


def written_from(module: Path) -> tuple[Path, str]:
    """Return the path and the text of the synchronous module of an asyncio module."""
    target = module.with_name(module.name.replace("_async", "", 1))
    licence, _, rest = synchronous(module.read_text()).partition("\n")
    text = f"{licence}\n# Written by .ci/unasync.py from {module.name}: change that module.\n{rest}"
    for arguments in (["check", "--select=F401,I", "--fix", "--quiet"], ["format", "--quiet"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", str(target), "-"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
        text = done.stdout
    return target, text


def main(wanted: str) -> int:
    """Write the modules, or check them; return the exit code."""
    old = []
    for target, text in map(written_from, MODULES):
        if target.exists() and target.read_text() == text:
            continue
        old.append(str(target.relative_to(ROOT)))
        if wanted != "check":
            target.write_text(text)
    if wanted == "check" and old:
        print(f"out of date: {', '.join(old)}: run .ci/unasync.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:] or ["write"]))
