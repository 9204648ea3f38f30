# SPDX-License-Identifier: MIT
"""Destination events: every form they come in, and everything that is none."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import inspect
import json
from typing import Any

import msgspec
import pytest
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from fc_async_sdk import events, testing
from fc_async_sdk.errors import InvalidEvent, InvalidParameter, InvalidPayload

ARN = "acs:fc:cn-hangzhou:123:functions/resize"
# The two samples of the user guide, its placeholders filled in.
GUIDE_DOCUMENT: dict[str, Any] = {
    "timestamp": 1660120276975,
    "requestContext": {
        "requestId": "1-6737f2b8-1527b7a8",
        "functionArn": ARN,
        "condition": "FunctionResourceExhausted",
        "approximateInvokeCount": 3,
    },
    "requestPayload": '{"image": "a.png"}',
    "responseContext": {"statusCode": 200, "functionError": ""},
    "responsePayload": "",
}
GUIDE_ENVELOPE: dict[str, Any] = {
    "datacontenttype": "application/json",
    "aliyunaccountid": "143",
    "data": {
        "requestContext": {
            "condition": "",
            "approximateInvokeCount": 1,
            "requestId": "0fcb7f0c",
            "functionArn": ARN,
        },
        "requestPayload": "",
        "responsePayload": '"done"',
        "responseContext": {"functionError": "", "statusCode": 200},
        "timestamp": 1660120276975,
    },
    "subject": ARN,
    "source": "acs:fc",
    "type": "fc:AsyncInvoke:succeeded",
    "aliyunpublishtime": "2021-01-03T09:44:31.233Asia/Shanghai",
    "specversion": "1.0",
    "aliyuneventbusname": "bus",
    "id": "ecc4865",
    "time": "2021-01-03T01:44:31Z",
    "aliyunregionid": "cn-shanghai-vpc",
    "aliyunpublishaddr": "199.99.0.1",
}
# Recorded from a job that timed out twice (best-practice page).
RECORDED_FAILURE: dict[str, Any] = {
    "timestamp": 1728465119433,
    "requestContext": {
        "requestId": "1-670648a1-15197d0b-d07710222f9d",
        "functionArn": "acs:fc:cn-hangzhou:103:functions/my-fc-job",
        "condition": "InvocationError",
        "approximateInvokeCount": 2,
    },
    "requestPayload": '{"failure":true}',
    "responseContext": {"statusCode": 200, "functionError": "InvocationError"},
    "responsePayload": '{"errorMessage":"Function timed out after 60 seconds"}',
}


def dumped(document) -> bytes:
    return json.dumps(document).encode()


class TestDocument:
    def test_every_field_of_the_guides_table(self) -> None:
        event = events.parse(dumped(GUIDE_DOCUMENT))
        assert event.timestamp == 1660120276975
        assert event.time is not None
        assert event.time.isoformat() == "2022-08-10T08:31:16.975000+00:00"
        assert event.request_id == "1-6737f2b8-1527b7a8"
        assert event.function_arn == ARN
        assert event.function == "resize"
        assert event.condition == "FunctionResourceExhausted"
        assert event.attempts == 3
        assert event.retried
        assert not event.succeeded
        assert event.status_code == 200
        assert event.function_error == ""
        assert event.request.json() == {"image": "a.png"}
        assert event.response.text() == ""
        assert not event.response
        assert event.envelope is None

    def test_a_recorded_failure(self) -> None:
        event = events.parse(dumped(RECORDED_FAILURE))
        assert (event.succeeded, event.attempts, event.function) == (False, 2, "my-fc-job")
        assert event.function_error == "InvocationError"
        assert "timed out" in event.response.json()["errorMessage"]

    @pytest.mark.parametrize(
        "form",
        [
            json.dumps,
            dumped,
            lambda document: bytearray(dumped(document)),
            lambda document: memoryview(dumped(document)),
            lambda document: document,
            lambda document: base64.b64encode(dumped(document)),
            lambda document: base64.b64encode(dumped(document)).decode(),
            lambda document: base64.encodebytes(dumped(document)),
            lambda document: b"\xef\xbb\xbf  \n" + dumped(document),
        ],
        ids=[
            "str",
            "bytes",
            "bytearray",
            "memoryview",
            "dict",
            "b64",
            "b64 str",
            "b64 lines",
            "bom",
        ],
    )
    def test_every_form_says_the_same(self, form) -> None:
        event = events.parse(form(GUIDE_DOCUMENT))
        assert (event.request_id, event.request.json()) == (
            "1-6737f2b8-1527b7a8",
            {"image": "a.png"},
        )

    def test_unknown_fields_are_kept(self) -> None:
        document = GUIDE_DOCUMENT | {"newField": {"x": [1]}}
        assert events.parse(dumped(document)).to_dict() == document

    @pytest.mark.parametrize("missing", list(GUIDE_DOCUMENT))
    def test_a_missing_field_does_not_raise(self, missing: str) -> None:
        document = {name: value for name, value in GUIDE_DOCUMENT.items() if name != missing}
        event = events.parse(dumped(document))
        for name in ("timestamp", "time", "request_id", "function", "attempts", "succeeded"):
            getattr(event, name)
        assert event.request.text() == ("" if missing == "requestPayload" else '{"image": "a.png"}')

    @pytest.mark.parametrize("name", list(GUIDE_DOCUMENT))
    def test_null_is_the_same_as_missing(self, name: str) -> None:
        event = events.parse(dumped(GUIDE_DOCUMENT | {name: None}))
        assert event.response.text() == ""
        assert isinstance(event.attempts, int)

    def test_a_status_code_in_a_string_is_a_number(self) -> None:
        document = GUIDE_DOCUMENT | {"responseContext": {"statusCode": "500"}}
        assert events.parse(dumped(document)).status_code == 500

    def test_an_old_timestamp_in_a_string_is_milliseconds(self) -> None:
        document = GUIDE_DOCUMENT | {"timestamp": "2022-08-10T08:31:16.975Z"}
        assert events.parse(dumped(document)).timestamp == 1660120276975

    def test_a_payload_that_is_no_string_is_read_as_it_is(self) -> None:
        event = events.parse(dumped(GUIDE_DOCUMENT | {"requestPayload": {"a": 1}}))
        assert event.request.json() == {"a": 1}
        assert event.request.text() == '{"a": 1}'

    def test_a_payload_that_is_no_utf8_comes_back_as_it_was(self) -> None:
        event = events.parse(encoded(request_payload=b"\xff\x00", response_payload=b"ok"))
        assert event.request.bytes() == b"\xff\x00"
        assert event.response.bytes() == b"ok"
        with pytest.raises(InvalidEvent, match="UTF-8"):
            event.request.text()

    def test_a_payload_is_no_json_until_it_is_asked_for(self) -> None:
        event = events.parse(encoded(request_payload=b"{nonsense"))
        with pytest.raises(InvalidEvent, match=r"requestPayload"):
            event.request.json()

    def test_the_repr_tells_what_happened(self) -> None:
        text = repr(events.parse(dumped(RECORDED_FAILURE)))
        assert "my-fc-job failed (InvocationError) after 2 attempts" in text

    def test_an_event_is_immutable(self) -> None:
        event = events.parse(dumped(GUIDE_DOCUMENT))
        with pytest.raises(AttributeError):
            event.source = b""  # type: ignore[misc]


class TestLargePayloads:
    """Large plain payloads take a short cut with the same result."""

    @pytest.mark.parametrize("request_payload", ["", "x" * 20_000, '{"a": "' + "y" * 20_000])
    @pytest.mark.parametrize("response_payload", ["", "z" * 20_000, "\\" * 20_000, "é" * 9_000])
    @pytest.mark.parametrize("wrap", [dict, lambda document: GUIDE_ENVELOPE | {"data": document}])
    @pytest.mark.parametrize("spaces", [(",", ":"), (", ", ": ")])
    def test_come_back_as_they_were(
        self, request_payload: str, response_payload: str, wrap, spaces: tuple[str, str]
    ) -> None:
        document = GUIDE_DOCUMENT | {
            "requestPayload": request_payload,
            "responsePayload": response_payload,
            "more": {"requestPayload": "inner", "list": ['"requestPayload":"' * 9]},
        }
        source = json.dumps(wrap(document), separators=spaces, ensure_ascii=False)
        event = events.parse(source)
        assert event.request.text() == request_payload
        assert event.response.text() == response_payload
        assert event.attempts == 3

    def test_a_nested_field_of_the_same_name_is_not_the_payload(self) -> None:
        nested = {"requestPayload": "n" * 20_000}
        event = events.parse(dumped({"more": nested} | GUIDE_DOCUMENT))
        compact = json.dumps({"more": nested} | GUIDE_DOCUMENT, separators=(",", ":"))
        assert event.request.json() == events.parse(compact).request.json() == {"image": "a.png"}

    def test_a_document_that_is_cut_off_is_invalid(self) -> None:
        with pytest.raises(InvalidEvent):
            events.parse(b'{"requestPayload":"' + b"x" * 20_000)


class TestEnvelope:
    def test_every_field_of_the_guides_sample(self) -> None:
        event = events.parse(dumped(GUIDE_ENVELOPE))
        envelope = event.envelope
        assert envelope is not None
        for name, value in GUIDE_ENVELOPE.items():
            if name != "data":
                assert getattr(envelope, name) == value
        assert event.succeeded
        assert not event.retried
        assert event.request_id == "0fcb7f0c"
        assert event.response.json() == "done"

    @pytest.mark.parametrize(
        "data",
        [
            {"data": json.dumps(GUIDE_ENVELOPE["data"])},
            {"data_base64": base64.b64encode(dumped(GUIDE_ENVELOPE["data"])).decode()},
        ],
        ids=["text", "base64"],
    )
    def test_data_may_be_wrapped_once_more(self, data: dict[str, Any]) -> None:
        envelope = {k: v for k, v in GUIDE_ENVELOPE.items() if k != "data"} | data
        assert events.parse(envelope).request_id == "0fcb7f0c"

    def test_our_own_envelope_is_the_guides(self) -> None:
        envelope = events.envelope(
            GUIDE_ENVELOPE["data"],
            event_id="ecc4865",
            event_type="fc:AsyncInvoke:succeeded",
            bus="bus",
            account_id="143",
            region="cn-shanghai-vpc",
            published_at=1609638271233,
            published_from="199.99.0.1",
        )
        assert envelope == GUIDE_ENVELOPE


class TestGarbage:
    @pytest.mark.parametrize(
        "event",
        [
            b"",
            b"   ",
            b"{",
            b"{}",
            b"[]",
            b"null",
            b'"text"',
            b"\xff\xfe",
            b"not base64!",
            b"bm90IGpzb24=",
            b'{"specversion":"1.0"}',
            b'{"specversion":"1.0","data":{}}',
            b'{"specversion":"1.0","data":"x"}',
            b'{"specversion":"1.0","data_base64":"!"}',
            b'{"requestContext":' + b"[" * 100_000,
            {},
            {"requestContext": object()},
            None,
            5,
            ["a"],
            "\ud800",
        ],
    )
    def test_raises_invalid_event(self, event) -> None:
        with pytest.raises(InvalidEvent):
            events.parse(event)

    @pytest.mark.parametrize(
        ("change", "place"),
        [
            ({"requestContext": {"requestId": 5}}, "$.requestContext.requestId"),
            ({"requestContext": []}, "$.requestContext"),
            ({"timestamp": []}, "$.timestamp"),
            ({"responseContext": {"statusCode": "x"}}, "$.responseContext.statusCode"),
        ],
    )
    def test_the_place_is_named(self, change: dict[str, Any], place: str) -> None:
        with pytest.raises(InvalidEvent) as caught:
            events.parse(dumped(GUIDE_DOCUMENT | change))
        assert caught.value.place == place

    def test_the_place_inside_an_envelope_is_named(self) -> None:
        data = GUIDE_ENVELOPE["data"] | {"requestContext": {"requestId": 5}}
        with pytest.raises(InvalidEvent) as caught:
            events.parse(dumped(GUIDE_ENVELOPE | {"data": data}))
        assert caught.value.place == "$.data.requestContext.requestId"


def encoded(**changes) -> bytes:
    arguments: dict[str, Any] = {
        "timestamp": 1,
        "request_id": "r",
        "function_arn": ARN,
        "attempts": 1,
        "request_payload": b"",
        **changes,
    }
    return events.encode(events.document(**arguments))


class TestRoundTrip:
    def test_the_document_is_the_guides(self) -> None:
        written = events.document(
            timestamp=1660120276975,
            request_id="1-6737f2b8-1527b7a8",
            function_arn=ARN,
            attempts=3,
            condition="FunctionResourceExhausted",
            request_payload=b'{"image": "a.png"}',
        )
        assert written == GUIDE_DOCUMENT

    @given(request=st.binary(), response=st.binary())
    def test_any_payload_comes_back_byte_by_byte(self, request: bytes, response: bytes) -> None:
        event = events.parse(encoded(request_payload=request, response_payload=response))
        assert event.request.bytes() == request
        assert event.response.bytes() == response


class _Message:
    def __init__(self, body) -> None:
        self.message_body = body


class TestSources:
    @pytest.mark.parametrize("read", [events.from_mns_message, events.from_rocketmq_message])
    def test_a_message_or_its_body(self, read) -> None:
        body = json.dumps(GUIDE_DOCUMENT)
        assert read(_Message(body)).attempts == 3
        assert read(body).attempts == 3

    @pytest.mark.parametrize("carry", [str, str.encode, lambda b: base64.b64encode(b.encode())])
    @pytest.mark.parametrize(
        "notification",
        [
            (
                '<?xml version="1.0" encoding="utf-8"?>\n<Notification xmlns="http://mns.aliyuncs.com/doc/v1/">'
                "<TopicName>t</TopicName><Message>{}</Message></Notification>"
            ),
            '{{"TopicOwner":"1","TopicName":"t","Message":"{}","MessageTag":""}}',
            "{}",
        ],
        ids=["xml", "json", "simplified"],
    )
    def test_a_notification_of_a_topic_is_unwrapped(self, notification: str, carry) -> None:
        published = base64.b64encode(dumped(GUIDE_DOCUMENT)).decode()
        assert events.from_mns_message(carry(notification.format(published))).attempts == 3

    def test_a_notification_may_carry_the_bare_document(self) -> None:
        text = json.dumps(GUIDE_DOCUMENT)
        escaped = text.replace("&", "&amp;").replace("<", "&lt;")
        xml = f"<Notification><Message>{escaped}</Message></Notification>"
        assert events.from_mns_message(_Message(xml)).attempts == 3
        wrapped = json.dumps({"TopicName": "t", "Message": text})
        assert events.from_mns_message(_Message(wrapped)).attempts == 3

    @pytest.mark.parametrize(
        "body",
        [
            "<Notification>",
            "<Notification/>",
            "<Notification><Message/></Notification>",
            "<Notification><Message>text</Message></Notification>",
            '<!DOCTYPE x [<!ENTITY a "aaaa">]><Notification><Message>&a;</Message></Notification>',
            '<?xml version="1.0" encoding="nonsense"?><Notification/>',
            '{"TopicName": 5, "Message": "x"}',
            '{"TopicName": "t"}',
            b"\xff",
            None,
        ],
    )
    def test_a_notification_without_an_event_is_none(self, body) -> None:
        with pytest.raises(InvalidEvent):
            events.from_mns_message(_Message(body))

    def test_a_source_that_is_not_a_message_is_an_error(self) -> None:
        with pytest.raises(InvalidEvent, match="message_body"):
            events.from_mns_message(object())

    def test_eventbridge_needs_its_envelope(self) -> None:
        assert events.from_eventbridge(GUIDE_ENVELOPE).succeeded
        with pytest.raises(InvalidEvent, match="envelope"):
            events.from_eventbridge(GUIDE_DOCUMENT)


class TestHandler:
    def test_gets_the_typed_event(self) -> None:
        @events.destination_handler
        def handler(event: events.DestinationEvent, context) -> tuple[str, Any]:
            return event.function, context

        assert handler(dumped(GUIDE_DOCUMENT), "context") == ("resize", "context")

    def test_a_coroutine_function_is_one_still(self) -> None:
        @events.destination_handler
        async def handler(event: events.DestinationEvent, context) -> str:
            return event.function

        assert asyncio.run(_await(handler(dumped(GUIDE_DOCUMENT), None))) == "resize"
        assert inspect.iscoroutinefunction(handler), "others that wrap it must see that, too"

    def test_messages_that_go_on_in_another_task_are_skipped_unless_asked_for(self) -> None:
        sent = {"$fc-async.hop": {"next": "night_r1048576-7", "seconds": 60}}
        document = {**GUIDE_DOCUMENT, "responsePayload": json.dumps(sent)}
        document["requestContext"] = {**GUIDE_DOCUMENT["requestContext"], "condition": ""}
        document["responseContext"] = {"statusCode": 200}
        called: list[str] = []

        def handler(event: events.DestinationEvent, context: object) -> None:
            called.append(event.deferred)

        events.destination_handler(handler)(dumped(document), None)
        assert called == []
        events.destination_handler(deferred=True)(handler)(dumped(document), None)
        assert called == ["night_r1048576-7"]
        document["responsePayload"] = '{"next": 7}'
        events.destination_handler(handler)(dumped(document), None)
        assert called == ["night_r1048576-7", ""]

    def test_garbage_does_not_reach_it(self) -> None:
        called = []

        @events.destination_handler
        def handler(event: events.DestinationEvent, context) -> None:
            called.append(event)

        with pytest.raises(InvalidEvent):
            handler(b"garbage", None)
        assert called == []


async def _await(awaitable) -> Any:
    return await awaitable


class Order(msgspec.Struct):
    number: int


class Thumbnail(msgspec.Struct):
    width: int


class TestDecode:
    def test_the_request_and_the_response_are_read_as_types(self) -> None:
        event = testing.success_event(payload=Order(7), response={"width": 5})
        assert event.request.decode(Order) == Order(7)
        assert event.response.decode(Thumbnail) == Thumbnail(5)

    def test_bytes_and_text_are_taken_as_they_are(self) -> None:
        event = testing.success_event(payload=b"\xff\x00", response="é")
        assert event.request.decode(bytes) == b"\xff\x00"
        assert event.response.decode(str) == "é"

    def test_a_payload_that_stands_as_json_in_the_document_is_read_too(self) -> None:
        document = {**GUIDE_DOCUMENT, "requestPayload": {"number": 7}}
        assert events.parse(document).request.decode(Order) == Order(7)

    def test_what_does_not_fit_is_named_with_its_place(self) -> None:
        event = testing.success_event(payload={"number": "7"})
        with pytest.raises(InvalidPayload, match=r"not a valid Order: .*\(at \$\.number\)"):
            event.request.decode(Order)


class TestTypedHandler:
    def test_the_handler_is_called_with_the_type(self) -> None:
        @events.handler(Order)
        def resize(order: Order, _context: object) -> Thumbnail:
            return Thumbnail(order.number)

        assert resize(b'{"number":7}', None) == {"width": 7}
        assert resize(Order(7), None) == Thumbnail(7)

    def test_a_coroutine_function_is_one_still(self) -> None:
        @events.handler(Order)
        async def resize(order: Order, _context: object) -> list[Thumbnail]:
            return [Thumbnail(order.number)]

        assert asyncio.run(resize(b'{"number":7}', None)) == [{"width": 7}]
        assert asyncio.run(resize(Order(7), None)) == [Thumbnail(7)]

    def test_an_object_that_is_called_as_a_coroutine_function_is_a_coroutine_handler(self) -> None:
        class Resize:
            async def __call__(self, order: Order, _context: object) -> list[Thumbnail]:
                return [Thumbnail(order.number)]

        resize = events.handler(Order)(Resize())
        assert asyncio.run(resize(b'{"number":7}', None)) == [{"width": 7}]

    def test_a_payload_that_does_not_fit_raises_before_the_handler_runs(self) -> None:
        @events.handler(Order)
        def resize(_order: Order, _context: object) -> None:
            pytest.fail("the handler ran")

        with pytest.raises(InvalidPayload, match="number"):
            resize(b"{}", None)

    @pytest.mark.parametrize("asynchronous", [False, True])
    def test_by_choice_a_payload_that_does_not_fit_is_returned_and_logged(
        self, asynchronous: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        if asynchronous:

            @events.handler(Order, retry_invalid=False)
            async def later(_order: Order, _context: object) -> None:
                pytest.fail("the handler ran")

            returned = asyncio.run(later(b"{}", None))
        else:

            @events.handler(Order, retry_invalid=False)
            def resize(_order: Order, _context: object) -> None:
                pytest.fail("the handler ran")

            returned = resize(b"{}", None)
        assert isinstance(returned, dict)
        assert returned["errorType"] == "InvalidPayload"
        assert "missing required field `number`" in returned["errorMessage"]
        assert "not executed again" in caplog.text

    def test_an_object_of_another_type_is_refused(self) -> None:
        @events.handler(Order)
        def resize(_order: Order, _context: object) -> None:
            pytest.fail("the handler ran")

        with pytest.raises(InvalidParameter, match="must be of type Order"):
            resize(Thumbnail(1), None)

    def test_a_type_that_json_cannot_be_read_as_is_refused_at_once(self) -> None:
        with pytest.raises(InvalidParameter, match="kind"):
            events.handler(Either)


class Either:
    pass


class TestCloudEventsPackage:
    """Objects of the ``cloudevents`` package are read as what they stand for."""

    def test_an_event_of_cloudevents_2_is_parsed(self) -> None:
        attributes = {name: value for name, value in GUIDE_ENVELOPE.items() if name != "data"}
        moment = dt.datetime(2021, 1, 3, 1, 44, 31, tzinfo=dt.timezone.utc)
        made = CloudEvent({**attributes, "time": moment}, GUIDE_ENVELOPE["data"])
        event = events.from_eventbridge(made)
        assert event.request_id == "0fcb7f0c"
        assert event.envelope is not None
        assert event.envelope.time == "2021-01-03T01:44:31Z"
        assert event.envelope.aliyuneventbusname == "bus"

    def test_data_of_a_cloudevent_may_be_bytes(self) -> None:
        attributes = {"id": "1", "source": "acs:fc", "type": "t", "specversion": "1.0"}
        made = CloudEvent(attributes, dumped(GUIDE_DOCUMENT))
        assert events.parse(made).attempts == 3

    def test_without_a_destination_event_inside_it_is_none(self) -> None:
        made = CloudEvent({"id": "1", "source": "s", "type": "t", "specversion": "1.0"}, None)
        with pytest.raises(InvalidEvent):
            events.parse(made)
