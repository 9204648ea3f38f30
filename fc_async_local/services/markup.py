# SPDX-License-Identifier: MIT
"""XML of the services: read with a guard, written so that every client's parser takes it.

Documents that declare a DTD or entities are refused before anything is expanded. This module knows
elements and text, not what they mean.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import XML

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_HEAD: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'


class MalformedMarkup(Exception):
    """The body is not the XML that was expected. The message says why."""


def read(body: bytes, *roots: str) -> Element:
    """Parse a document and take its namespaces away.

    Args:
        body: The document.
        roots: Allowed names of the root element.

    Raises:
        MalformedMarkup: Not well-formed, with a DTD or entities, or another root.
    """
    try:
        root = _parse(body)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise MalformedMarkup(f"the XML can't be read: {error}") from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    if root.tag not in roots:
        raise MalformedMarkup(f"expected <{'> or <'.join(roots)}>, got <{root.tag}>")
    return root


def _parse(body: bytes) -> Element:
    """Parse with the guard, which is slow, only where there can be something to guard from.

    Without "<!" there is no DTD, and no entity but through one. No encoding hides it: UTF-16 and
    UTF-32 write it with zeros, and expat takes no other that spells ASCII differently.
    """
    if b"<!" in body or b"\0" in body:
        guarded: Element = fromstring(body, forbid_dtd=True)
        return guarded
    return XML(body)


def text(element: Element, name: str) -> str | None:
    """The text of a child; "" if it is empty, None if it is absent."""
    child = element.find(name)
    if child is None:
        return None
    return child.text or ""


def tag(name: str, content: str) -> str:
    """An element around markup."""
    return f"<{name}>{content}</{name}>"


def leaf(name: str, value: str | int) -> str:
    """An element around text."""
    return f"<{name}>{value if isinstance(value, int) else quote(value)}</{name}>"


def quote(value: str) -> str:
    """Text as it goes into an element. A bare CR would be read back as LF."""
    if not ("&" in value or "<" in value or ">" in value or "\r" in value):
        return value  # four searches for a character are ten times as fast as one for a class
    return escape(value, quote=False).replace("\r", "&#13;")


def document(namespace: str, root: str, content: str) -> bytes:
    """A whole document; the namespace is the only attribute anywhere (one client needs that)."""
    return f'{_HEAD}<{root} xmlns="{namespace}">{content}</{root}>'.encode()
