# SPDX-License-Identifier: MIT
"""Which instance runs a call, and how many instances there may be (pure: time is an argument).

Warm instances are used newest first, so that idle ones expire. Over the limit of the function or
of the account a call is refused, not queued: as on the service, the engine backs off. At the
account's limit an idle instance of another function is retired.

Invariants:
    * After a call was given a place, no more instances of its function run calls than its reserved
      concurrency allows, including those of other versions and revisions.
    * Idle instances beyond a reserved concurrency that was lowered are retired by the next call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fc_async_local.execution.protocol import Deployment


class Pooled(Protocol):
    """The attributes of an instance that the pool reads and writes."""

    deployment: Deployment
    capacity: int
    busy: int
    retired: bool
    idle_since: float

    @property
    def dead(self) -> bool:
        """Return whether it can run no more calls."""
        ...


T = TypeVar("T", bound=Pooled)


Key = tuple[str, str, str]
"""Function, version, revision: instances of one key are interchangeable."""


@dataclass(slots=True)
class Place(Generic[T]):
    """The result of :meth:`InstancePools.acquire`.

    Attributes:
        instance: Where the call runs; None if it is refused.
        fresh: Whether the instance was made for this call and must be started.
        retired: Instances to stop because of this call.
        limit: Which limit was reached, in words.
        of_account: Whether that is the account's limit and not the function's.
    """

    instance: T | None
    fresh: bool = False
    retired: tuple[T, ...] = ()
    limit: str = ""
    of_account: bool = False


class InstancePools(Generic[T]):
    """All instances that are not retired.

    Args:
        make: Makes an instance of a deployment without starting it.
        account_instances: Largest number of instances of all functions together.
    """

    def __init__(self, make: Callable[[Deployment], T], account_instances: int) -> None:
        self._make = make
        self._account_instances = account_instances
        self._by_function: dict[str, list[T]] = {}
        self._free: dict[Key, list[T]] = {}  # those with a free place, the warmest last
        self._current: dict[str, dict[str, str]] = {}  # function -> version -> revision
        self._leaving: dict[str, list[T]] = {}  # retired, but their calls still run
        self._count = 0

    def __iter__(self) -> Iterator[T]:
        """Iterate over all instances."""
        for members in self._by_function.values():
            yield from members

    def __len__(self) -> int:
        """Return the number of instances."""
        return self._count

    def acquire(self, deployment: Deployment) -> Place[T]:
        """Find a place for one call, which is given back with :meth:`release`."""
        retired = self._retire_others(deployment)
        running = len(self._running(deployment.function))
        instance = self._reuse(deployment, running)
        if instance is not None:
            self._shrink(deployment, retired)
            return Place(instance, retired=tuple(retired))
        limit, of_account = self._make_room(deployment, running, retired)
        if limit:
            if deployment.function not in self._by_function:
                self._current.pop(deployment.function, None)
            return Place(None, retired=tuple(retired), limit=limit, of_account=of_account)
        return Place(self._add(deployment), fresh=True, retired=tuple(retired))

    def _reuse(self, deployment: Deployment, running: int) -> T | None:
        """Take a place in an existing instance, unless more would then run than are reserved."""
        maximum = deployment.max_instances
        if maximum is not None and running > maximum:
            return None
        return self._warm(_key(deployment), idle=maximum is None or running < maximum)

    def _add(self, deployment: Deployment) -> T:
        """Make an instance with one place taken."""
        instance = self._make(deployment)
        instance.busy = 1
        self._by_function.setdefault(deployment.function, []).append(instance)
        self._count += 1
        if instance.capacity > 1:
            self._free.setdefault(_key(deployment), []).append(instance)
        return instance

    def _running(self, function: str) -> list[T]:
        """Return the instances of a function that run calls, including retired ones."""
        own = self._by_function.get(function, ())
        return [one for one in own if one.busy] + self._leaving.get(function, [])

    def _warm(self, key: Key, *, idle: bool) -> T | None:
        """Take a place in the warmest living instance.

        Args:
            key: Of the instance.
            idle: Whether an instance that runs no call may be used.
        """
        for instance in reversed(self._free.get(key, [])[:]):
            if instance.dead:
                self.retire(instance)
            elif idle or instance.busy:
                instance.busy += 1
                if instance.busy >= instance.capacity:
                    self._free[key].remove(instance)
                return instance
        return None

    def release(self, instance: T, now: float) -> bool:
        """Give a place back.

        Args:
            instance: As acquired.
            now: Monotonic time in seconds.

        Returns:
            Whether the instance has left the pool and must be stopped.
        """
        was_full = instance.busy >= instance.capacity
        instance.busy -= 1
        if not instance.busy:
            self._left(instance)
        if instance.retired or instance.dead:
            self.retire(instance)
            return instance.busy == 0
        instance.idle_since = now
        if was_full:
            self._free.setdefault(_key(instance.deployment), []).append(instance)
        return False

    def _left(self, instance: T) -> None:
        """Note that the last call of an instance has ended."""
        function = instance.deployment.function
        leaving = self._leaving.get(function, [])
        if instance in leaving:
            leaving.remove(instance)
            if not leaving:
                del self._leaving[function]

    def retire(self, instance: T) -> None:
        """Remove an instance from the pool, so that it gets no more calls."""
        instance.retired = True
        members = self._by_function.get(instance.deployment.function, [])
        if instance not in members:
            return
        members.remove(instance)
        if instance.busy:
            self._leaving.setdefault(instance.deployment.function, []).append(instance)
        if not members:
            # Nothing of a function may stay, or memory grows with each new one.
            del self._by_function[instance.deployment.function]
            self._current.pop(instance.deployment.function, None)
        self._count -= 1
        key = _key(instance.deployment)
        free = self._free.get(key, [])
        if instance in free:
            free.remove(instance)
        if not free:
            self._free.pop(key, None)

    def expire(self, before: float) -> list[T]:
        """Retire and return the instances that have been idle since before a time."""
        idle = [one for one in self if one.busy == 0 and one.idle_since < before]
        for instance in idle:
            self.retire(instance)
        return idle

    def clear(self) -> list[T]:
        """Retire and return all instances."""
        everything = list(self)
        for instance in everything:
            self.retire(instance)
        return everything

    def _retire_others(self, deployment: Deployment) -> list[T]:
        """Retire other revisions of the same version; return those that are idle."""
        current = self._current.setdefault(deployment.function, {})
        if current.get(deployment.version_id) == deployment.revision:
            return []
        current[deployment.version_id] = deployment.revision
        others = [
            one
            for one in self._by_function.get(deployment.function, ())
            if one.deployment.version_id == deployment.version_id
            and one.deployment.revision != deployment.revision
        ]
        for instance in others:
            self.retire(instance)
        return [one for one in others if one.busy == 0]

    def _shrink(self, deployment: Deployment, retired: list[T], room: int = 0) -> None:
        """Retire idle instances until the reserved concurrency allows ``room`` more."""
        maximum = deployment.max_instances
        if maximum is None:
            return
        while True:
            own = self._by_function.get(deployment.function, [])
            leaving = self._leaving.get(deployment.function, [])
            within = len(own) + len(leaving) + room <= maximum
            if within or not self._evict(own, retired):
                return

    def _make_room(
        self, deployment: Deployment, running: int, retired: list[T]
    ) -> tuple[str, bool]:
        """Retire idle instances if that allows one more.

        Returns:
            The limit that forbids it ("" if none does), and whether it is the account's.
        """
        maximum = deployment.max_instances
        room = 1 if maximum is not None and running < maximum else 0
        self._shrink(deployment, retired, room)
        if limit := over_reserved(deployment, running):
            return limit, False
        if self._count >= self._account_instances and not self._evict(self, retired):
            return f"all {self._account_instances} instances of the account are busy", True
        return "", False

    def _evict(self, candidates: Iterable[T], retired: list[T]) -> bool:
        idle = [one for one in candidates if one.busy == 0]
        if not idle:
            return False
        coldest = min(idle, key=lambda one: one.idle_since)
        self.retire(coldest)
        retired.append(coldest)
        return True


def over_reserved(deployment: Deployment, running: int) -> str:
    """Return which limit forbids one more running instance of a function; "" if none does."""
    maximum = deployment.max_instances
    if maximum == 0:
        return "its reserved concurrency is 0"
    if maximum is not None and running >= maximum:
        return f"all {maximum} instances reserved for it are busy"
    return ""


def _key(deployment: Deployment) -> Key:
    return deployment.function, deployment.version_id, deployment.revision
