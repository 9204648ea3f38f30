# SPDX-License-Identifier: MIT
"""Mutated requests for every operation of every service, and a client that sends raw bytes.

A :class:`Case` is a valid request. :func:`mutate` changes one to three things in it: method, path,
query, headers or body (JSON, XML or form). All choices come from one seeded generator, so a run can
be repeated. Nothing here knows what an answer should be, except that it is not a fault of the
server: see :func:`fault_in`.
"""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

VERSION: Final = "/2023-03-30"
_KNOWN_PLACES: Final = re.compile(rb"//localhost:9/|http://mn?[sq]\.")

DEEP: Final = "[" * 1_000 + "]" * 1_000
HOSTILE_JSON: Final = (
    *("9" * 5_000, "1e308", "-1e308", "18446744073709551616", "-9223372036854775809"),
    *("null", "true", "false", "0", "-1", "64", "1e400", "-0.0", "1.5", "1" * 40, "2147483648"),
    *(
        '""',
        '"\\u0000"',
        '"\\ud800"',
        '"x\\udfffy"',
        '"../.."',
        '"' + "x" * 5_000 + '"',
        '"\\u202e"',
    ),
    *("[]", "{}", "[null]", '["a","a"]', '{"a":{"b":[1]}}', '[["x"]]', '{"":0}', '{"\\ud800":1}'),
    *(DEEP, '{"a":' * 1_000 + "1" + "}" * 1_000, "[" * 100_000, "NaN", "'", '"\\', "\\"),
    *('"acs:fc:::functions/orders"', '"acs:mns:::/queues/"', '"$.data[?@.x==1]"', '"LATEST"'),
)
HOSTILE_TEXT: Final = (
    *("9" * 5_000, "-" + "9" * 5_000, "9223372036854775808", "1e308", "nan", "inf", "1_0"),
    *("", "0", "-1", "64", "9" * 40, "1e5", "true", "null", "\0", "\ud800", "x" * 5_000, "..", "%"),
    *(
        "é中\U0001f600",
        "a/b",
        "a b",
        "<x>&'\"",
        "\r\n",
        "\x1b[31m",
        "$.x",
        "[]",
        "{",
        DEEP,
        "LATEST",
    ),
    *("acs:fc:::functions/orders", "${a}", "*", "\u202e", "१२", "٣", "None", "1", "prod"),
)
HOSTILE_BYTES: Final = (
    *(b"9" * 5_000, b"1e308", b"9223372036854775808", b"nan"),
    *(b"", b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"%ED%A0%80", b"%00", b"%", b"%zz", b"9" * 40),
    *(b"-1", b"x" * 3_000, b"a,b", b'"', b"\xe4\xb8\xad", b"Async", b"chunked", b"Sync", b"Tail"),
)
HOSTILE_XML: Final = (
    *("9" * 5_000, "-" + "9" * 5_000, "1_0", "9223372036854775808", "0" * 5_000 + "1"),
    *(
        "",
        "&#0;",
        "&#xD800;",
        "&x;",
        "<",
        "<a><b/></a>",
        "]]>",
        "\ufffe",
        "9" * 40,
        "-1",
        "x" * 5_000,
    ),
    *("<a>" * 1_000 + "</a>" * 1_000, "<![CDATA[x]]>", "<!-- -->", "\x01", "True", "१", "1 ", "+5"),
)


class Case(NamedTuple):
    """One request.

    Attributes:
        service: ``fc``, ``mns``, ``rocketmq`` or ``eventbridge``.
        target: Path and query as on the request line.
    """

    service: str
    method: str
    target: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def fc(method: str, path: str, body: Any = None, **headers: str) -> Case:
    """A request to the FC API or the admin API."""
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    names = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Case("fc", method, path, data, names)


def xml(service: str, method: str, path: str, content: str = "") -> Case:
    """A request to MNS or RocketMQ."""
    version = "x-mns-version" if service == "mns" else "x-mq-version"
    headers = (("content-type", "text/xml;charset=UTF-8"), (version, "2015-06-06"))
    return Case(service, method, path, content.encode(), headers)


def rpc(action: str, form: Mapping[str, Any] | None = None, /, **query: Any) -> Case:
    """A request to EventBridge's RPC API."""

    def encoded(pairs: Mapping[str, Any]) -> str:
        return "&".join(
            f"{name}={quote(value if isinstance(value, str) else json.dumps(value), safe='')}"
            for name, value in pairs.items()
        )

    headers = (
        ("x-acs-action", action),
        ("x-acs-version", "2020-04-01"),
        ("content-type", "application/x-www-form-urlencoded"),
    )
    target = f"/?{encoded(query)}" if query else "/"
    return Case("eventbridge", "POST", target, encoded(form or {}).encode(), headers)


