# SPDX-License-Identifier: MIT
"""A saved file leads to the functions that it is part of."""

from __future__ import annotations

from pathlib import Path

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.project.sources import Source, affected, roots, sources_of, template_files
from fc_async_tests.s_yaml import template

TEMPLATE = template(
    orders="""
        code: ./orders
        layers:
          - ./shared
          - acs:fc:cn-hangzhou:1234567890123456:layers/x/versions/1
    """,
    mailer="""
        runtime: nodejs20
        code: {src: ./mailer.zip}
        layers: [./shared]
    """,
    remote="code: {ossBucketName: b, ossObjectName: o}",
)


@pytest.fixture
def project(tmp_path: Path) -> s_yaml.Project:
    for name in ("orders", "shared", "orders/inner"):
        (tmp_path / name).mkdir()
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    return s_yaml.load(tmp_path / "s.yaml")


@pytest.mark.parametrize(
    ("saved", "functions"),
    [
        ("orders/index.py", ["orders"]),
        ("orders/inner/more.py", ["orders"]),
        ("mailer.zip", ["mailer"]),
        ("shared/python/common.py", ["orders", "mailer"]),
        ("readme.md", []),
        ("orders-old/index.py", []),
    ],
)
def test_a_file_belongs_to_the_functions_whose_code_or_layer_has_it(
    tmp_path: Path, project: s_yaml.Project, saved: str, functions: list[str]
):
    found = affected(sources_of([project]), [tmp_path / saved])
    assert [source.function for source in found] == functions


def test_layers_of_the_service_and_code_in_a_bucket_are_not_on_this_machine(
    tmp_path: Path, project: s_yaml.Project
):
    orders, _, remote = sources_of([project])
    assert orders.paths == (tmp_path / "orders", tmp_path / "shared")
    assert remote.paths == ()


def test_folders_are_watched_once(tmp_path: Path, project: s_yaml.Project):
    assert roots(sources_of([project])) == {tmp_path}


def test_the_root_of_the_file_system_is_not_watched_for_a_folder_that_does_not_exist():
    missing = Path("/no-such-folder-of-a-test/code")
    assert roots([Source(function="f", resource="f", template="s.yaml", code=missing)]) == set()


def test_the_template_and_what_may_be_added_beside_it_are_watched(
    tmp_path: Path, project: s_yaml.Project
):
    names = {"s.yaml", "env.yaml", "env.yml", ".env", "fc-async.toml"}
    assert template_files([project]) == {tmp_path / name for name in names}
