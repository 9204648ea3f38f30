# SPDX-License-Identifier: MIT
"""Checks a block against the spec of the service and names the rule that words each violation.

A ``${…}`` in a value is known only after a deployment, so it counts as right wherever it stands.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fc_async_plugin.template.desired import is_unresolved
from fc_async_sdk.spec import async_config, limits
from fc_async_sdk.spec.async_config import Violation

if TYPE_CHECKING:
    from collections.abc import Iterator

QUALIFIER: Final = "qualifier"
"""A key of the block that is a parameter of the API's operation, not a field of its body."""

_RULES: Final[dict[async_config.What, str]] = {
    "unknown-key": "FCA010",
    "wrong-type": "FCA011",
    "no-destination": "FCA024",
}
_RULES_OF_RANGES: Final = {
    "maxAsyncRetryAttempts": "FCA012",
    "maxAsyncEventAgeInSeconds": "FCA013",
    QUALIFIER: "FCA014",
}
_QUALIFIER: Final = re.compile(
    f"(?:{limits.VERSION_ID_PATTERN.pattern}|{limits.ALIAS_NAME_PATTERN.pattern})?"
)


def violations(block: object) -> Iterator[tuple[str, Violation]]:
    """Yield everything that the service refuses about the value of ``asyncInvokeConfig``.

    Returns:
        Pairs of the id of the rule that words it and the violation.
    """
    for violation in _violations(block):
        if violation.what == "unknown-key" or not is_unresolved(violation.value):
            rule = _RULES.get(violation.what) or _RULES_OF_RANGES[violation.path[-1]]
            yield rule, violation


def _violations(block: object) -> Iterator[Violation]:
    if isinstance(block, dict):
        yield from _qualifier(block.get(QUALIFIER))
        for violation in async_config.check({k: v for k, v in block.items() if k != QUALIFIER}):
            beside = violation.what == "unknown-key" and len(violation.path) == 1
            yield violation._replace(known=(*violation.known, QUALIFIER)) if beside else violation
    elif block is not None:
        yield Violation((), "wrong-type", block, "a mapping")


def _qualifier(value: object) -> Iterator[Violation]:
    if value is None:
        return
    if not isinstance(value, str) and type(value) is not int:
        yield Violation((QUALIFIER,), "wrong-type", value, "a string")
    elif not _QUALIFIER.fullmatch(str(value)):
        expected = f"{limits.DEFAULT_QUALIFIER}, a version number or an alias name"
        yield Violation((QUALIFIER,), "out-of-range", value, expected)
