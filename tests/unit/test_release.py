# SPDX-License-Identifier: MIT
"""What has to agree before a tag may become a release."""

from __future__ import annotations

import importlib.util
import json
import re
import zipfile
from importlib.metadata import metadata
from pathlib import Path

import pytest
import yaml

import fc_async_sdk

ROOT = Path(__file__).parents[2]
CHANGELOG = "# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-11-26\n\n- More.\n"


def load(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / f".ci/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_tag_of_the_version_with_a_dated_section_becomes_a_release() -> None:
    assert load("check_tag").fault_of("v1.2.3", "1.2.3", CHANGELOG) is None


@pytest.mark.parametrize(
    ("tag", "version", "fault"),
    [
        ("v1.2.4", "1.2.3", "the tag is v1.2.4, but fc_async_sdk/_version.py says 1.2.3"),
        ("1.2.3", "1.2.3", "tag v1.2.3"),
        ("v1.2.4", "1.2.4", "CHANGELOG.md has no section '## 1.2.4 - YYYY-MM-DD'"),
    ],
)
def test_another_tag_is_refused_with_the_reason(tag: str, version: str, fault: str) -> None:
    assert fault in load("check_tag").fault_of(tag, version, CHANGELOG)


def test_the_version_of_the_tag_check_is_that_of_the_package() -> None:
    module = (ROOT / "fc_async_sdk/_version.py").read_text()
    assert load("check_tag").version_of(module) == fc_async_sdk.__version__


def test_the_component_for_serverless_devs_has_the_version_of_the_package() -> None:
    folder = ROOT / "plugin/fc_async_plugin/serverless_devs/fc-async"
    package = json.loads((folder / "package.json").read_text())
    published = re.search(r"^Version: (.+)$", (folder / "publish.yaml").read_text(), re.MULTILINE)
    assert package["version"] == published[1] == fc_async_sdk.__version__


def test_the_links_of_a_release_name_the_repository_that_builds_it() -> None:
    links = load("project_urls").links("https://example.org/owner/name")
    assert links["Issues"] == "https://example.org/owner/name/issues"
    assert all(link.startswith("https://example.org/owner/name") for link in links.values())


@pytest.mark.parametrize(
    "workflow", [ROOT / ".github/workflows" / f"{name}.yml" for name in ("ci", "release")]
)
def test_a_workflow_runs_the_check_that_every_change_has_to_pass(workflow: Path) -> None:
    jobs = yaml.safe_load(workflow.read_text())["jobs"]
    commands = [step.get("run", "") for job in jobs.values() for step in job["steps"]]
    assert any("bash .ci/run" in command for command in commands)


def test_a_release_is_tested_on_each_python_that_is_supported() -> None:
    supported = re.findall(
        r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text()
    )
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]

    assert jobs["test"]["strategy"]["matrix"]["python"] == supported
    assert {"test", "build"} <= set(jobs["publish"]["needs"])
    assert set(supported) <= set(re.findall(r"3\.\d+", str(jobs["build"]["steps"])))


def test_a_release_waits_for_the_translations() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    commands = [step.get("run", "") for step in jobs["build"]["steps"]]
    assert any("make check-release" in command for command in commands)


@pytest.mark.parametrize("workflow", sorted((ROOT / ".github/workflows").glob("*.yml")))
def test_only_the_job_that_publishes_may_write(workflow: Path) -> None:
    read = yaml.safe_load(workflow.read_text())
    assert read["permissions"] == {"contents": "read"}
    allowed = {
        name for name, job in read["jobs"].items() if "write" in job.get("permissions", {}).values()
    }
    assert allowed <= {"publish"}


def test_the_present_version_could_be_tagged() -> None:
    fault_of = load("check_tag").fault_of
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert fault_of(f"v{fc_async_sdk.__version__}", fc_async_sdk.__version__, changelog) is None


def test_each_extra_is_installed_and_used_before_a_release() -> None:
    extras = set(metadata("fc-async").get_all("Provides-Extra"))
    assert set(load("check_dist").SMOKE) == {"", *extras}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fc_async_sdk/py.typed": None}, "missing ['fc_async_sdk/py.typed']"),
        (
            {"tests/unit/test_release.py": ""},
            "missing [], not wanted ['tests/unit/test_release.py']",
        ),
        ({}, None),
    ],
)
def test_a_wheel_with_another_content_is_refused(
    changed: dict[str, str | None],
    said: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    check = load("check_dist")
    wheel = tmp_path / "fc_async-0.0.0-py3-none-any.whl"
    files = dict.fromkeys(sorted(check.needed()), "") | changed
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            if text is not None:
                archive.writestr(name, text)
    if said is None:
        check.inspect(wheel)
    else:
        with pytest.raises(SystemExit, match=re.escape(said)):
            check.inspect(wheel)


def test_templates_are_released_with_their_hidden_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    needed = load("check_dist").needed()
    assert any(name.endswith("/.gitlab-ci.yml") and "/_templates/" in name for name in needed)


ACTIONS = (ROOT / "action.yml", *sorted((ROOT / ".github" / "workflows").glob("*.yml")))
LOCKS = sorted((ROOT / ".ci" / "locks").glob("*.txt"))


@pytest.mark.parametrize("file", ACTIONS, ids=lambda file: file.name)
def test_an_action_of_others_cannot_change_without_a_commit_here(file: Path) -> None:
    used = re.findall(r"uses: (?!\./)(\S+)(.*)", file.read_text())
    assert [one for one in used if not re.search(r"@[0-9a-f]{40}$", one[0])] == []
    assert [one for one in used if not re.search(r"# v\d+\.\d+\.\d+$", one[1])] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_file_that_was_replaced_on_the_package_index_is_not_installed(lock: Path) -> None:
    text = lock.read_text()
    requirements = re.split(r"\n(?=\S)", text.strip())
    assert len(requirements) > 20
    assert [one for one in requirements if "--hash=sha256:" not in one] == []
    assert "//" not in text  # no name of a host: each one uses the index that it trusts
    pins = {one.split(" \\")[0].split(" ;")[0] for one in requirements}
    known = (ROOT / "constraints.txt").read_text()
    versions = {line.split("==")[0]: set[str]() for line in known.splitlines() if "==" in line}
    for line in known.splitlines():
        if "==" in line:
            versions[line.split("==")[0]].add(line.split(" ;")[0])
    assert [pin for pin in pins if pin not in versions.get(pin.split("==")[0], {pin})] == []


def test_what_is_published_and_what_checks_pull_requests_is_installed_by_hashes() -> None:
    assert "--require-hashes" in (ROOT / "action.yml").read_text()
    dist = re.search(r"^dist:.*?\n\n", (ROOT / "Makefile").read_text(), re.MULTILINE | re.DOTALL)
    assert dist is not None
    assert "--require-hashes" in dist[0]
    assert "--no-isolation" in dist[0]


def test_the_fuzzer_is_not_ended_by_the_limit_of_a_usual_test() -> None:
    fuzz = re.search(r"^fuzz:.*?\n\n", (ROOT / "Makefile").read_text(), re.MULTILINE | re.DOTALL)
    assert fuzz is not None
    assert "--timeout=0" in fuzz[0]
