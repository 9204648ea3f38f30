# SPDX-License-Identifier: MIT
"""One step is one operation, repeated while that makes sense; taking back forgives what is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from fc_async_plugin.deploy.apply.operations import load
from fc_async_plugin.deploy.apply.perform import CannotUndo, Done, Performer
from fc_async_plugin.deploy.plan.model import CreateFunction, PublishVersion, Put, UpdateFunction
from fc_async_plugin.project.state import Code
from fc_async_sdk import errors, models
from fc_async_tests.steps import delete, put

if TYPE_CHECKING:
    from fc_async_plugin.project.state import Channel, Of

AT = {"region": "cn-hangzhou", "function": "f"}
TASK = models.AsyncConfig(async_task=True)


def refusal(code: str, status: int, **more) -> errors.ServiceError:
    return errors.service_error_class(code, status)(code, "injected", http_status=status, **more)


@pytest.mark.parametrize(
    "error",
    [
        refusal("Throttled", 429),
        refusal("InternalServerError", 500),
        refusal("ConcurrentUpdateError", 409),
        errors.ConnectFailed("x"),
        errors.TimedOut("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_step_with_a_transient_error_is_tried_five_times(
    error: Exception, account, performer: Performer, naps: list[float]
) -> None:
    account.fail = lambda *_: error
    with pytest.raises(type(error)):
        performer(put("async config", TASK))
    assert len(account.calls) == 5
    assert naps == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    "error",
    [
        refusal("InvalidArgument", 400),
        refusal("AccessDenied", 403),
        refusal("FunctionNotFound", 404),
        errors.OutcomeUnknown("x"),
        errors.InvalidResponse("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_step_with_a_permanent_error_is_tried_once(
    error: Exception, account, performer: Performer
) -> None:
    account.fail = lambda *_: error
    with pytest.raises(type(error)):
        performer(put("async config", TASK))
    assert len(account.calls) == 1


def test_the_service_may_say_how_long_to_wait(
    account, performer: Performer, naps: list[float]
) -> None:
    account.add_function("f")
    account.fail = lambda *_: (
        refusal("Throttled", 429, retry_after=7.0) if len(account.calls) == 1 else None
    )
    performer(put("async config", TASK))
    assert naps == [7.0]


@pytest.mark.parametrize(
    "step",
    [
        CreateFunction(**AT, after={}, code=Code()),
        put("async config", TASK),
        put("alias", models.Alias(alias_name="prod", version_id="1"), name="prod"),
    ],
)
def test_taking_back_forgives_what_is_gone(step, performer: Performer) -> None:
    performer.undo(step, Done())


def test_taking_back_does_not_forgive_a_function_that_is_gone_under_its_configuration(
    performer: Performer,
) -> None:
    with pytest.raises(errors.FunctionNotFound):
        performer.undo(put("async config", TASK, TASK), Done())


def test_an_alias_is_created_moved_and_deleted(account, performer: Performer) -> None:
    account.add_function("f")
    one = performer(PublishVersion(**AT)).created
    two = performer(PublishVersion(**AT)).created
    create = models.Alias(alias_name="prod", version_id=one)
    move = models.Alias(alias_name="prod", version_id=two)
    performer(put("alias", create, name="prod"))
    performer(put("alias", move, create, name="prod"))
    assert account.aliases["f", "prod"].version_id == two
    performer(delete("alias", name="prod"))
    assert account.aliases == {}


def test_code_in_oss_is_named_not_sent() -> None:
    code = load(Code(bucket="b", object_name="o"))
    assert code == models.Code(oss_bucket_name="b", oss_object_name="o")


def test_an_image_has_no_code_to_send() -> None:
    assert load(Code()) is None


def test_code_is_kept_before_it_is_replaced(account, regions) -> None:
    from fc_async_plugin.deploy.apply.perform import Performer

    account.add_function("f")
    kept = Code(path="/kept.zip", checksum="1")
    performer = Performer(regions, sleep=lambda _: None, keep_code=lambda *_: kept)
    step = UpdateFunction(**AT, before={}, after={"timeout": 9}, code=Code())
    assert performer(step).replaced_code == kept


# --- undoing -----------------------------------------------------------------------------------


def undone(performer: Performer, step: UpdateFunction, left: Done | None = None) -> None:
    performer.undo(step, left or performer(step))


def test_settings_that_were_not_set_are_set_back_to_the_services_defaults(
    account, performer: Performer
) -> None:
    account.add_function("f")
    settings = {
        "timeout": 9,
        "internetAccess": False,
        "role": "r",
        "environmentVariables": {"A": "1"},
    }
    undone(performer, UpdateFunction(**AT, before=dict.fromkeys(settings), after=settings))
    now = account.functions["f"]
    assert (now["timeout"], now["internetAccess"]) == (3, True)
    assert (now["role"], now["environmentVariables"]) == ("", {})


def test_a_setting_without_a_default_that_was_not_set_is_reported_as_still_there(
    account, performer: Performer
) -> None:
    account.add_function("f")
    step = UpdateFunction(
        **AT, before={"timeout": 5, "cpu": None}, after={"timeout": 9, "cpu": 0.5}
    )
    with pytest.raises(CannotUndo, match=r"cpu stays 0\.5: it was not set before") as raised:
        undone(performer, step)
    assert "timeout" not in str(raised.value)
    assert account.functions["f"]["timeout"] == 5


def test_a_variable_that_an_update_added_is_gone_after_undoing_it(
    account, performer: Performer
) -> None:
    account.add_function("f", environmentVariables={"A": "1"})
    step = UpdateFunction(
        **AT,
        before={"environmentVariables": {"A": "1"}},
        after={"environmentVariables": {"A": "1", "B": "2"}},
    )
    undone(performer, step)
    assert account.functions["f"]["environmentVariables"] == {"A": "1"}


def test_a_service_that_ignores_the_earlier_value_is_not_called_undone(
    account, performer: Performer
) -> None:
    account.add_function("f", timeout=5)
    step = UpdateFunction(**AT, before={"timeout": 5}, after={"timeout": 9})
    left = performer(step)
    account.update_function = lambda *_, **__: None
    with pytest.raises(CannotUndo, match="timeout stays 9"):
        undone(performer, step, left)


def test_an_update_that_never_reached_the_service_is_undone_without_a_request(
    account, performer: Performer
) -> None:
    account.add_function("f", codeChecksum="1", timeout=3)
    step = UpdateFunction(
        **AT, before={"timeout": 3}, after={"timeout": 9}, code=Code(checksum="2"), code_before="1"
    )
    undone(performer, step, Done())
    undone(performer, step, Done(sent=True))
    assert "UpdateFunction" not in [operation for operation, _ in account.calls]


def test_code_that_could_not_be_kept_is_reported_and_the_settings_are_undone(
    account, performer: Performer
) -> None:
    account.add_function("f", codeChecksum="2", timeout=9)
    step = UpdateFunction(
        **AT, before={"timeout": 3}, after={"timeout": 9}, code=Code(checksum="2"), code_before="1"
    )
    with pytest.raises(CannotUndo, match="could not be downloaded"):
        undone(performer, step, Done(sent=True))
    assert account.functions["f"]["timeout"] == 3


def test_code_that_something_else_deployed_since_is_left_alone(
    account, performer: Performer
) -> None:
    account.add_function("f", codeChecksum="3")
    step = UpdateFunction(**AT, before={}, after={}, code=Code(checksum="2"), code_before="1")
    with pytest.raises(CannotUndo, match="replaced once more by something else"):
        undone(performer, step, Done(replaced_code=Code(path="/kept.zip", checksum="1"), sent=True))
    assert account.functions["f"]["codeChecksum"] == "3"


def test_a_version_is_published_once_although_the_first_answer_was_lost(
    account, performer: Performer
) -> None:
    account.add_function("f")
    account.fail_after = lambda operation, _: (
        errors.TimedOut("no answer")
        if operation == "PublishFunctionVersion" and len(account.versions["f"]) == 1
        else None
    )
    assert performer(PublishVersion(**AT)).created == "1"
    assert account.versions["f"] == ["1"]


def test_a_function_that_was_created_although_the_answer_was_lost_counts_as_unknown(
    account, performer: Performer
) -> None:
    account.fail_after = lambda operation, _: (
        errors.TimedOut("no answer") if operation == "CreateFunction" else None
    )
    settings = {"runtime": "python3.12", "handler": "index.handler"}
    with pytest.raises(errors.OutcomeUnknown, match="it exists now"):
        performer(CreateFunction(**AT, after=settings, code=Code()))


@pytest.mark.parametrize("published", [0, 1])
def test_a_version_whose_publication_was_cut_off_is_looked_for_in_the_account(
    account, performer: Performer, published: int
) -> None:
    account.add_function("f")
    account.versions["f"] = ["1", "2"][: 1 + published]
    performer.undo(PublishVersion(**AT), Done(before=("1",), sent=True))
    assert account.versions["f"] == ["1"]


def test_an_alias_whose_deletion_was_cut_off_before_it_was_done_is_still_there_after_undoing(
    account, performer: Performer
) -> None:
    account.add_function("f")
    account.versions["f"] = ["1"]
    alias = models.Alias(alias_name="prod", version_id="1")
    account.aliases["f", "prod"] = alias
    performer.undo(delete("alias", alias, name="prod"), Done())
    assert account.aliases["f", "prod"].version_id == "1"


class Channels:
    """The queues of an account in memory.

    Attributes:
        lost: Answers to creations that are lost, after the service carried them out.
    """

    def __init__(self, *names: str) -> None:
        self.names = set(names)
        self.lost: list[Exception] = []

    def exists(self, channel: Channel) -> bool:
        return channel.name in self.names

    def create(self, channel: Channel) -> bool:
        made = channel.name not in self.names
        self.names.add(channel.name)
        if self.lost:
            raise self.lost.pop()
        return made

    def delete(self, channel: Channel) -> None:
        self.names.discard(channel.name)


QUEUE = Put(region="cn-hangzhou", function="failed", of="queue", after={})


@pytest.mark.parametrize("before", [(), ("failed",)], ids=["made", "existed"])
def test_undoing_deletes_a_queue_only_if_the_deployment_made_it(
    regions, naps: list[float], before: tuple[str, ...]
) -> None:
    channels = Channels(*before)
    performer = Performer(regions, sleep=naps.append, channels=channels)
    left = performer(QUEUE)
    assert channels.names == {"failed"}
    performer.undo(QUEUE, left)
    assert channels.names == set(before)


@pytest.mark.parametrize("of", ["queue", "topic", "event bus"])
def test_undoing_leaves_a_queue_whose_creation_was_cut_off(
    regions, naps: list[float], of: Of
) -> None:
    channels = Channels("failed")
    performer = Performer(regions, sleep=naps.append, channels=channels)
    with pytest.raises(CannotUndo, match="not known whether this deployment created it"):
        performer.undo(msgspec.structs.replace(QUEUE, of=of), Done())
    assert channels.names == {"failed"}


def test_a_queue_whose_creation_was_cut_off_before_it_was_done_is_undone(
    regions, naps: list[float]
) -> None:
    channels = Channels()
    Performer(regions, sleep=naps.append, channels=channels).undo(QUEUE, Done())
    assert channels.names == set()


def test_undoing_leaves_a_queue_that_exists_after_an_answer_was_lost(
    regions, naps: list[float]
) -> None:
    channels = Channels()
    channels.lost = [errors.TimedOut("no answer")]
    performer = Performer(regions, sleep=naps.append, channels=channels)
    left = performer(QUEUE)
    with pytest.raises(CannotUndo):
        performer.undo(QUEUE, left)
    assert channels.names == {"failed"}
