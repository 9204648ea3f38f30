# SPDX-License-Identifier: MIT
"""Rows in Redis, Valkey or Tair, through the client ``redis``.

Lua scripts compare and write in one step on every server version; the newer conditional options
of SET are missing on Alibaba Cloud's older editions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from fc_async_sdk.stores.counters import CLOCKS_DIFFER_MS
from fc_async_sdk.stores.rows import decode, new_token

if TYPE_CHECKING:
    from fc_async_sdk.stores.counters import Step
    from fc_async_sdk.stores.rows import R, Row

# Scripts, because Redis runs one as a whole: between a GET and a SET another instance could write.
_CREATE: Final = """
if redis.call('EXISTS', KEYS[1]) == 1 then return redis.call('HGET', KEYS[1], 'record') end
redis.call('HSET', KEYS[1], 'token', ARGV[1], 'record', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return false
"""

_REPLACE: Final = """
local token = redis.call('HGET', KEYS[1], 'token')
if token ~= ARGV[1] and token ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'token', ARGV[2], 'record', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""

_REMOVE: Final = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""

# What stores.advanced does. Lua's numbers are exact for these times, which are below 2^53; cjson
# would write them with 14 digits.
_ADVANCE: Final = """
local now, earliest, cost = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local limit, held, margin = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local following, stored_held = 0, 0
local stored = redis.call('HGET', KEYS[1], 'record')
if stored then
  local row = cjson.decode(stored)
  following, stored_held = row.next, row.held or 0
  local ahead = (row.written - math.floor(now / 1000)) * 1000
  if ahead > margin * 1000 then
    following, stored_held = following - ahead, stored_held - ahead
  end
end
local start = math.max(following, earliest)
if start > limit then return string.format('%.0f', start) end
following, held = start + cost, math.max(held, stored_held)
local written = math.floor(now / 1000)
local expires = math.max(written, math.floor(math.max(following, held) / 1000)) + margin
local record = string.format(
  '{"key":%s,"token":"%s","written":%.0f,"expires":%.0f,"next":%.0f,"held":%.0f}',
  ARGV[1], ARGV[2], written, expires, following, held)
redis.call('HSET', KEYS[1], 'token', ARGV[2], 'record', record)
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', expires - written))
return string.format('%.0f', start)
"""


class RedisClient(Protocol):
    """Used part of ``redis.Redis``, ``redis.RedisCluster`` and ``valkey.Valkey``."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Run a Lua script."""
        ...


class RedisStore:
    """A :class:`~fc_async_sdk.stores.Store` in Redis.

    Redis deletes records when they expire. A failover to a replica may lose the newest writes,
    as replication is asynchronous.

    Args:
        client: A client that may be used by several threads.
        prefix: Precedes every key.
    """

    def __init__(self, client: RedisClient, *, prefix: str = "fc-async:idempotency:") -> None:
        self._client = client
        self._prefix = prefix

    def create(self, record: R) -> R | None:
        """Store a record if its key has none; else return that one."""
        text = self._eval(_CREATE, record.key, record.token, record.encode(), record.lifetime_ms)
        return None if text is None else decode(type(record), text)

    def replace(self, record: Row, expected: str) -> bool:
        """Store a record if the stored one has the expected token or its own."""
        arguments = (expected, record.token, record.encode(), record.lifetime_ms)
        return bool(self._eval(_REPLACE, record.key, *arguments))

    def remove(self, key: str, expected: str) -> bool:
        """Delete a record if it has the expected token."""
        return bool(self._eval(_REMOVE, key, expected))

    def advance(self, key: str, step: Step) -> int:
        """Move a counter on; see :func:`fc_async_sdk.stores.advanced`."""
        json_key = msgspec.json.encode(key).decode()
        return int(self._eval(_ADVANCE, key, json_key, new_token(), *step, CLOCKS_DIFFER_MS))

    def time(self) -> float:
        """Return the time of the server, in seconds since the epoch."""
        seconds, microseconds = self._eval("return redis.call('TIME')", "time")
        return int(seconds) + int(microseconds) / 1_000_000

    def _eval(self, script: str, key: str, *arguments: str | int) -> Any:
        return self._client.eval(script, 1, self._prefix + key, *arguments)
