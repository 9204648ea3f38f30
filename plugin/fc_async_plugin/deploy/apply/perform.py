# SPDX-License-Identifier: MIT
"""Does or undoes one step: one operation of the API, repeated while the service is busy.

Invariants:

- What undoing a step needs is reported before the request of the step is sent, so that it is known
  after a crash.
- A step that may or may not have been done can be undone: the account is read first if the inverse
  of a step that was not done would fail or do harm.
- A queue, topic or event bus is deleted only if the service answered that this run created it:
  another program may have created it meanwhile, and its messages would be lost.
- A deletion is done if its target is gone, even if another request deleted it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.account import lists
from fc_async_plugin.deploy.apply import operations
from fc_async_plugin.deploy.plan import model
from fc_async_plugin.deploy.plan.differences import settings_that_stay, settings_to_restore
from fc_async_plugin.project import state
from fc_async_sdk import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.account import Regions
    from fc_async_plugin.account.channels import Channels
    from fc_async_sdk import Client

_T = TypeVar("_T")
_DELETIONS: Final = (model.DeleteFunction, model.DeleteVersion, model.Delete)

_CREATED: Final = "yes"
_EXISTED: Final = "no"
_FIRST_WAIT_SECONDS: Final = 0.5
TRANSIENT: Final = (
    errors.Throttled,
    errors.ServerError,
    errors.ConnectFailed,
    errors.TimedOut,
    errors.ConcurrentUpdateError,
)
"""Errors after which the same request is sent again."""
UNCERTAIN: Final = (
    errors.TimedOut,
    errors.OutcomeUnknown,
    errors.InvalidResponse,
    errors.ServerError,
)
"""Errors that leave open whether the step was done: undoing must include it."""


ALREADY_EXISTS: Final = (
    errors.FunctionAlreadyExists,
    errors.AliasAlreadyExists,
    errors.TriggerAlreadyExists,
)


class Done(NamedTuple):
    """State that a step left behind and that undoing it needs.

    Attributes:
        created: The id of the version it published; of a queue, topic or event bus "yes" if it
            created it, "no" if it existed, "" if that is not known.
        replaced_code: Where the code that it replaced was kept, or None.
        before: The versions that there were before it published one. None: they were not looked
            up, so its request was not sent.
        sent: Whether the request of a step that needs preparation may have been sent.
    """

    created: str = ""
    replaced_code: state.Code | None = None
    before: tuple[str, ...] | None = None
    sent: bool = False


class CannotUndo(PluginError):
    """A step that cannot be undone, or not completely; the message says what stays and why."""


class Performer:
    """Does steps on one account.

    Args:
        regions: The account; a step is sent by its clients that send every request once.
        sleep: Waits some seconds.
        keep_code: Downloads the code of a function before it is replaced; None when it cannot be
            had, then the update cannot be undone.
        channels: Creates queues, topics and event buses; None: no plan has any.
        attempts: Tries of a step before its transient error counts.
    """

    def __init__(
        self,
        regions: Regions,
        *,
        sleep: Callable[[float], None],
        keep_code: Callable[[Client, model.UpdateFunction], state.Code | None] = lambda *_: None,
        channels: Channels | None = None,
        attempts: int = 5,
    ) -> None:
        self._regions = regions
        self._once = regions.once
        self._sleep = sleep
        self._keep_code = keep_code
        self._channels = channels
        self._attempts = attempts
        self._published: dict[state.Place, str] = {}

    def __call__(self, step: model.Step, prepared: Callable[[Done], None] = lambda _: None) -> Done:
        """Do one step.

        Args:
            step: The step.
            prepared: Told what undoing needs, before the request is sent.

        Raises:
            FcAsyncError: It failed permanently.
        """
        client = self._once[step.region]
        effect = Done()
        match step:
            case model.UpdateFunction(code=state.Code()):
                # A download changes nothing, so it is left to a client with retries of its own.
                replaced_code = self._keep_code(self._regions[step.region], step)
                effect = Done(replaced_code=replaced_code, sent=True)
                prepared(effect)
            case model.PublishVersion():
                effect = Done(before=self._versions(step), sent=True)
                prepared(effect)
                return effect._replace(created=self._publish(client, step, effect))
            case model.Put(of="queue" | "topic" | "event bus"):
                return Done(created=self._create(step))
            case _:
                pass
        try:
            self._with_retries(lambda: self._perform(client, step))
        except errors.NotFound:
            # The answer to an earlier attempt was lost, or a request of an interrupted run came
            # after the account was read.
            if not isinstance(step, _DELETIONS):
                raise
        return effect

    def undo(self, step: model.Step, effect: Done) -> None:
        """Undo a step that was done, or that may have been done.

        Args:
            step: The step.
            effect: What it left behind.

        Raises:
            CannotUndo: It cannot be undone, or not completely.
            FcAsyncError: Undoing failed permanently.
        """
        match step:
            case model.UpdateFunction():
                self._undo_update(step, effect)
            case model.PublishVersion():
                for version in self.published(step, effect):
                    self._undo_by(model.DeleteVersion(**step.place._asdict(), version=version))
            case model.DeleteFunction() | model.DeleteVersion():
                if not self._is_there(step):
                    raise CannotUndo("what was deleted cannot be brought back")
            case model.Put(of="queue" | "topic" | "event bus") if effect.created != _CREATED:
                # Another program may have created it in the meantime: deleting it would lose its
                # messages. Only an answer that names this deployment as its creator allows that.
                self._leave(step, effect)
            case _:
                opposite = step.inverse()
                if opposite is None:
                    raise CannotUndo("it is not known what there was before")
                self._undo_by(opposite)

    def _create(self, step: model.Put) -> str:
        """Create a queue, topic or event bus; return :attr:`Done.created`."""
        channels = self._channels
        assert channels is not None
        tries = 0

        def create() -> bool:
            nonlocal tries
            tries += 1
            return channels.create(step.channel)

        if self._with_retries(create):
            return _CREATED
        # An earlier try without an answer may have created it.
        return _EXISTED if tries == 1 else ""

    def _leave(self, step: model.Put, effect: Done) -> None:
        """Delete nothing; raise :class:`CannotUndo` if this deployment may have created it."""
        channels = self._channels
        assert channels is not None
        if effect.created != _EXISTED and self._with_retries(lambda: channels.exists(step.channel)):
            raise CannotUndo(
                "it is not known whether this deployment created it, so it was left: delete it by "
                "hand if no other program uses it"
            )

    def published(self, step: model.PublishVersion, effect: Done) -> tuple[str, ...]:
        """Return the version that a step published, if any; after a crash the account shows it.

        Raises:
            CannotUndo: Several versions are new, and it is not known which one is the step's.
        """
        return _at_most_one(self._new_versions(step, effect))

    def unused(self, step: model.PublishVersion, effect: Done) -> tuple[str, ...]:
        """Return the version that a step published, if no alias leads to it.

        Raises:
            CannotUndo: Several versions are new and unused, and it is not known which one is the
                step's.
        """
        client = self._once[step.region]
        aliases = self._with_retries(lambda: lists.aliases(client, step.function))
        used: set[str] = set()
        for alias in aliases.values():
            used.add(alias.version_id or "")
            used.update(alias.additional_version_weight or {})
        return _at_most_one(self._new_versions(step, effect) - used)

    def _new_versions(self, step: model.PublishVersion, effect: Done) -> set[str]:
        """Return the versions that a step may have published."""
        if effect.created:
            return {effect.created}
        if effect.before is None:
            return set()
        # The run was killed before the answer was in the journal: the account shows what is new.
        return set(self._versions(step)) - set(effect.before)

    def _publish(self, client: Client, step: model.PublishVersion, effect: Done) -> str:
        """Publish once, even if the answer to a request was lost and it is sent again."""
        sent = False

        def publish() -> str:
            nonlocal sent
            # A version has no name that the caller chooses: a repeated request would publish a
            # second one.
            versions = self.published(step, effect) if sent else ()
            sent = True
            return versions[0] if versions else self._perform(client, step)

        version = self._with_retries(publish)
        # For the aliases that a later step puts on this version.
        self._published[step.place] = version
        return version

    def _versions(self, step: model.PublishVersion) -> tuple[str, ...]:
        client = self._once[step.region]
        try:
            return tuple(sorted(self._with_retries(lambda: lists.versions(client, step.function))))
        except errors.NotFound:
            return ()  # the function is gone, or will be created by a step before this one

    def _undo_by(self, opposite: model.Step) -> None:
        client = self._once[opposite.region]
        try:
            self._with_retries(lambda: self._perform(client, opposite))
        except errors.NotFound:
            if not isinstance(opposite, _DELETIONS):
                raise
        except ALREADY_EXISTS:
            # The deletion that is undone here had not been done.
            if not isinstance(opposite, model.Put):
                raise
            self._with_retries(lambda: self._put(client, opposite, exists=True))

    def _is_there(self, step: model.DeleteFunction | model.DeleteVersion) -> bool:
        client = self._once[step.region]
        try:
            if isinstance(step, model.DeleteFunction):
                self._with_retries(lambda: client.get_function(step.function))
                return True
            versions = self._with_retries(lambda: lists.versions(client, step.function))
        except errors.NotFound:
            return False
        return step.version in versions

    def _undo_update(self, step: model.UpdateFunction, effect: Done) -> None:
        if step.code is not None and not effect.sent:
            return  # a crash came before the request
        client = self._once[step.region]
        now = self._with_retries(lambda: client.get_function(step.function))
        code, code_stays = operations.to_restore(step, effect.replaced_code, now)
        settings = settings_to_restore(step, now)
        if settings or code is not None:
            restore = model.UpdateFunction(
                **step.place._asdict(), before={}, after=settings, code=code
            )
            self._with_retries(lambda: self._perform(client, restore))
            # The service takes some settings and ignores them, so what stays is read, not assumed.
            now = self._with_retries(lambda: client.get_function(step.function))
        stays = [*code_stays, *settings_that_stay(step, now)]
        if stays:
            raise CannotUndo("; ".join(stays))

    def _with_retries(self, perform: Callable[[], _T]) -> _T:
        # The retries of the client cannot do this. Before a version is published again the account
        # has to be read; what exists after an attempt without an answer may be this deployment's;
        # and queues, topics and buses have no client. So ``regions.once`` sends every request once:
        # both kinds of retries together sent a step fifteen times.
        lost: Exception | None = None
        for attempt in range(1, self._attempts + 1):
            try:
                return perform()
            except ALREADY_EXISTS:
                if lost is None:
                    raise
                # An earlier attempt without an answer may have created it.
                raise errors.OutcomeUnknown(
                    f"it exists now, after an attempt that ended with: {lost}"
                ) from lost
            except TRANSIENT as error:
                if attempt == self._attempts:
                    raise
                if isinstance(error, UNCERTAIN):
                    lost = error
                seconds = getattr(error, "retry_after", None)
                if seconds is None:
                    seconds = _FIRST_WAIT_SECONDS * 2 ** (attempt - 1)
                self._sleep(seconds)
        raise AssertionError("the last attempt returns or raises")

    def _perform(self, client: Client, step: model.Step) -> str:
        match step:
            case model.CreateFunction() | model.UpdateFunction() | model.DeleteFunction():
                operations.send_function(client, step)
            case model.PublishVersion(function=function, description=description):
                version = client.publish_function_version(function, description=description)
                return version.version_id
            case model.DeleteVersion(function=function, version=version_id):
                client.delete_function_version(function, version_id)
            case model.Delete(of="queue" | "topic" | "event bus"):
                assert self._channels is not None
                self._channels.delete(step.channel)
            case model.Put():
                self._put(client, step, exists=step.before is not None)
            case model.Delete():
                operations.OPERATIONS[step.of].delete(client, step)
        return ""

    def _put(self, client: Client, step: model.Put, *, exists: bool) -> None:
        operation = operations.OPERATIONS[step.of]
        if step.after.get("versionId") == model.CURRENT_VERSION:
            # The service chooses the number when the version is published: the plan could not have
            # it.
            version = self._published[step.place]
            step = msgspec.structs.replace(step, after=step.after | {"versionId": version})
        if exists:
            operation.update(client, step)
        else:
            operation.create(client, step)


def _at_most_one(versions: set[str]) -> tuple[str, ...]:
    new = sorted(versions)
    if len(new) > 1:
        raise CannotUndo(
            f"versions {', '.join(new)} are new, and it is not known which of them this "
            "deployment published: delete it by hand"
        )
    return tuple(new)