def captured(service: str, folder: Path) -> list[Case]:
    """The requests of recorded exchanges of official clients."""
    cases = []
    for file in sorted(folder.glob("*.txt")):
        whole = file.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
        text = whole.partition(">>> REQUEST\n")[2] or whole
        head, _, rest = text.partition("\n\n")
        body = rest.partition("\n\n<<< RESPONSE")[0].removesuffix("\n")
        first, *lines = head.split("\n")
        method, target, _ = first.split(" ", 2)
        pairs = [line.split(": ", 1) for line in lines if ": " in line]
        headers = tuple((k, v) for k, v in pairs if k.lower() not in _OURS)
        target = re.sub(r"waitseconds=\d+", "waitseconds=0", target)
        target = target.replace("/functions/f1", "/functions/orders")
        cases.append(Case(service, method, target, body.encode(), headers))
    return cases


_OURS: Final = frozenset({"host", "content-length", "connection", "transfer-encoding"})


class Mutator:
    """Changes requests.

    Attributes:
        tokens: Page tokens and receipt handles that any answer had; any may go anywhere.
    """

    def __init__(self, random: random.Random) -> None:
        self._random = random
        self.tokens: list[str] = ["b3JkZXJz"]

    def mutate(self, case: Case) -> Case:
        """Change one to three things."""
        ways: Sequence[Callable[[Case], Case]] = (
            *(self._body,) * 5,
            *(self._query,) * 3,
            *(self._path,) * 2,
            *(self._header,) * 2,
            self._method,
        )
        changed = case
        for _ in range(self._random.randint(1, 3)):
            changed = self._random.choice(ways)(changed)
        # No request may make the server call another machine.
        if b"//" in _KNOWN_PLACES.sub(b"", changed.body):
            return changed._replace(body=case.body)
        return changed

    def _text(self) -> str:
        if self._random.random() < 0.15:
            return self._random.choice(self.tokens)
        return self._random.choice(HOSTILE_TEXT)

    def _method(self, case: Case) -> Case:
        methods = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
        return case._replace(method=self._random.choice(methods))

    def _path(self, case: Case) -> Case:
        path, mark, query = case.target.partition("?")
        parts = path.split("/")
        place = self._random.randrange(1, len(parts))
        text = self._text()
        if self._random.random() < 0.3:
            parts[place] = self._random.choice(HOSTILE_BYTES).decode("latin-1")
        else:
            parts[place] = quote(text.encode("utf-8", "surrogatepass"), safe="")
        joined = "/".join(parts) or "/"
        return case._replace(target=joined + mark + query)

    def _query(self, case: Case) -> Case:
        path, _, query = case.target.partition("?")
        pairs = [pair for pair in query.split("&") if pair]
        text = self._text()
        name = self._parameter(pairs)
        if name.lower() == "waitseconds" and text.isascii() and text.isdigit():
            return case
        others = [pair for pair in pairs if pair.partition("=")[0] != name]
        if self._random.random() < 0.1:
            others = pairs  # the same parameter twice
        before = next((pair for pair in pairs if pair.startswith(f"{name}=")), "")
        text = self._value(name, unquote(before.partition("=")[2]), text)
        value = quote(text.encode("utf-8", "surrogatepass"), safe="")[:8_000]
        if self._random.random() < 0.9:
            others.append(f"{name}={value}")
        return case._replace(target=f"{path}?{'&'.join(others)}" if others else path)

    def _parameter(self, pairs: Sequence[str]) -> str:
        """Return the name of a parameter that the query has, or of any."""
        present = [pair.partition("=")[0] for pair in pairs]
        if present and self._random.random() < 0.6:
            return self._random.choice(present)
        return self._random.choice([*present, *_PARAMETERS])

    def _value(self, name: str, before: str, text: str) -> str:
        """Return a value that suits a parameter, now and then, or a hostile text as it is."""
        if name.lower() in _TOKENS and self._random.random() < 0.6:
            text = self._random.choice(self.tokens)
        if before.startswith(("{", "[")) and self._random.random() < 0.7:
            text = self._json(before.encode()).decode("utf-8", "replace")
        return text

    def _header(self, case: Case) -> Case:
        names = [name for name, _ in case.headers] + list(_HEADERS)
        name = self._random.choice(names)
        value = self._random.choice(HOSTILE_BYTES).decode("latin-1").replace("\0", "")
        kept = case.headers
        if self._random.random() < 0.8:
            kept = tuple(pair for pair in kept if pair[0] != name)
        return case._replace(headers=(*kept, (name, value)))

    def _body(self, case: Case) -> Case:
        body = case.body
        if self._random.random() < 0.15 or not body:
            return case._replace(body=self._bytes(body))
        if body[:1] in (b"{", b"["):
            return case._replace(body=self._json(body))
        if body[:1] == b"<":
            return case._replace(body=self._xml(body))
        if b"=" in body:
            changed = self._query(case._replace(target=f"/?{body.decode('latin-1')}"))
            form = changed.target.partition("?")[2].encode("latin-1", "replace")
            return case._replace(body=form)
        return case._replace(body=self._bytes(body))

    def _bytes(self, body: bytes) -> bytes:
        choice = self._random.random()
        if choice < 0.3 or not body:
            return self._random.choice(
                (*HOSTILE_BYTES, DEEP.encode(), b"[" * 100_000, b"{}", b"[]")
            )
        place = self._random.randrange(len(body))
        if choice < 0.6:
            return body[:place]
        if choice < 0.8:
            return body[:place] + self._random.choice(HOSTILE_BYTES) + body[place:]
        return body[:place] + bytes([self._random.randrange(256)]) + body[place + 1 :]

    def _json(self, body: bytes) -> bytes:
        """Replace, remove or repeat one value anywhere in a document."""
        try:
            tree = json.loads(body)
        except (ValueError, RecursionError):
            return self._bytes(body)
        parent, key = self._random.choice([([tree], 0), *_walk(tree)])
        if parent[key] is tree:
            return self._random.choice(HOSTILE_JSON).encode()
        choice = self._random.random()
        if choice < 0.15:
            del parent[key]
            return json.dumps(tree).encode()
        if choice < 0.3 and isinstance(parent[key], str):
            inner = self._json(parent[key].encode()) if parent[key][:1] in "{[" else b"\xff"
            parent[key] = inner.decode("utf-8", "replace")
            return json.dumps(tree).encode()
        if choice < 0.4:
            parent[key] = self._text()
            return json.dumps(tree).encode()
        parent[key] = _HOLE
        text = json.dumps(tree).replace(f'"{_HOLE}"', self._random.choice(HOSTILE_JSON))
        return text.encode("utf-8", "surrogatepass")

    def _xml(self, body: bytes) -> bytes:
        text = body.decode("utf-8", "replace")
        hostile = self._random.choice(HOSTILE_XML)
        leaves = list(re.finditer(r">([^<>]*)</(\w+)>", text))
        names = list(re.finditer(r"</?(\w+)", text))
        choice = self._random.random()
        if leaves and choice < 0.6:
            found = self._random.choice(leaves)
            digits = hostile.strip().isdigit() and len(hostile) < 3
            if digits and "Wait" in found[2]:
                return body
            return (text[: found.start(1)] + hostile + text[found.end(1) :]).encode()
        if leaves and choice < 0.75:
            found = self._random.choice(leaves)
            start = text.rfind("<", 0, found.start())
            element = text[start : found.end()] if self._random.random() < 0.5 else ""
            return (text[:start] + element * 2 + text[found.end() :]).encode()
        if names and choice < 0.85:
            found = self._random.choice(names)
            return (text[: found.start(1)] + "X" + text[found.end(1) :]).encode()
        if choice < 0.95:
            return ('<!DOCTYPE x [<!ENTITY x "y">]>' + text).encode()
        return text.encode("utf-16")


