# SPDX-License-Identifier: MIT
"""A stand-in for Tablestore: its rows with conditional writes, over the official client's protocol.

No exchange with the real service was recorded: it needs an account. Requests, signatures and rows
are those of the official client ``tablestore``; what a condition means follows the documentation
(https://www.alibabacloud.com/help/en/tablestore/latest/conditional-update): the expectation of
existence first, then the column condition, and a column that is missing decides by
``filter_if_missing``. A refusal answers 403 OTSConditionCheckFail and changes nothing.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import threading
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import tablestore.protobuf.table_store_filter_pb2 as filters
import tablestore.protobuf.table_store_pb2 as messages
from tablestore.plainbuffer.plain_buffer_builder import PlainBufferBuilder
from tablestore.plainbuffer.plain_buffer_coded_stream import PlainBufferCodedInputStream
from tablestore.plainbuffer.plain_buffer_stream import PlainBufferInputStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY_ID, SECRET, INSTANCE = "LTAI-stand-in", "stand-in-secret", "records"

Row = dict[str, Any]


class Refused(Exception):
    """An error of the service: HTTP status and code."""


class Tables:
    """Rows by table and primary key."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Row]] = {}
        self._lock = threading.Lock()
        self._operations: dict[str, tuple[Any, Any, Callable[[Any, Any], None]]] = {
            "CreateTable": (
                messages.CreateTableRequest,
                messages.CreateTableResponse,
                self._create_table,
            ),
            "PutRow": (messages.PutRowRequest, messages.PutRowResponse, self._put),
            "UpdateRow": (messages.UpdateRowRequest, messages.UpdateRowResponse, self._update),
            "DeleteRow": (messages.DeleteRowRequest, messages.DeleteRowResponse, self._delete),
            "GetRow": (messages.GetRowRequest, messages.GetRowResponse, self._get),
        }

    def answer(self, operation: str, body: bytes) -> bytes:
        """Perform an operation; raise Refused."""
        request_type, response_type, perform = self._operations[operation]
        request, response = request_type(), response_type()
        request.ParseFromString(body)
        if operation != "CreateTable":
            response.consumed.capacity_unit.write = 1
        with self._lock:
            perform(request, response)
        written: bytes = response.SerializeToString()
        return written

    def _create_table(self, request, _: object) -> None:
        meta, options = request.table_meta, request.table_options
        if meta.table_name in self.tables:
            raise Refused(409, "OTSObjectAlreadyExist")
        if options.max_versions != 1 or options.time_to_live < 86_400:
            raise Refused(400, "OTSParameterInvalid")
        assert [(key.name, key.type) for key in meta.primary_key] == [("id", messages.STRING)]
        self.tables[meta.table_name] = {}

    def _rows(self, request) -> dict[str, Row]:
        if request.table_name not in self.tables:
            raise Refused(404, "OTSObjectNotExist")
        return self.tables[request.table_name]

    def _put(self, request, _: object) -> None:
        key, columns = read_row(request.row)
        check(request.condition, self._rows(request).get(key))
        self._rows(request)[key] = columns

    def _update(self, request, _: object) -> None:
        key, columns = read_row(request.row_change)
        check(request.condition, self._rows(request).get(key))
        self._rows(request).setdefault(key, {}).update(columns)

    def _delete(self, request, _: object) -> None:
        key, _columns = read_row(request.primary_key)
        check(request.condition, self._rows(request).get(key))
        self._rows(request).pop(key, None)

    def _get(self, request, response) -> None:
        key, _columns = read_row(request.primary_key)
        row = self._rows(request).get(key)
        if row is None:
            response.row = b""
            return
        wanted = [(name, row[name]) for name in request.columns_to_get if name in row]
        response.row = bytes(PlainBufferBuilder.serialize_for_put_row([("id", key)], wanted))


def read_row(data: bytes) -> tuple[str, Row]:
    stream = PlainBufferCodedInputStream(PlainBufferInputStream(data))
    ((_, key),), columns = stream.read_row()
    return key, {name: value for name, value, _ in columns}


def check(condition, row: Row | None) -> None:
    expected = condition.row_existence
    fails = (expected == messages.EXPECT_EXIST and row is None) or (
        expected == messages.EXPECT_NOT_EXIST and row is not None
    )
    if not fails and condition.column_condition:
        column = filters.Filter()
        column.ParseFromString(condition.column_condition)
        fails = not fulfilled(column, row or {})
    if fails:
        raise Refused(403, "OTSConditionCheckFail")


def fulfilled(condition, row: Row) -> bool:
    if condition.type == filters.FT_COMPOSITE_COLUMN_VALUE:
        parts = filters.CompositeColumnValueFilter()
        parts.ParseFromString(condition.filter)
        assert parts.combinator == filters.LO_OR
        return any(fulfilled(part, row) for part in parts.sub_filters)
    comparison = filters.SingleColumnValueFilter()
    comparison.ParseFromString(condition.filter)
    assert comparison.comparator == filters.CT_EQUAL
    if comparison.column_name not in row:
        return not comparison.filter_if_missing
    # A type (1 byte), a length (4 bytes), the text.
    return bool(row[comparison.column_name] == comparison.column_value[5:].decode())


class Handler(BaseHTTPRequestHandler):
    """Checks the signature of a request and signs the response."""

    protocol_version = "HTTP/1.1"
    tables: Tables

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self._check_signature()
            status, answer = 200, self.tables.answer(self.path[1:], body)
        except Refused as refusal:
            status, code = refusal.args
            answer = messages.Error(code=code, message=code).SerializeToString()
        self._send(status, answer)

    def _check_signature(self) -> None:
        names = [name.lower() for name in self.headers if name.lower().startswith("x-ots-")]
        signed = sorted(f"{name}:{self.headers[name]}" for name in names if "signature" not in name)
        text = "\n".join([self.path, "POST", "", *signed, ""])
        if not hmac.compare_digest(self.headers["x-ots-signature"], signature(text)):
            raise Refused(403, "OTSAuthFailed")

    def _send(self, status: int, answer: bytes) -> None:
        headers = {
            "x-ots-contentmd5": base64.b64encode(hashlib.md5(answer).digest()).decode(),  # noqa: S324 -- the protocol's
            "x-ots-contenttype": "protocol buffer",
            "x-ots-date": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "x-ots-requestid": "0005-stand-in",
        }
        lines = "\n".join(sorted(f"{name}:{value}" for name, value in headers.items()))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Authorization", f"OTS {KEY_ID}:{signature(lines + chr(10) + self.path)}")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def signature(text: str) -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), text.encode(), "sha1")).decode()


@contextlib.contextmanager
def serve() -> Iterator[tuple[str, Tables]]:
    """Serve on a free port; give the URL and the tables."""
    tables = Tables()
    handler = type("Bound", (Handler,), {"tables": tables})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", tables
        finally:
            server.shutdown()
            thread.join()
