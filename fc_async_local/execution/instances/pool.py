# SPDX-License-Identifier: MIT
"""Choice of the instance for a call, and the limits on instances (pure: time is an argument).

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
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from fc_async_local.execution.protocol import Deployment


class Pooled(Protocol):
    """Part of an instance that the pool reads. Instances are told apart by identity."""

    deployment: Deployment

    @property
    def capacity(self) -> int:
        """Return how many calls it runs at a time."""
        ...

    @property
    def dead(self) -> bool:
        """Return whether it can run no more calls."""
        ...


T = TypeVar("T", bound=Pooled)


Key = tuple[str, str, str]
"""Function, version, revision: instances of one key are interchangeable."""


@dataclass(slots=True)
class _Use:
    """Use of an instance.

    Attributes:
        busy: How many calls it runs.
        retired: It gets no new calls and leaves with the last one.
        idle_since: Monotonic time in seconds.
    """

    busy: int = 1
    retired: bool = False
    idle_since: float = 0.0


@dataclass(slots=True)
class Place(Generic[T]):
    """The result of :meth:`InstancePools.acquire`.

    Attributes:
        instance: Where the call runs; None if it is refused.
        retired: Instances to stop because of this call.
        limit: Which limit was reached, in words.
        of_account: Whether that is the account's limit and not the function's.
    """

    instance: T | None
    retired: tuple[T, ...] = ()
    limit: str = ""
    of_account: bool = False


@dataclass(slots=True)
class _Limit:
    """A limit that forbids one more instance."""

    text: str
    of_account: bool


@dataclass(slots=True)
class _Idle(Generic[T]):
    """An instance that runs no call."""

    instance: T
    since: float


class InstancePools(Generic[T]):
    """All instances that are not retired, and which of them are used.

    Args:
        make: Makes an instance of a deployment without starting it.
        account_instances: Largest number of instances of all functions together.
    """

    def __init__(self, make: Callable[[Deployment], T], account_instances: int) -> None:
        self._make = make
        self._account_instances = account_instances
        self._uses: dict[str, dict[T, _Use]] = {}  # function -> also those that are leaving
        self._free: dict[Key, list[T]] = {}  # those with a free place, the warmest last
        self._current: dict[str, dict[str, str]] = {}  # function -> version -> revision
        self._count = 0

    def __iter__(self) -> Iterator[T]:
        return (instance for instance, _use in self._staying(self._uses))

    def __len__(self) -> int:
        return self._count

    def busy(self, instance: T) -> int:
        """Return how many calls an instance runs."""
        use = self._use(instance)
        return 0 if use is None else use.busy

    def retired(self, instance: T) -> bool:
        """Return whether an instance gets no new calls."""
        use = self._use(instance)
        return use is None or use.retired

    def touch(self, instance: T, now: float) -> None:
        """Count an instance as used until now."""
        use = self._use(instance)
        if use is not None:
            use.idle_since = now

    def acquire(self, deployment: Deployment) -> Place[T]:
        """Find a place for one call, which is given back with :meth:`release`."""
        retired = self._retire_others(deployment)
        running = self._running(deployment.function)
        instance = self._reuse(deployment, running)
        if instance is not None:
            self._shrink(deployment, retired)
            return Place(instance, tuple(retired))
        limit = self._make_room(deployment, running, retired)
        if limit is not None:
            self._forget_unused(deployment.function)
            return Place(None, tuple(retired), limit.text, limit.of_account)
        return Place(self._add(deployment), tuple(retired))

    def _running(self, function: str) -> int:
        """Return how many instances of a function run calls, retired ones included."""
        uses = self._uses_of(function).values()
        return sum(1 for use in uses if use.busy)

    def _reuse(self, deployment: Deployment, running: int) -> T | None:
        """Take a place in an existing instance, unless more would then run than are reserved."""
        key = _key(deployment)
        maximum = deployment.max_instances
        if maximum is None:
            return self._warm(key, idle=True)
        # The reserved concurrency was lowered while calls ran.
        if running > maximum:
            return None
        # At the limit a call may join an instance that runs others, but start no idle one.
        return self._warm(key, idle=running < maximum)

    def _add(self, deployment: Deployment) -> T:
        """Make an instance with one place taken."""
        instance = self._make(deployment)
        self._uses.setdefault(deployment.function, {})[instance] = _Use()
        self._count += 1
        if instance.capacity > 1:
            self._free.setdefault(_key(deployment), []).append(instance)
        return instance

    def _warm(self, key: Key, *, idle: bool) -> T | None:
        """Take a place in the warmest living instance.

        Args:
            key: Of the instance.
            idle: Whether an instance that runs no call may be used.
        """
        for instance in reversed(self._free.get(key, [])[:]):
            use = self._uses[key[0]][instance]
            if instance.dead:
                self.retire(instance)
            elif idle or use.busy:
                use.busy += 1
                if use.busy >= instance.capacity:
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
        use = self._uses[instance.deployment.function][instance]
        was_full = use.busy >= instance.capacity
        use.busy -= 1
        if use.retired or instance.dead:
            self.retire(instance)
            return use.busy == 0
        use.idle_since = now
        if was_full:
            self._free.setdefault(_key(instance.deployment), []).append(instance)
        return False

    def retire(self, instance: T) -> None:
        """Give an instance no more calls."""
        use = self._use(instance)
        if use is None:
            return
        if not use.retired:
            use.retired = True
            self._count -= 1
            self._take_off(instance)
        if not use.busy:
            function = instance.deployment.function
            uses = self._uses[function]
            del uses[instance]
            if not uses:
                del self._uses[function]
            self._forget_unused(function)

    def _forget_unused(self, function: str) -> None:
        """Forget a function without instances: else memory grows with each new one."""
        if function not in self._uses:
            self._current.pop(function, None)

    def _take_off(self, instance: T) -> None:
        """Give its free places no more."""
        key = _key(instance.deployment)
        free = self._free.get(key, [])
        if instance in free:
            free.remove(instance)
        if not free:
            self._free.pop(key, None)

    def expire(self, before: float) -> list[T]:
        """Retire and return the instances that have been idle since before a time."""
        expired = [idle.instance for idle in self._idle(self._uses) if idle.since < before]
        for instance in expired:
            self.retire(instance)
        return expired

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
        idle: list[T] = []
        for instance, use in list(self._staying([deployment.function])):
            if _is_outdated(instance.deployment, deployment):
                self.retire(instance)
                if not use.busy:
                    idle.append(instance)
        return idle

    def _shrink(self, deployment: Deployment, retired: list[T], room: int = 0) -> None:
        """Retire idle instances until the reserved concurrency allows ``room`` more."""
        maximum = deployment.max_instances
        if maximum is None:
            return
        function = deployment.function
        while len(self._uses_of(function)) + room > maximum:
            if not self._evict([function], retired):
                return

    def _make_room(self, deployment: Deployment, running: int, retired: list[T]) -> _Limit | None:
        """Retire idle instances if that allows one more; return the limit that forbids it."""
        maximum = deployment.max_instances
        is_below = maximum is not None and running < maximum
        self._shrink(deployment, retired, room=int(is_below))
        limit = over_reserved(deployment, running)
        if limit:
            return _Limit(limit, of_account=False)
        is_full = self._count >= self._account_instances
        if is_full and not self._evict(self._uses, retired):
            text = f"all {self._account_instances} instances of the account are busy"
            return _Limit(text, of_account=True)
        return None

    def _evict(self, functions: Iterable[str], retired: list[T]) -> bool:
        """Retire the instance of some functions that is idle longest, if there is one."""
        coldest = min(self._idle(functions), key=_since, default=None)
        if coldest is None:
            return False
        self.retire(coldest.instance)
        retired.append(coldest.instance)
        return True

    def _use(self, instance: T) -> _Use | None:
        return self._uses_of(instance.deployment.function).get(instance)

    def _uses_of(self, function: str) -> Mapping[T, _Use]:
        return self._uses.get(function, {})

    def _idle(self, functions: Iterable[str]) -> list[_Idle[T]]:
        """Return the instances of functions that run no call."""
        return [
            _Idle(instance, use.idle_since)
            for instance, use in self._staying(functions)
            if not use.busy
        ]

    def _staying(self, functions: Iterable[str]) -> Iterator[tuple[T, _Use]]:
        """Iterate over the instances of functions that are not retired."""
        for function in functions:
            for instance, use in self._uses_of(function).items():
                if not use.retired:
                    yield instance, use


def over_reserved(deployment: Deployment, running: int) -> str:
    """Return which limit forbids one more running instance of a function; "" if none does."""
    maximum = deployment.max_instances
    if maximum == 0:
        return "its reserved concurrency is 0"
    if maximum is not None and running >= maximum:
        return f"all {maximum} instances reserved for it are busy"
    return ""


def _is_outdated(old: Deployment, new: Deployment) -> bool:
    """Return whether a deployment is another revision of the same version."""
    is_same_version = old.version_id == new.version_id
    return is_same_version and old.revision != new.revision


def _since(idle: _Idle[Any]) -> float:
    return idle.since


def _key(deployment: Deployment) -> Key:
    return deployment.function, deployment.version_id, deployment.revision
