# SPDX-License-Identifier: MIT
"""Which events a pattern wants: the corners as a table, the laws with made-up data."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fc_async_local.services.eventbridge.pattern import InvalidPattern, lexical, parse

EVENT = """{
  "id": "1", "source": "acs:fc", "type": "fc:AsyncInvoke:succeeded", "subject": "",
  "data": {
    "n": 300, "sci": 3.0e2, "neg": -0.5, "text": "80", "flag": true, "nothing": null,
    "object": {"inner": "x"}, "empty": {}, "list": ["a", "b", 5], "none": [],
    "objects": [{"inner": "x"}], "ip": "10.1.2.3", "path": "/data/file.png"
  }
}"""


def data(conditions):
    return {"data": {"field": conditions}}


TABLE = [
    # equality is of text
    ({}, True),
    ({"source": ["acs:fc"]}, True),
    ({"source": ["ACS:FC"]}, False),
    ({"source": ["acs:oss", "acs:fc"]}, True),
    ({"source": ["acs:fc"], "type": ["other"]}, False),
    ({"subject": [""]}, True),
    ({"data": {"text": ["80"]}}, True),
    ({"data": {"text": [80]}}, True),
    ({"data": {"n": ["300"]}}, True),
    ({"data": {"n": [300]}}, True),
    ({"data": {"sci": [300]}}, False),
    ({"data": {"flag": [True]}}, True),
    ({"data": {"flag": ["true"]}}, True),
    ({"data": {"flag": [False]}}, False),
    # null
    ({"data": {"nothing": [None]}}, True),
    ({"data": {"nothing": ["null"]}}, False),
    ({"data": {"text": [None]}}, False),
    ({"data": {"missing": [None]}}, False),
    # exists
    ({"data": {"n": [{"exists": True}]}}, True),
    ({"data": {"n": [{"exists": False}]}}, False),
    ({"data": {"nothing": [{"exists": True}]}}, True),
    ({"data": {"missing": [{"exists": False}]}}, True),
    ({"data": {"missing": [{"exists": True}]}}, False),
    ({"data": {"n": {"deeper": [{"exists": False}]}}}, True),
    ({"data": {"object": [{"exists": True}]}}, False),
    ({"data": {"object": [{"exists": False}]}}, False),
    # objects and lists
    ({"data": {"object": {"inner": ["x"]}}}, True),
    ({"data": {"object": ["x"]}}, False),
    ({"data": {"list": ["b"]}}, True),
    ({"data": {"list": [5]}}, True),
    ({"data": {"list": ["c"]}}, False),
    ({"data": {"none": ["a"]}}, False),
    ({"data": {"objects": {"inner": ["x"]}}}, False),
    # prefix, suffix, contains
    ({"data": {"path": [{"prefix": "/data"}]}}, True),
    ({"data": {"path": [{"suffix": ".png"}]}}, True),
    ({"data": {"path": [{"contains": "a/f"}]}}, True),
    ({"data": {"path": [{"prefix": "data"}]}}, False),
    ({"data": {"n": [{"prefix": "3"}]}}, False),
    ({"data": {"missing": [{"prefix": "3"}]}}, False),
    # anything-but
    ({"data": {"text": [{"anything-but": "81"}]}}, True),
    ({"data": {"text": [{"anything-but": ["80", "81"]}]}}, False),
    ({"data": {"n": [{"anything-but": [300]}]}}, False),
    ({"data": {"list": [{"anything-but": ["a", "b"]}]}}, True),
    ({"data": {"list": [{"anything-but": ["a", "b", "5"]}]}}, False),
    ({"data": {"path": [{"anything-but": {"prefix": "/other"}}]}}, True),
    ({"data": {"path": [{"anything-but": {"suffix": ".png"}}]}}, False),
    ({"data": {"path": [{"anything-but": {"contains": "zip"}}]}}, True),
    ({"data": {"missing": [{"anything-but": "x"}]}}, False),
    ({"data": {"nothing": [{"anything-but": "x"}]}}, True),
    # numeric
    ({"data": {"n": [{"numeric": ["=", 300]}]}}, True),
    ({"data": {"sci": [{"numeric": ["=", 300]}]}}, True),
    ({"data": {"n": [{"numeric": ["=", 300.00000001]}]}}, True),
    ({"data": {"n": [{"numeric": ["!=", 300]}]}}, False),
    ({"data": {"n": [{"numeric": [">", 300]}]}}, False),
    ({"data": {"n": [{"numeric": [">=", 300]}]}}, True),
    ({"data": {"n": [{"numeric": ["<", 300]}]}}, False),
    ({"data": {"n": [{"numeric": ["<=", 300]}]}}, True),
    ({"data": {"n": [{"numeric": [">", 0, "<=", 299]}]}}, False),
    ({"data": {"neg": [{"numeric": [">", -1, "<", 0]}]}}, True),
    ({"data": {"text": [{"numeric": ["=", 80]}]}}, False),
    # cidr
    ({"data": {"ip": [{"cidr": "10.1.0.0/16"}]}}, True),
    ({"data": {"ip": [{"cidr": "10.2.0.0/16"}]}}, False),
    ({"data": {"ip": [{"cidr": "10.1.2.3"}]}}, True),
    ({"data": {"ip": [{"cidr": "10.1.9.9/16"}]}}, True),
    ({"data": {"text": [{"cidr": "10.1.0.0/16"}]}}, False),
    ({"data": {"n": [{"cidr": "10.1.0.0/16"}]}}, False),
]


@pytest.mark.parametrize(("pattern", "wanted"), TABLE, ids=lambda value: json.dumps(value)[:70])
def test_a_pattern_wants_what_it_says(pattern, wanted):
    assert parse(json.dumps(pattern)).matches(lexical(EVENT)) is wanted


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ('{"source": [NaN]}', "not JSON"),
        ("[]", r"\$ must be an object"),
        ('"x"', r"\$ must be an object"),
        ('{"colour": ["red"]}', r"\$\.colour: not an attribute"),
        ('{"source": "acs:fc"}', r"\$\.source must be a list"),
        ('{"source": []}', r"\$\.source must be a list"),
        ('{"data": {}}', r"\$\.data must be a list"),
        ('{"data": {"a": {}}}', r"\$\.data\.a must be a list"),
        ('{"source": [["a"]]}', r"\$\.source\[0\]: a list within"),
        ('{"source": [{}]}', "one operator"),
        ('{"source": [{"prefix": "a", "suffix": "b"}]}', "one operator"),
        ('{"source": [{"like": "a"}]}', "'like' is none of"),
        ('{"source": [{"prefix": ""}]}', "a non-empty string"),
        ('{"source": [{"prefix": 5}]}', "a non-empty string"),
        ('{"source": [{"exists": "yes"}]}', "true or false"),
        ('{"source": [{"anything-but": []}]}', "a value or list"),
        ('{"source": [{"anything-but": [["a"]]}]}', "a value or list"),
        ('{"source": [{"anything-but": {"cidr": "10.0.0.0/8"}}]}', "one of contains"),
        ('{"source": [{"numeric": ["=", 1, "<"]}]}', "once or twice"),
        ('{"source": [{"numeric": ["~", 1]}]}', "'~' is none of"),
        ('{"source": [{"numeric": ["=", "1"]}]}', "from -1e9 to 1e9"),
        ('{"source": [{"numeric": ["=", 1000000001]}]}', "from -1e9 to 1e9"),
        ('{"source": [{"cidr": "10.0.0.0/33"}]}', "an IPv4 range"),
        ('{"source": [{"cidr": "::1/64"}]}', "an IPv4 range"),
        ('{"source": [{"cidr": 5}]}', "an IPv4 range"),
        ('{"data": ' * 40 + '["x"]' + "}" * 40, "nested deeper"),
        ('{"source": ["' + "x" * 10_240 + '"]}', "longer than"),
        ("[" * 100_000, "longer than"),
    ],
)
def test_a_pattern_that_cannot_be_read_says_where_and_why(pattern, reason):
    with pytest.raises(InvalidPattern, match=reason):
        parse(pattern)


scalars = st.none() | st.booleans() | st.integers(-999, 999) | st.text(max_size=5)
fields = st.dictionaries(st.sampled_from("abc"), scalars, min_size=1)


@given(fields)
def test_every_event_is_wanted_by_the_pattern_made_of_it(found):
    pattern = {"data": {name: [value] for name, value in found.items()}}
    assert parse(json.dumps(pattern)).matches(lexical(json.dumps({"data": found})))


@given(fields, fields)
def test_one_more_key_never_widens_a_pattern(found, wanted):
    event = lexical(json.dumps({"data": found}))
    conditions = {name: [value] for name, value in wanted.items()}
    narrow = parse(json.dumps({"data": conditions | {"d": [{"exists": True}]}}))
    wide = parse(json.dumps({"data": conditions}))
    assert narrow.matches(event) <= wide.matches(event)


@given(scalars, scalars, scalars)
def test_one_more_condition_never_narrows_a_pattern(value, first, second):
    event = lexical(json.dumps({"data": {"field": value}}))
    narrow = parse(json.dumps(data([first])))
    wide = parse(json.dumps(data([first, second])))
    assert narrow.matches(event) <= wide.matches(event)


@given(scalars, scalars)
def test_anything_but_is_the_contrary_of_equality(value, other):
    event = lexical(json.dumps({"data": {"field": value}}))
    equal = parse(json.dumps(data([other]))).matches(event)
    different = parse(json.dumps(data([{"anything-but": [other]}]))).matches(event)
    assert equal is not different


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text):
    with contextlib.suppress(InvalidPattern):
        parse(text)
