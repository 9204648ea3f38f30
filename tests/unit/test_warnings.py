# SPDX-License-Identifier: MIT
"""Which warnings fail a test; ``filterwarnings`` in pyproject.toml decides it."""

from __future__ import annotations

import warnings

import pytest


def warn_in(module: str) -> None:
    warnings.warn_explicit("old", DeprecationWarning, "file.py", 1, module=module, registry={})


@pytest.mark.parametrize(
    "module",
    [
        "fc_async_sdk._client",
        "fc_async_local.bootstrap.runtime",
        "fc_async_plugin.cli",
        "fc_async_tests.nodes",
    ],
)
def test_a_warning_that_our_code_causes_is_an_error(module: str) -> None:
    with pytest.raises(DeprecationWarning):
        warn_in(module)


def test_a_warning_that_a_test_causes_is_an_error() -> None:
    with pytest.raises(DeprecationWarning):
        warnings.warn("old", DeprecationWarning, stacklevel=1)


@pytest.mark.parametrize("module", ["darabonba.core", "mns.queue", "tests_of_others"])
def test_a_warning_that_a_foreign_package_causes_is_not_an_error(module: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warn_in(module)
    assert [str(one.message) for one in caught] == ["old"]
