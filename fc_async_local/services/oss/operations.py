# SPDX-License-Identifier: MIT
"""The operations of OSS that are served, with the parameters and headers that each of them knows.

Invariants:
    A request with another parameter, or another header that changes what an operation does, is
    refused with 501 that names it. OSS gains operations that are a parameter of an older one
    (``PUT /bucket/key?legalHold``): such a request must never run as the older one.
    Nothing is read or changed for a request that is refused.

Source: the API reference of OSS (https://www.alibabacloud.com/help/en/oss/developer-reference/).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_local.services.oss import buckets, model, objects, uploads
from fc_async_local.services.oss.model import OssError
from fc_async_local.services.oss.request import META, RESPONSE, SUBRESOURCES
from fc_async_sdk.errors import shorten

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from fc_async_local.http.messages import Answer
    from fc_async_local.http.streaming import ClientStream
    from fc_async_local.services.oss.request import OssRequest
    from fc_async_local.services.oss.service import OssService

    Handler = Callable[[OssService, OssRequest, ClientStream], Awaitable[Answer | None]]

_SIGNATURE_PARAMETERS: Final = frozenset(
    {
        "Expires",
        "OSSAccessKeyId",
        "Signature",
        "security-token",
        "x-oss-additional-headers",
        "x-oss-credential",
        "x-oss-date",
        "x-oss-expires",
        "x-oss-security-token",
        "x-oss-signature",
        "x-oss-signature-version",
    }
)
"""Of versions 1 and 4."""
_WITHOUT_EFFECT: Final = frozenset({"x-oss-request-payer", "x-oss-traffic-limit"})
"""Parameters and headers of all operations: nothing is paid or slowed down on this machine."""
_COMMON_PARAMETERS: Final = _SIGNATURE_PARAMETERS | _WITHOUT_EFFECT
_COMMON_HEADERS: Final = _WITHOUT_EFFECT | {
    "x-oss-content-sha256",
    "x-oss-date",
    "x-oss-security-token",
    "x-oss-user-agent",
}
_OWN: Final = "x-oss-"
"""The beginning of the names of headers of OSS."""
_CONDITIONS: Final = frozenset(
    {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"}
)
_MEANINGFUL: Final = _CONDITIONS | {"range", "content-range"}
"""Headers of HTTP that would change what an operation does."""

_LIST: Final = "delimiter encoding-type prefix"
_WRITE: Final = (
    "x-oss-forbid-overwrite x-oss-object-acl x-oss-server-side-data-encryption "
    "x-oss-server-side-encryption x-oss-server-side-encryption-key-id x-oss-storage-class "
    "x-oss-tagging"
)
_COPY: Final = "x-oss-copy-source " + " ".join(
    f"x-oss-copy-source-{condition}" for condition in _CONDITIONS
)
_READ: Final = f"range x-oss-range-behavior {' '.join(_CONDITIONS)}"
_OVERRIDES: Final = " ".join(name for name in SUBRESOURCES if name.startswith(RESPONSE))


class Operation(NamedTuple):
    """One operation.

    Attributes:
        answer: Answers a request.
        parameters: That it knows besides those that choose it and those of signatures.
        headers: Of those that change what an operation does, the ones that it knows.
        largest_body: Bytes of the body of a request.
        takes_metadata: Whether it knows the headers of user metadata.
    """

    answer: Handler
    parameters: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()
    largest_body: int = model.LARGEST_DOCUMENT
    takes_metadata: bool = False


def _operation(answer: Handler, parameters: str = "", headers: str = "") -> Operation:
    return Operation(answer, frozenset(parameters.split()), frozenset(headers.split()))


def _writes(answer: Handler, parameters: str = "", headers: str = "") -> Operation:
    """Return an operation that gives an object its headers.

    Clients send them with each part of an upload, and with its end, too; the upload has those of
    its start, as on the service.
    """
    operation = _operation(answer, parameters, f"{_WRITE} {headers}")
    return operation._replace(takes_metadata=True)


def _receives(answer: Handler, parameters: str = "", headers: str = "") -> Operation:
    """Return an operation whose body is content."""
    return _writes(answer, parameters, headers)._replace(largest_body=model.LARGEST_BODY)


OPERATIONS: Final[dict[str, Operation]] = {
    "GET service": _operation(buckets.list_buckets, "marker max-keys prefix"),
    "PUT bucket": _operation(buckets.put_bucket, headers="x-oss-acl"),
    "GET bucket": _operation(
        buckets.list_objects,
        f"{_LIST} continuation-token fetch-owner list-type marker max-keys start-after",
    ),
    "DELETE bucket": _operation(buckets.delete_bucket),
    "GET bucket bucketInfo": _operation(buckets.get_info),
    "GET bucket location": _operation(buckets.get_location),
    "GET bucket acl": _operation(buckets.get_acl),
    "PUT bucket acl": _operation(buckets.put_acl, headers="x-oss-acl"),
    "GET bucket cors": _operation(buckets.get_rules),
    "PUT bucket cors": _operation(buckets.put_rules),
    "DELETE bucket cors": _operation(buckets.put_rules),
    "GET bucket lifecycle": _operation(buckets.get_rules),
    "PUT bucket lifecycle": _operation(
        buckets.put_rules, headers="x-oss-allow-same-action-overlap"
    ),
    "DELETE bucket lifecycle": _operation(buckets.put_rules),
    "GET bucket uploads": _operation(
        uploads.list_uploads, f"{_LIST} key-marker max-uploads upload-id-marker"
    ),
    "POST bucket delete": _operation(objects.delete_many, "encoding-type"),
    "PUT object": _receives(
        objects.put, headers=f"{_COPY} x-oss-metadata-directive x-oss-tagging-directive"
    ),
    "GET object": _operation(objects.get, _OVERRIDES, _READ),
    "HEAD object": _operation(objects.get, _OVERRIDES, _READ),
    "HEAD object objectMeta": _operation(objects.get, headers=_READ),
    "DELETE object": _operation(objects.delete),
    "POST object append position": _receives(objects.append),
    "GET object acl": _operation(buckets.get_acl),
    "PUT object acl": _operation(buckets.put_acl, headers="x-oss-object-acl"),
    "GET object tagging": _operation(objects.get_tagging),
    "PUT object tagging": _operation(objects.put_tagging),
    "DELETE object tagging": _operation(objects.put_tagging),
    "POST object uploads": _writes(uploads.start, "encoding-type sequential"),
    "PUT object partNumber uploadId": _receives(
        uploads.put_part, headers=f"{_COPY} x-oss-copy-source-range"
    ),
    "GET object uploadId": _operation(
        uploads.list_parts, "encoding-type max-parts part-number-marker"
    ),
    "POST object uploadId": _writes(uploads.complete, "encoding-type", "x-oss-complete-all"),
    "DELETE object uploadId": _operation(uploads.abort),
}
"""By method, level, and the parameters that choose an operation."""

_CHOOSERS: Final = frozenset(word for name in OPERATIONS for word in name.split()[2:])
"""Parameters that choose an operation of the table."""


def operation_of(request: OssRequest) -> Operation:
    """Return the operation that a request asks for, and refuse what it does not know.

    Raises:
        OssError: NotImplemented, with the names of what is unknown.
    """
    # put_object_legal_hold of the official client overwrote the object, before unknown parameters
    # were refused.
    name, operation = _found(request)
    if operation is None:
        raise _not_implemented(name)
    known_parameters = operation.parameters | _CHOOSERS | _COMMON_PARAMETERS
    parameters = [parameter for parameter in request.query if parameter not in known_parameters]
    _refuse_unknown(name, "parameter", parameters)
    headers = [header for header in request.headers if not _knows(operation, header)]
    _refuse_unknown(name, "header", headers)
    return operation


def largest_body(request: OssRequest) -> int:
    """Return the most bytes of the body of a request."""
    _, operation = _found(request)
    return model.LARGEST_DOCUMENT if operation is None else operation.largest_body


def _found(request: OssRequest) -> tuple[str, Operation | None]:
    if request.key:
        level = "object"
    elif request.bucket:
        level = "bucket"
    else:
        level = "service"
    choosers = sorted(_CHOOSERS.intersection(request.query))
    name = " ".join((request.method, level, *choosers))
    return name, OPERATIONS.get(name)


def _knows(operation: Operation, header: str) -> bool:
    """Return whether an operation knows a header, or would do the same without it."""
    if header.startswith(META):
        return operation.takes_metadata
    if header.startswith(_OWN) or header in _MEANINGFUL:
        return header in operation.headers or header in _COMMON_HEADERS
    return True


def _refuse_unknown(name: str, kind: str, unknown: Iterable[str]) -> None:
    names = ", ".join(shorten(unknown_name) for unknown_name in unknown)
    if names:
        raise _not_implemented(f"{name} with the {kind} {names}")


def _not_implemented(request_text: str) -> OssError:
    return OssError("NotImplemented", f"{request_text} is not implemented on this machine")
