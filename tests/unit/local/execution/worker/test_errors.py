# SPDX-License-Identifier: MIT
"""What a function returned or raised, as bytes."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import textwrap
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.execution.worker import errors
from fc_async_local.execution.worker.errors import Frames, describe, encode_result

if TYPE_CHECKING:
    from pathlib import Path


class Thing:
    def to_json(self) -> object:
        return {"thing": decimal.Decimal("0.5")}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\x00\xff", b"\x00\xff"),
        ("ä", "ä".encode()),
        ("\ud800", b"\xed\xa0\x80"),
        (None, b"null"),
        (True, b"true"),
        (
            {"b": 1, "a": [1, "ä"]},
            b'{\n    "a": [\n        1,\n        "\\u00e4"\n    ],\n    "b": 1\n}',
        ),
        (decimal.Decimal("1.5"), b"1.5"),
        (dt.date(2026, 1, 2), b'"2026-01-02"'),
        (dt.datetime(2026, 1, 2, 3, tzinfo=dt.timezone.utc), b'"2026-01-02T03:00:00+00:00"'),
        (Thing(), b'{\n    "thing": 0.5\n}'),
    ],
)
def test_results_are_encoded_as_the_service_encodes_them(value: object, expected: bytes) -> None:
    assert encode_result(value) == expected


@pytest.mark.parametrize("value", [{1, 2}, object(), {1: 1, "a": 2}, bytearray(b"x"), 1j])
def test_a_result_that_cannot_be_encoded_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError):
        encode_result(value)


def test_a_value_that_contains_itself_is_a_value_error() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueError, match="Circular"):
        encode_result(value)


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_json_results_are_encoded_without_loss(value: object) -> None:
    if not isinstance(value, str):
        assert json.loads(encode_result(value)) == value


def raised(error: BaseException) -> BaseException:
    try:
        raise error  # noqa: TRY301 -- for its traceback
    except BaseException as caught:  # noqa: BLE001 -- any kind may be described
        return caught


def test_the_document_has_message_type_and_frames() -> None:
    document = json.loads(describe(raised(KeyError("order"))).document)
    assert (document["errorMessage"], document["errorType"]) == ("'order'", "KeyError")
    ((file, line, name, source),) = document["stackTrace"]
    assert file == f'File "{__file__}"'
    assert line.startswith("line ")
    assert name == "in raised"
    assert source.startswith("raise error")


def test_keys_are_sorted_and_indented() -> None:
    text = describe(raised(ValueError("no"))).document.decode()
    assert text.startswith('{\n    "errorMessage": "no",\n    "errorType": "ValueError",\n')


def test_an_error_that_can_not_be_printed_is_described() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    document = json.loads(describe(raised(Odd())).document)
    assert document["errorMessage"] == "<unprintable Odd: __str__ raised RuntimeError>"


def test_a_huge_message_is_cut() -> None:
    document = json.loads(describe(raised(ValueError("x" * 1_000_000))).document)
    assert document["errorMessage"] == "x" * 65_536 + "…"


def test_the_trace_of_an_endless_recursion_shows_its_end() -> None:
    def deeper() -> None:
        deeper()

    with pytest.raises(RecursionError) as caught:
        deeper()
    document = json.loads(describe(caught.value).document)
    assert len(document["stackTrace"]) == 200


def run_in(folder: Path, source: str) -> BaseException:
    """What the handler of a module in a code folder raises."""
    file = folder / "index.py"
    file.write_text(textwrap.dedent(source))
    names: dict[str, Any] = {}
    try:
        exec(compile(file.read_text(), str(file), "exec"), names)  # noqa: S102 -- as a module is
        names["handler"]()
    except BaseException as caught:  # noqa: BLE001 -- any kind may be described
        caught.__traceback__ = caught.__traceback__ and caught.__traceback__.tb_next
        return caught
    raise AssertionError("nothing was raised")


def test_files_in_the_code_folder_are_named_as_on_the_service(tmp_path: Path) -> None:
    error = run_in(tmp_path, "import json\ndef handler(): json.loads('{')\n")
    failure = describe(error, frames=Frames.of_code(str(tmp_path)))
    first, second, *_ = json.loads(failure.document)["stackTrace"]
    assert first == [
        'File "/code/index.py"',
        "line 2",
        "in handler",
        "def handler(): json.loads('{')",
    ]
    assert second[0] == f'File "{json.__file__}"'
    assert 'File "/code/index.py", line 2, in handler' in failure.log
    assert str(tmp_path) not in failure.log


def test_a_code_folder_behind_a_link_is_recognized(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    error = run_in(tmp_path / "real", "def handler(): raise ValueError\n")
    failure = describe(error, frames=Frames.of_code(str(tmp_path / "link")))
    assert json.loads(failure.document)["stackTrace"][0][0] == 'File "/code/index.py"'


def test_a_folder_that_only_begins_like_the_code_folder_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "code-2").mkdir()
    error = run_in(tmp_path / "code-2", "def handler(): raise ValueError\n")
    failure = describe(error, frames=Frames.of_code(str(tmp_path / "code")))
    assert json.loads(failure.document)["stackTrace"][0][0] == f'File "{tmp_path}/code-2/index.py"'


def test_the_log_tells_what_an_exception_was_caused_by(tmp_path: Path) -> None:
    error = run_in(
        tmp_path,
        """
        def handler():
            try:
                1 / 0
            except ZeroDivisionError as cause:
                raise KeyError("order") from cause
        """,
    )
    failure = describe(error, frames=Frames.of_code(str(tmp_path)))
    assert len(json.loads(failure.document)["stackTrace"]) == 1
    cause, _, effect = failure.log.partition("The above exception was the direct cause")
    assert 'File "/code/index.py", line 4, in handler' in cause
    assert "ZeroDivisionError: division by zero" in cause
    assert effect.endswith("KeyError: 'order'")
    assert str(tmp_path) not in failure.log


def test_a_syntax_error_has_a_frame_where_the_compiler_stopped(tmp_path: Path) -> None:
    error = run_in(tmp_path, "x = 1\ndef handler(:\n")
    failure = describe(error, frames=Frames.of_code(str(tmp_path)))
    last = json.loads(failure.document)["stackTrace"][-1]
    assert last == ['File "/code/index.py"', "line 2", "def handler(:"]
    assert 'File "/code/index.py", line 2\n    def handler(:' in failure.log


def test_an_import_error_names_files_as_on_the_service(tmp_path: Path) -> None:
    error = ImportError(f"cannot import name 'x' from 'y' ({tmp_path}/y.py)")
    failure = describe(raised(error), frames=Frames.of_code(str(tmp_path)))
    message = "cannot import name 'x' from 'y' (/code/y.py)"
    assert json.loads(failure.document)["errorMessage"] == message
    assert failure.log.endswith(f"ImportError: {message}")


def test_a_message_of_the_function_is_not_changed(tmp_path: Path) -> None:
    failure = describe(raised(ValueError(f"{tmp_path}/x")), frames=Frames.of_code(str(tmp_path)))
    assert json.loads(failure.document)["errorMessage"] == f"{tmp_path}/x"


def test_a_strange_syntax_error_is_described() -> None:
    error = SyntaxError("odd")
    error.filename = 1  # type: ignore[assignment] # user code may do so
    error.text = object()  # type: ignore[assignment] # same
    assert json.loads(describe(raised(error)).document)["errorType"] == "SyntaxError"


def test_a_result_that_cannot_be_encoded_has_no_frames_of_the_runtime(tmp_path: Path) -> None:
    with pytest.raises(TypeError) as caught:
        errors.encode_result({"a": {1}})
    trace = caught.value.__traceback__
    assert trace is not None
    failure = describe(caught.value.with_traceback(trace.tb_next))
    assert json.loads(failure.document)["stackTrace"] == []


def test_frames_of_the_runtime_in_front_are_left_out() -> None:
    try:
        errors.encode_result({1})
    except TypeError as error:
        files = [frame[0] for frame in json.loads(describe(error).document)["stackTrace"]]
    assert files[0] == f'File "{__file__}"'
