# SPDX-License-Identifier: MIT
"""Errors name what happened, the value and what to do; they are one tree and survive pickling."""

from __future__ import annotations

import pickle

import pytest

from fc_async_sdk import errors

EXAMPLES = [
    errors.InvalidParameter("delay", 3600, "whole seconds, 1 to 3599"),
    errors.InvalidArn("acs:oss:::x", "no destination"),
    errors.PayloadTooLarge(131_073, 131_072),
    errors.InvalidEvent("no requestId", "$.requestContext"),
    errors.FunctionNotFound(
        "FunctionNotFound",
        "function 'f' does not exist",
        http_status=404,
        request_id="1-a-b",
        operation="GetFunction",
    ),
    errors.InvalidPayload("Order", "Expected `int`", "$.n", what="the result"),
    errors.TaskFailed("failed", function="f", task_id="t", status="Failed", reason="x"),
    errors.ResultNotKept("succeeded", function="f", task_id="t", request_id="r"),
    errors.FunctionError("UnhandledInvocationError", b"{}", request_id="1-a-b"),
    errors.FunctionError("UnhandledInvocationError", b"{}", function="f", reason="KeyError: 'n'"),
    errors.PayloadNotFound("gone", store="oss://b", key="k"),
    errors.WaiterError("gave up", last=1),
    errors.AttemptsUsedUp("p", 4, ValueError("v")),
    errors.WaitTooLong("p", 7, count=1, hops=2, max_hops=0),
    errors.AlreadyRunning("k", until=1, attempt=1),
    errors.OutcomeUnknown("no answer", operation="InvokeFunction"),
]


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_every_error_is_of_the_tree_and_survives_pickling(error: errors.FcAsyncError) -> None:
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes

    assert isinstance(error, errors.FcAsyncError)
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_a_service_error_says_what_where_and_what_to_do() -> None:
    error = errors.FunctionNotFound(
        "FunctionNotFound",
        "function 'f' does not exist",
        http_status=404,
        request_id="1-a-b",
        operation="GetFunction",
    )

    assert str(error) == (
        "404 FunctionNotFound (GetFunction): function 'f' does not exist. "
        "Check the name, the region and the account. [request 1-a-b]"
    )


def test_a_sentence_that_the_service_ended_is_not_ended_again() -> None:
    error = errors.ServerError("InternalServerError", "Please retry.", http_status=500)

    assert str(error) == "500 InternalServerError: Please retry. Try again later."


def test_a_service_error_without_advice_ends_with_the_service_s_words() -> None:
    error = errors.InvalidArgument("InvalidArgument", "no", http_status=400)

    assert str(error) == "400 InvalidArgument: no"


@pytest.mark.parametrize(
    ("code", "status", "cls"),
    [
        ("FunctionNotFound", 404, errors.FunctionNotFound),
        ("LayerNotFound", 404, errors.LayerNotFound),
        ("NoSuchThingNotFound", 404, errors.NotFound),
        ("AsyncTaskAlreadyExists", 409, errors.AsyncTaskAlreadyExists),
        ("StatefulAsyncInvocationAlreadyExists", 409, errors.AsyncTaskAlreadyExists),
        ("SomethingElse", 409, errors.Conflict),
        ("ResourceExhausted", 429, errors.ResourceExhausted),
        ("SlowDown", 429, errors.Throttled),
        ("InternalServerError", 500, errors.InternalServerError),
        ("BadResponse", 502, errors.BadResponse),
        ("Http504", 504, errors.ServerError),
        ("PathNotSupported", 400, errors.PathNotSupported),
        ("SomethingElse", 400, errors.ServiceError),
        ("SignatureDoesNotMatch", 403, errors.SignatureNotMatch),
        ("InvalidAccessKeyId.NotFound", 403, errors.InvalidAccessKeyID),
        ("InvalidSecurityToken.Expired", 403, errors.InvalidSecurityToken),
    ],
)
def test_a_code_has_its_class_or_that_of_its_status(
    code: str, status: int, cls: type[errors.ServiceError]
) -> None:
    assert errors.service_error_class(code, status) is cls


def test_a_long_value_is_cut_in_the_middle() -> None:
    shown = str(errors.InvalidParameter("payload", "x" * 10_000, "shorter"))

    assert len(shown) < 200
    assert "…" in shown


def test_every_class_of_the_tree_is_drawn_in_the_docstring() -> None:
    def below(cls: type) -> set[str]:
        return {cls.__name__}.union(*(below(sub) for sub in cls.__subclasses__()))

    ours = {name for name in below(errors.FcAsyncError) if getattr(errors, name, None) is not None}
    missing = {name for name in ours if name not in (errors.__doc__ or "")}

    assert missing == set()
