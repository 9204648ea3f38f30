# SPDX-License-Identifier: MIT
"""A pytest plugin: gives the fixture ``fc_local`` the deployment of templates.

The fixture is in the local runtime, which does not know this package: it calls the hook below when
a test deploys a template. Nothing of this package is imported before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


# Optional: a run with "-p no:fc_async_local" does not know the hook.
@pytest.hookimpl(optionalhook=True)
def pytest_fc_local_deployer() -> Callable[..., dict[str, str]]:
    """Return the function that deploys a template into the runtime of a test."""
    from fc_async_plugin.deploy import deployment  # noqa: PLC0415 -- needs PyYAML, of the extra cli

    return deployment.deploy