_TOKENS: Final = frozenset({"nexttoken", "receipthandle"})
_HOLE: Final = "fuzz-hole"
_PARAMETERS: Final = (
    *(
        "qualifier",
        "limit",
        "nextToken",
        "prefix",
        "status",
        "includePayload",
        "functionName",
        "tags",
    ),
    *(
        "startedTimeBegin",
        "sortOrderByTime",
        "direction",
        "fcVersion",
        "Limit",
        "NextToken",
        "since",
    ),
    *(
        "ResourceId",
        "TagKey",
        "Tag",
        "All",
        "numOfMessages",
        "peekonly",
        "ReceiptHandle",
        "consumer",
    ),
    *(
        "VisibilityTimeout",
        "metaoverride",
        "ns",
        "tag",
        "trans",
        "EventBusName",
        "RuleName",
        "function",
    ),
    *("ResourceType", "before", "after", "cursor", "sort", "page"),
)
_HEADERS: Final = (
    *("x-fc-invocation-type", "x-fc-async-delay", "x-fc-async-task-id", "x-fc-log-type"),
    *("x-fc-request-id", "authorization", "content-type", "content-md5", "date", "x-acs-action"),
    *(
        "x-mns-prefix",
        "x-mns-marker",
        "x-mns-ret-number",
        "x-mns-with-meta",
        "x-acs-date",
        "accept",
    ),
    *("x-oss-security-token", "x-mns-date", "x-eventbridge-version", "cookie", "if-none-match"),
)


