# SPDX-License-Identifier: MIT
"""What goes out as JSON is what comes back; what JSON does not have is refused with its place."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypedDict

import attrs
import msgspec
import pydantic
import pytest

from fc_async_sdk import operations
from fc_async_sdk._payloads import values
from fc_async_sdk.errors import InvalidParameter, InvalidPayload


class Order(msgspec.Struct):
    number: int
    price: Decimal = Decimal(0)


@dataclass
class Parcel:
    order: Order
    tags: set[str]


@dataclass
class Derived:
    number: int
    double: int = field(init=False)

    def __post_init__(self) -> None:
        self.double = 2 * self.number


class Address(TypedDict):
    street: str


class Customer(pydantic.BaseModel):
    name: str
    born: dt.date | None = None


@attrs.define
class Line:
    amount: float


class Colour(enum.Enum):
    RED = "red"


def sent(value: object) -> bytes:
    return operations.invoke_async("f", value).body


class TestToJson:
    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            (Order(1, Decimal("9.90")), Order),
            (Parcel(Order(1), {"a"}), Parcel),
            ({"street": "é"}, Address),
            (Customer(name="A", born=dt.date(2000, 1, 2)), Customer),
            (Line(0.5), Line),
            ([Order(1), Order(2)], list[Order]),
            ([Customer(name="A")], list[Customer]),
            ({"a": Customer(name="A")}, dict[str, Customer]),
            (None, type(None)),
            ("text", str),
            (b"\xff", bytes),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_a_value_comes_back_as_it_was_sent(self, value: object, kind: type) -> None:
        assert values.from_json(kind, sent(value) or b"null") == value

    def test_objects_of_declared_types_may_be_inside_plain_json(self) -> None:
        value = {"order": Order(1), "customer": Customer(name="A"), "colour": Colour.RED}
        assert sent(value) == (
            b'{"order":{"number":1,"price":"0"},"customer":{"name":"A","born":null},"colour":"red"}'
        )

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            ({"price": Decimal("1.5")}, "(at $.price): use str(value) or float(value)"),
            ({"items": [{"tags": {"a", "b"}}]}, "(at $.items[0].tags): use a list"),
            ([frozenset()], "(at $[0]): use a list"),
            ({"a": b"raw"}, "(at $.a): use a text, such as base64"),
            ({"at": dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)}, "use value.isoformat()"),
            ([uuid.UUID(int=1)], "(at $[0]): use str(value)"),
            ({"f": object()}, "(at $.f): use dicts, lists, texts"),
            ({"a": {Decimal(1): 2}}, "no such key (at $.a): use a text"),
            ({"line": Line(float("nan"))}, "no such number (at $.line.amount)"),
            (Line(float("inf")), "no such number (at $.amount)"),
        ],
    )
    def test_what_json_does_not_have_is_refused_with_its_place(
        self, value: object, said: str
    ) -> None:
        with pytest.raises(InvalidParameter) as caught:
            sent(value)
        assert said in str(caught.value)

    def test_the_error_holds_no_secret(self) -> None:
        with pytest.raises(InvalidParameter) as caught:
            sent({"password": "hunter2", "keys": {"hunter3"}})
        assert "hunter" not in str(caught.value)

    def test_a_circle_is_refused(self) -> None:
        circle: list[object] = []
        circle.append(circle)
        with pytest.raises(InvalidParameter, match="cannot be written as JSON"):
            sent(circle)


class TestFromJson:
    @pytest.mark.parametrize(
        ("kind", "data", "said"),
        [
            (Order, b'{"number":"1"}', "Expected `int`, got `str` (at $.number)"),
            (list[Order], b'[{"number":1},{}]', "missing required field `number` (at $[1])"),
            (Order, b"", "is not a valid Order: it is empty"),
            (Order, b"{", "truncated"),
            (str, b"\xff", "utf-8"),
            (Customer, b'{"name":1}', "valid string (at $.name)"),
            (list[Customer], b"[{}]", "Field required"),
        ],
    )
    def test_what_does_not_fit_is_refused_with_its_place(
        self, kind: type, data: bytes, said: str
    ) -> None:
        with pytest.raises(InvalidPayload) as caught:
            values.from_json(kind, data)
        assert said in str(caught.value)

    def test_the_error_of_a_model_does_not_quote_the_input(self) -> None:
        with pytest.raises(InvalidPayload) as caught:
            values.from_json(Customer, b'{"name":["hunter2"]}')
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_many_threads_can_begin_with_a_type_at_once(self) -> None:
        kinds = [msgspec.defstruct(f"S{n}", [("a", int)]) for n in range(50)]
        with ThreadPoolExecutor(8) as pool:
            found = list(
                pool.map(lambda n: values.from_json(kinds[n // 8], b'{"a":1}'), range(400))
            )
        assert {value.a for value in found} == {1}


class TestTypes:
    @pytest.mark.parametrize(
        "kind", [Order, Parcel, Address, Customer, Line, list[Order], str, bytes]
    )
    def test_declared_types_are_taken(self, kind: type) -> None:
        values.check_type("payload", kind)

    def test_another_class_is_refused(self) -> None:
        class Plain:
            pass

        with pytest.raises(InvalidParameter, match="must be a msgspec Struct, a dataclass"):
            values.check_type("payload", Plain)

    def test_an_annotation_that_does_not_exist_is_refused(self) -> None:
        broken = dataclass(type("Broken", (), {"__annotations__": {"a": "Nowhere"}}))
        with pytest.raises(InvalidParameter, match="Nowhere"):
            values.check_type("payload", broken)

    @pytest.mark.parametrize(
        ("kind", "value"),
        [
            (Order, Order(1)),
            (Parcel, Parcel(Order(1), {"a"})),
            (Line, Line(0.5)),
            (Derived, Derived(1)),
            (Customer, Customer(name="A")),
            (Address, {"street": "s"}),
            (list[Order], [Order(1)]),
            (list[Customer], [Customer(name="A")]),
            (dict[str, int], {"a": 1}),
            (bytes, b"a"),
            (int, 5),
        ],
    )
    def test_a_value_of_the_type_conforms(self, kind: type, value: object) -> None:
        values.conform("payload", kind, value)

    @pytest.mark.parametrize(
        ("kind", "value", "said"),
        [
            (Order, {"number": 1}, "must be of type Order"),
            (Customer, Order(1), "must be of type Customer"),
            (Order, Order("1"), "not a valid Order: Expected `int`, got `str` (at $.number)"),  # type: ignore[arg-type]
            (Parcel, Parcel(Order(1), [{}]), "got `object` (at $.tags[0])"),  # type: ignore[arg-type, list-item]
            (bytes, "text", "must be of type bytes"),
            (
                Address,
                {"street": 1},
                "not a valid Address: Expected `str`, got `int` (at $.street)",
            ),
            (list[Order], [{"number": "x"}], "(at $[0].number)"),
            (dict[str, int], {1}, "not a valid dict"),
        ],
    )
    def test_a_value_of_another_type_is_refused(self, kind: type, value: object, said: str) -> None:
        with pytest.raises(InvalidParameter) as caught:
            values.conform("payload", kind, value)
        assert said in str(caught.value)
