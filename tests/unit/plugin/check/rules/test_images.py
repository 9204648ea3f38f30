# SPDX-License-Identifier: MIT
"""Images that the service refuses are found before they are deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.check.rules.images import pushed_with_attestations
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fc_async_plugin.check.rules import Finding

    Check = Callable[..., list[Finding]]

ACR = "registry.cn-hangzhou.aliyuncs.com"
STEP = """\
jobs:
  image:
    steps:
      - uses: docker/build-push-action@v6
        with:
          push: true
          tags: registry.cn-hangzhou.aliyuncs.com/shop/web:1
          {setting}
      - run: echo done
"""


def of_image(image: str) -> str:
    settings = f'runtime: custom-container\n        customContainerConfig: {{image: "{image}"}}'
    return template(web=f"\n        {settings}\n    ")


def messages(findings: list[Finding], rule: str) -> list[str]:
    return [finding.message for finding in findings if finding.rule == rule]


@pytest.mark.parametrize(
    ("image", "is_found"),
    [
        (f"{ACR}/shop/web", True),
        (f"{ACR}/shop/web:latest", True),
        ("localhost:5000/shop/web", True),
        (f"{ACR}/shop/web:1", False),
        (f"{ACR}/shop/web@sha256:{'0' * 64}", False),
        ("${env('IMAGE')}", False),
    ],
)
def test_a_tag_that_moves_is_found(check: Check, image: str, is_found: bool) -> None:
    assert bool(messages(check(of_image(image)), "FCA081")) is is_found


@pytest.mark.parametrize(
    ("host", "is_found"),
    [
        ("registry.cn-shanghai.aliyuncs.com", True),
        ("registry-vpc.cn-shanghai.aliyuncs.com", True),
        ("shop-registry.cn-shanghai.cr.aliyuncs.com", True),
        ("crpi-a1b2-vpc.cn-shanghai.personal.cr.aliyuncs.com", True),
        ("registry.cn-hangzhou.aliyuncs.com", False),
        ("crpi-a1b2.cn-hangzhou.personal.cr.aliyuncs.com", False),
        ("registry.example.com", False),
        ("docker.io", False),
    ],
)
def test_an_image_of_another_region_is_found(check: Check, host: str, is_found: bool) -> None:
    assert bool(messages(check(of_image(f"{host}/shop/web:1")), "FCA082")) is is_found


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("docker buildx build --push -t a .\n", [1]),
        ("set -e\ndocker build --push .\n", [2]),
        ("docker buildx build \\\n  -t a \\\n  --push .\n", [1]),
        ("docker buildx build \\\n  --provenance=false \\\n  --push .\n", []),
        ("docker build -t a . && docker push a\n", []),
        ("# docker buildx build --push .\n", []),
        ("export BUILDX_NO_DEFAULT_ATTESTATIONS=1\ndocker buildx build --push .\n", []),
        (STEP.format(setting="platforms: linux/amd64"), [4]),
        (STEP.format(setting="provenance: false"), []),
        (STEP.format(setting="provenance: 'false'"), []),
    ],
)
def test_a_push_with_attestations_is_found_in_its_line(text: str, lines: list[int]) -> None:
    assert list(pushed_with_attestations(text)) == lines


def test_a_workflow_of_the_project_is_read_and_named(check: Check, tmp_path: Path) -> None:
    workflow = tmp_path / ".github" / "workflows" / "deploy.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(STEP.format(setting=""))
    findings = [
        finding for finding in check(of_image(f"{ACR}/shop/web:1")) if finding.rule == "FCA083"
    ]
    assert [finding.position.line for finding in findings] == [4]
    assert findings[0].position.file.endswith("deploy.yml")


def test_a_workflow_of_another_cloud_is_not_read(check: Check, tmp_path: Path) -> None:
    workflow = tmp_path / ".github" / "workflows" / "deploy.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(STEP.format(setting="").replace("aliyuncs", "example"))
    assert messages(check(of_image(f"{ACR}/shop/web:1")), "FCA083") == []


def test_a_project_without_images_has_no_such_finding(check: Check, tmp_path: Path) -> None:
    (tmp_path / "build.sh").write_text(f"docker buildx build --push -t {ACR}/a:1 .\n")
    text = template(web="\n        runtime: python3.10\n        code: .\n    ")
    assert messages(check(text), "FCA083") == []