def _walk(tree: Any) -> list[tuple[Any, Any]]:
    """Return every place in a JSON value as its container and its key. Trees may be deep."""
    places: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict | list):
            continue
        for key in node if isinstance(node, dict) else range(len(node)):
            places.append((node, key))
            waiting.append(node[key])
    return places


class Answered(NamedTuple):
    """What came back; status 0: the connection was closed instead."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """Sends requests as they are written, over one kept connection, and reads whole answers."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._address = (place.hostname or "", place.port or 0)
        self._socket: socket.socket | None = None
        self._rest = b""

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def send(self, case: Case) -> Answered:
        """Send a request; once more on a new connection if the kept one was closed.

        Raises:
            TimeoutError: No answer came.
        """
        kept = self._socket is not None
        answer = self._once(case)
        if answer.status == 0 and kept:
            answer = self._once(case)
        return answer

    def _once(self, case: Case) -> Answered:
        if self._socket is None:
            self._socket = socket.create_connection(self._address)
        # A long poll is not waited for. Anything else has the time that a busy machine needs.
        self._socket.settimeout(1 if may_wait(case) else 60)
        try:
            self._socket.sendall(self._written(case))
            answer = self._read(head_only=case.method == "HEAD")
        except ConnectionError:
            answer = Answered(0, {}, b"")
        except TimeoutError:
            self.close()
            raise
        if answer.status == 0 or answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    def _written(self, case: Case) -> bytes:
        target = case.target.encode("latin-1", "replace") or b"/"
        target = re.sub(rb"[\x00-\x20\x7f-\xff]", lambda m: b"%%%02X" % m[0][0], target)
        names = {name.lower() for name, _ in case.headers}
        lines = [case.method.encode() + b" " + target + b" HTTP/1.1"]
        if "host" not in names:
            lines.append(b"Host: %s:%d" % (self._address[0].encode(), self._address[1]))
        lines += [
            name.encode() + b": " + re.sub(rb"[\r\n\0]", b"", value.encode("latin-1", "replace"))
            for name, value in case.headers
        ]
        lines.append(b"Content-Length: %d" % len(case.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + case.body

    def _read(self, *, head_only: bool) -> Answered:
        while b"\r\n\r\n" not in self._rest:
            if not self._more():
                return Answered(0, {}, self._rest)
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in lines]
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        status = int(first.split(" ")[1])
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks()
        elif head_only or status in (204, 304):
            body = b""
        else:
            body = self._exactly(int(headers.get("content-length", "0")))
        return Answered(status, headers, body)

    def _chunks(self) -> bytes:
        parts = []
        while True:
            while b"\r\n" not in self._rest:
                self._more()
            size, _, self._rest = self._rest.partition(b"\r\n")
            parts.append(self._exactly(int(size, 16)))
            self._exactly(2)
            if not parts[-1]:
                return b"".join(parts)

    def _exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            if not self._more():
                raise ConnectionError("the answer broke off")
        body, self._rest = self._rest[:size], self._rest[size:]
        return body

    def _more(self) -> bool:
        assert self._socket is not None
        data = self._socket.recv(65_536)
        self._rest += data
        return bool(data)


def fault_in(answer: Answered) -> str:
    """Why an answer is a fault of the server, "" if it is not."""
    if answer.status == 0:
        return "the connection was closed without an answer"
    if answer.status >= 500:
        return f"answered {answer.status}"
    if b"Traceback (most recent call last)" in answer.body:
        return "answered with a stack trace"
    return ""


def may_wait(case: Case) -> bool:
    """Whether an answer may take long: a long poll, whose queue may be set to wait."""
    return case.method == "GET" and case.target.partition("?")[0].endswith("/messages")
