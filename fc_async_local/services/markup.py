# SPDX-License-Identifier: MIT
"""Reads and writes the XML of MNS, RocketMQ and OSS, and answers with it.

:class:`XmlService` holds what the first two share over HTTP: the signature, the headers of every
answer and the error document.

Invariants:
    * A document that declares a DTD or entities is refused before anything is expanded.
    * The parsers of all official clients accept what is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple
from xml.etree.ElementTree import XML

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from fc_async_local.http.edge import HttpService
from fc_async_local.http.messages import Answer
from fc_async_local.services import common, signature
from fc_async_local.services.common import body_digest
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from xml.etree.ElementTree import Element

    from fc_async_local.clock import Clock
    from fc_async_local.domain.errors import Rejected
    from fc_async_local.http.messages import HeaderList, Request
    from fc_async_local.services.common import ProtocolError
    from fc_async_local.services.signature import Scheme
    from fc_async_local.settings import Settings
    from fc_async_sdk.spec.limits import Range

VERSION: Final = "2015-06-06"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


Members = Mapping[str, object]
"""Elements by name: text, a number, members; for a list several elements, for None none."""


class Markup(str):
    """The content of an element that is written already."""

    __slots__ = ()


class Dialect(NamedTuple):
    """The XML of one protocol.

    Attributes:
        namespace: Of its documents; "" if they have none.
        error: Makes an error of the protocol from code and message.
    """

    namespace: str
    error: Callable[[str, str], ProtocolError]

    def read(self, body: bytes, *roots: str) -> Element:
        """Parse a document and remove its namespaces.

        Args:
            body: The document.
            roots: Allowed names of the root element.

        Raises:
            ProtocolError: MalformedXML: the document is not well-formed, has a DTD or entities, or
                another root.
        """
        try:
            # Documents come from other programs: entities that expand would take all memory.
            root = _parse(body)
        except DefusedXmlException as error:  # its text is the repr of what was found
            reason = "the XML must not declare a DTD or entities"
            raise self.error("MalformedXML", reason) from error
        except (ParseError, ValueError, LookupError) as error:
            raise self.error("MalformedXML", f"the XML cannot be parsed: {error}") from error
        for element in root.iter():
            # Clients send documents with and without the namespace.
            element.tag = element.tag.rpartition("}")[2]
        if root.tag not in roots:
            raise self.error("MalformedXML", f"expected <{'> or <'.join(roots)}>, got <{root.tag}>")
        return root

    def read_body(self, element: Element) -> str:
        """Return the body of a message.

        Raises:
            ProtocolError: MalformedXML: it has none.
        """
        body = text(element, "MessageBody")
        if body is None:
            raise self.error("MalformedXML", "<Message> has no <MessageBody>")
        return body

    def read_handles(self, body: bytes, allowed: Range) -> list[str]:
        """Read a request that deletes messages by their receipt handles.

        Raises:
            ProtocolError: MalformedXML; InvalidArgument: too few or too many.
        """
        root = self.read(body, "ReceiptHandles")
        handles = [element.text or "" for element in root.findall("ReceiptHandle")]
        if len(handles) not in allowed:
            raise self.error(
                "InvalidArgument", f"{len(handles)} receipt handles: 1 to {allowed.high} in a batch"
            )
        return handles

    def document(self, root: str, content: Members | str) -> bytes:
        """Return a whole document; one client requires that the namespace is its only attribute."""
        space = f' xmlns="{self.namespace}"' if self.namespace else ""
        return f"{_HEAD}<{root}{space}>{_content(content)}</{root}>".encode()

    def undeleted(self, failures: Iterable[tuple[str, str, str]]) -> bytes:
        """Write handles that were not deleted; clients require three elements each.

        Args:
            failures: Handle, code and message of each.
        """
        errors = [
            {
                "ErrorCode": code,
                "ErrorMessage": message,
                "ReceiptHandle": handle,
            }
            for handle, code, message in failures
        ]
        return self.document("Errors", {"Error": errors})


def _parse(body: bytes) -> Element:
    """Parse a document, with defusedxml only where it may declare a DTD: defusedxml is slow.

    A DTD begins with "<!", and entities are declared in one. In UTF-16 and UTF-32 it contains NUL
    bytes; expat supports no other encoding that writes ASCII differently.
    """
    if b"<!" in body or b"\0" in body:
        guarded: Element = fromstring(body, forbid_dtd=True)
        return guarded
    return XML(body)


def text(element: Element, name: str) -> str | None:
    """Return the text of a child; "" if it is empty, None if it is absent."""
    child = element.find(name)
    if child is None:
        return None
    return child.text or ""


def members(content: Members) -> Markup:
    """Write elements."""
    return Markup("".join(_element(name, value) for name, value in content.items()))


def _element(name: str, content: object) -> str:
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(_element(name, item) for item in content)
    return f"<{name}>{_content(content)}</{name}>"


def _content(content: object) -> str:
    if isinstance(content, Markup):
        return content
    if isinstance(content, Mapping):
        return members(content)
    if isinstance(content, bool):
        return quote(str(content).lower())
    return quote(str(content))


def quote(value: str) -> str:
    """Escape text for an element, with CR, which would be read as LF."""
    if not ("&" in value or "<" in value or ">" in value or "\r" in value):
        return value  # four searches for characters are ten times as fast as one regular expression
    return escape(value, quote=False).replace("\r", "&#13;")


def stored(message_id: str, body: str) -> dict[str, object]:
    """Return what a sender gets of a message."""
    return {"MessageId": message_id, "MessageBodyMD5": body_digest(body)}


class XmlService(HttpService):
    """A service whose documents are XML, and whose paths have a name at every second place.

    Args:
        settings: Whether signatures are verified, and with which keys.
        clock: The time of signatures.

    Attributes:
        name: Of the service, in errors.
        operations: By method and path with ``*`` for each name, such as ``PUT queues/*``. They get
            the request and the names.
        parameters: The parameters that an operation knows, in lower case with spaces between them;
            an operation that is not here knows none. Others are refused: ``?peek=true`` must not
            receive a message in place of ``?peekonly=true``.
        unknown_parameter: The code of that error.
    """

    name: ClassVar[str]
    scheme: Scheme
    dialect: Dialect
    largest_body: int
    operations: Mapping[str, Callable[..., Awaitable[Answer]]]
    parameters: ClassVar[Mapping[str, str]]
    unknown_parameter: ClassVar[str]

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    async def refresh(self, request: Request) -> None:
        """Read the changes of other nodes that the answer depends on."""

    async def answer(self, request: Request) -> Answer:
        """Answer one request."""
        # Before anything is read or said about what exists.
        self.authenticate(request)
        await self.refresh(request)
        segments = request.segments
        pattern = list(segments)
        pattern[1::2] = ["*"] * len(segments[1::2])
        name = f"{request.method} {'/'.join(pattern)}"
        operation = self.operations.get(name)
        if operation is None:
            message = f"{request.method} {request.path} is not an operation of {self.name}"
            raise self.dialect.error("InvalidRequestURL", message)
        self._check_parameters(name, request)
        return await operation(request, *segments[1::2])

    def _check_parameters(self, operation: str, request: Request) -> None:
        """Refuse a parameter that an operation does not know.

        Raises:
            ProtocolError: With the code :attr:`unknown_parameter`.
        """
        known_parameters = self.parameters.get(operation, "").split()
        for name in request.parameters():
            if name not in known_parameters:
                choices = (
                    f"there are {', '.join(known_parameters)}"
                    if known_parameters
                    else "there are none"
                )
                message = f"{operation} has no parameter {shorten(name)}: {choices}"
                raise self.dialect.error(self.unknown_parameter, message)

    def new_request_id(self) -> str:
        """Return 24 hex digits."""
        return common.request_id()

    def body_limit(self, request: Request) -> int:  # noqa: ARG002 -- the same for all requests
        """Return the bytes of the largest message, or batch, with every character escaped."""
        return self.largest_body

    def common_headers(self, request: Request) -> HeaderList:
        """Return the headers that official clients look up, by names as they are written here."""
        prefix = self.scheme.prefix
        return (f"{prefix}request-id", request.id), (f"{prefix}version", VERSION)

    def refuse(self, error: Rejected, request: Request) -> Answer:
        """Return an error document; clients require all four elements, none of them empty."""
        content = {
            "Code": error.code,
            "Message": error.message or error.code,
            "RequestId": request.id,
            "HostId": base_url(request),
        }
        return xml(error.status, self.dialect.document("Error", content))

    def authenticate(self, request: Request) -> None:
        """Verify the signature of a request if the runtime is strict.

        Raises:
            Unsigned: With the code of what is wrong.
        """
        if self._settings.auth.strict_auth:
            keys = self._settings.auth.access_keys
            signature.verify(self.scheme, request, keys, now=self._clock.now())


def xml(status: int, document: bytes) -> Answer:
    """Return an answer with a document."""
    return Answer(status, document, (("Content-Type", "text/xml;charset=utf-8"),))


def base_url(request: Request) -> str:
    """Return the URL of the service as the client calls it."""
    return f"http://{request.headers.get('host') or 'localhost'}"
