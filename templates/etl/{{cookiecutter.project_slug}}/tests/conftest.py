"""What the tests share: s.yaml, deployed to a Function Compute on this machine."""

from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent


@pytest.fixture
def deployed(fc_local):
    """The local runtime with this project on it. Its clock is virtual: waiting costs no time."""
    fc_local.deploy_template(PROJECT / "s.yaml")
    return fc_local
