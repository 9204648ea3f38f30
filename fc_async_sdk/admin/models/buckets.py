# SPDX-License-Identifier: MIT
"""Buckets of OSS, and their objects."""

from __future__ import annotations

from fc_async_sdk.models import Model


class BucketSummary(Model, frozen=True, kw_only=True):
    """A bucket."""

    name: str
    created_time: int


class Buckets(Model, frozen=True, kw_only=True):
    """All buckets, by name."""

    buckets: list[BucketSummary]


class ObjectSummary(Model, frozen=True, kw_only=True):
    """An object, with its size in bytes and the headers that it is returned with."""

    key: str
    size: int
    etag: str
    modified_time: int
    headers: dict[str, str]


class Objects(Model, frozen=True, kw_only=True):
    """A page of the objects of a bucket.

    Attributes:
        prefixes: Common prefixes up to the next ``/``.
        next_token: Begin of the next page, "" at the end.
    """

    objects: list[ObjectSummary]
    prefixes: list[str]
    next_token: str = ""
