# SPDX-License-Identifier: MIT
"""Requirements become a layer when the user asks for it, once for the same content."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import PluginError, template
from fc_async_plugin.dev.installing import Installer, hints, install_packages
from fc_async_plugin.dev.sources import sources_of

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """\
edition: 3.0.0
name: shop
resources:
  orders:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: orders
      runtime: python3.10
      handler: index.handler
      code: ./orders
      layers: [./shared]
  mailer:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: mailer
      runtime: nodejs20
      handler: index.handler
      code: ./mailer
"""


class Packages:
    """Stands for pip: it notes what it installs, and fails on request."""

    def __init__(self) -> None:
        self.installed: list[str] = []
        self.failure = ""

    def __call__(self, requirements: Path, target: Path) -> None:
        target.mkdir(parents=True)
        (target / "half.py").write_text("")
        if self.failure:
            raise PluginError(self.failure)
        self.installed.append(requirements.read_text())


@pytest.fixture
def project(tmp_path: Path) -> template.Project:
    for name in ("orders", "mailer", "shared"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "requirements.txt").write_text("left-pad==1\n")
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    return template.load(tmp_path / "s.yaml")


@pytest.fixture
def packages() -> Packages:
    return Packages()


@pytest.fixture
def installer(tmp_path: Path, packages: Packages) -> Installer:
    return Installer(lambda _: None, packages, tmp_path / ".fc-async" / "layers")


def layers(project: template.Project) -> list[str]:
    found: list[str] = project.resources[0].props["layers"]
    return found


def test_a_python_function_gets_one_more_layer_below_its_own(
    project: template.Project, installer: Installer, tmp_path: Path
):
    after = installer(project)
    added, own = layers(after)
    assert own == "./shared"
    assert added.startswith(str(tmp_path / ".fc-async" / "layers"))
    assert after.resources[1].props == project.resources[1].props


def test_the_same_requirements_are_installed_once(
    project: template.Project, installer: Installer, packages: Packages, tmp_path: Path
):
    first = layers(installer(project))
    assert layers(installer(project)) == first
    (tmp_path / "orders" / "requirements.txt").write_text("left-pad==2\n")
    assert layers(installer(project)) != first
    assert packages.installed == ["left-pad==1\n", "left-pad==2\n"]


def test_an_installation_that_failed_leaves_no_layer_and_is_tried_again(
    project: template.Project, installer: Installer, packages: Packages, tmp_path: Path
):
    packages.failure = "no such package"
    for _ in range(2):
        with pytest.raises(PluginError, match="no such package"):
            installer(project)
    kept = [path.name for path in (tmp_path / ".fc-async" / "layers").iterdir()]
    assert kept == []


def test_who_did_not_ask_is_told_which_functions_have_requirements(project: template.Project):
    [hint] = hints(sources_of([project]))
    assert hint == "orders: requirements.txt is not installed; fc-async dev --install does that"


def test_the_message_of_pip_is_passed_on(tmp_path: Path):
    file = tmp_path / "requirements.txt"
    file.write_text("./there-is-no-such-package\n")
    with pytest.raises(PluginError, match=r"cannot be installed:\n.*there-is-no-such-package"):
        install_packages(file, tmp_path / "layer")
