# SPDX-License-Identifier: MIT
"""What many threads may do at the same time, from the first call on."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fc_async_local
import fc_async_plugin
import fc_async_sdk
from fc_async_sdk import models
from fc_async_sdk.admin import models as admin_models

RACE = """
import sys, threading
from fc_async_sdk import models, operations
from fc_async_sdk.operations import Answer

sys.setswitchinterval(1e-6)
ANSWERS = [
    (operations.list_functions(), b'{"functions": [{"functionName": "f", "runtime": "python3.10",'
     b' "environmentVariables": {"A": "b"}, "instanceLifecycleConfig": {"preStop": {"handler":'
     b' "i.stop", "timeout": 3}}}], "nextToken": "n"}'),
    (operations.list_triggers("f"), b'{"triggers": [{"triggerName": "t"}]}'),
    (operations.list_async_invoke_configs(), b'{"configs": [{"asyncTask": true,'
     b' "destinationConfig": {"onSuccess": {"destination": "acs:fc:r:1:functions/g"}}}]}'),
    (operations.list_aliases("f"), b'{"aliases": [{"aliasName": "prod", "versionId": "1"}]}'),
    (operations.list_async_tasks("f"), b'{"tasks": [{"taskId": "t",'
     b' "status": "Running", "events": [{"eventId": 1}]}]}'),
]
THREADS = 16
together = threading.Barrier(THREADS)
read = []

def work():
    together.wait()
    for call, body in ANSWERS:
        read.append(call.result(Answer(200, {}, body)))

threads = [threading.Thread(target=work) for _ in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(read), "answers")
"""


@pytest.mark.parametrize(
    "round_", [0, *(pytest.param(round_, marks=pytest.mark.slow) for round_ in range(1, 4))]
)
def test_the_first_answers_can_be_read_by_many_threads_at_once(round_: int) -> None:
    command = [sys.executable, "-X", "faulthandler", "-c", RACE]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "80 answers\n", ""), round_


ROWS = """
from __future__ import annotations
import sys, threading
from typing import Literal
from fc_async_sdk.stores import Row
from fc_async_sdk.stores.rows import decode

def kind():
    class Kind(Row, frozen=True, kw_only=True):
        state: Literal["done", "failed"]
        effects: dict[str, tuple[str, ...]]
        error: tuple[str, str] | None = None
    return Kind

sys.setswitchinterval(1e-6)
KINDS = [kind() for _ in range(100)]
TEXT = '{"key": "k", "token": "t", "written": 1, "expires": 2, "state": "done", "effects": {}}'
THREADS = 8
together = threading.Barrier(THREADS)

def work():
    for kind in KINDS:
        together.wait()
        assert decode(kind, TEXT).state == "done"

threads = [threading.Thread(target=work) for _ in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("read")
"""


def test_the_first_rows_of_a_store_can_be_read_by_many_threads_at_once() -> None:
    command = [sys.executable, "-X", "faulthandler", "-c", ROWS]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "read\n", "")


PACKAGES = [
    Path(package.__file__ or "").parent
    for package in (fc_async_sdk, fc_async_local, fc_async_plugin)
]
DECODERS = {
    "msgspec.json.Decoder": 0,
    "msgspec.json.decode": None,
    "msgspec.convert": 1,
    "_decoding.read": 1,
}
"""Functions that decode, and which argument is the type if no keyword is."""


def decoded_types(call: ast.Call) -> list[str]:
    """Names of classes in the type that a call of msgspec decodes into."""
    function = ast.unparse(call.func)
    if function not in DECODERS:
        return []
    keyword = next((item.value for item in call.keywords if item.arg == "type"), None)
    position = DECODERS[function]
    given = call.args[position : position + 1] if position is not None else []
    target = keyword or next(iter(given), None)
    names = [node.id for node in ast.walk(target) if isinstance(node, ast.Name)] if target else []
    return [name for name in names if name.lstrip("_")[:1].isupper()]


def known_as(name: str, file: Path) -> str:
    """A private class is used in its own module only, and others may have the same name."""
    return f"{file}:{name}" if name.startswith("_") else name


def types_in(file: Path) -> tuple[set[str], set[str]]:
    """Types that functions of a module decode into, and those that it prepares at its import."""
    used: set[str] = set()
    prepared: set[str] = set()
    for statement in ast.parse(file.read_text("utf-8")).body:
        at_import = not isinstance(statement, (ast.FunctionDef, ast.ClassDef))
        for call in (node for node in ast.walk(statement) if isinstance(node, ast.Call)):
            if at_import and ast.unparse(call.func) in {"prepare", "_decoding.prepare"}:
                names = [ast.unparse(argument) for argument in call.args]
            else:
                names = decoded_types(call)
            (prepared if at_import else used).update(known_as(name, file) for name in names)
    return used, prepared


def test_types_that_are_decoded_into_are_prepared_when_their_module_is_imported() -> None:
    """msgspec fills a type's field table at the first use, unsafely; importing holds a lock."""
    used: set[str] = set()
    prepared = {
        name
        for module in (models, admin_models)
        for name, kind in vars(module).items()
        if isinstance(kind, type(models.Model))
    }
    for file in (file for root in PACKAGES for file in root.rglob("*.py")):
        in_functions, at_import = types_in(file)
        used |= in_functions
        prepared |= at_import
    assert sorted(used - prepared) == []
