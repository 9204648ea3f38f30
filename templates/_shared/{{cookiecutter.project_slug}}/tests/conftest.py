"""What the tests share: s.yaml, deployed to a Function Compute on this machine."""

from pathlib import Path

import pytest
from fc_async_local.settings import Settings
from fc_async_local.testing import FcLocal

PROJECT = Path(__file__).parent.parent


@pytest.fixture
def fc_local_settings() -> Settings:
    """Return the settings of a runtime that is as strict as the service.

    Destinations need a role, and a package that functions would not have there fails its import.
    """
    return Settings.of(enforce_roles=True, strict_imports=True)


@pytest.fixture
def deployed(fc_local: FcLocal) -> FcLocal:
    """Return the local runtime with this project on it. Its clock is virtual."""
    fc_local.deploy_template(PROJECT / "s.yaml")
    return fc_local
