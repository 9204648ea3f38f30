# SPDX-License-Identifier: MIT
"""The state of a function whose image is on this machine, or is not."""

from __future__ import annotations

import pytest

from fc_async_tests.container_engine import IMAGE


@pytest.fixture
def create(fc_local, container_engine: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DOCKER_HOST", container_engine)

    def function(image: str):
        fc_local.client.create_function(
            "web",
            runtime="custom-container",
            handler="unused",
            custom_container_config={"image": image},
        )
        return fc_local.client.get_function("web")

    return function


def test_a_function_whose_image_is_here_is_active(create) -> None:
    assert create(IMAGE).state == "Active"


def test_a_function_whose_image_is_not_here_has_failed_with_what_to_do(create) -> None:
    function = create("localhost/absent:1")
    assert function.state == "Failed"
    assert "is not on this machine: build it, or run:" in function.state_reason


def test_without_an_engine_a_function_of_an_image_has_failed(
    fc_local, create, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    function = create(IMAGE)
    assert function.state == "Failed"
    assert "start Docker or podman" in function.state_reason
