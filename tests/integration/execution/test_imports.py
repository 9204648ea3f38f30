# SPDX-License-Identifier: MIT
"""Imports of Python functions that succeed on this machine and would fail on the service."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING

import pytest

from fc_async_local.domain.invocation import OutcomeKind

if TYPE_CHECKING:
    from typing import Any

HANDLER = "\n\ndef handler(event, context):\n    return 'ran'\n"
# Of the packages that these tests need anyway. The runtime of FC ships `requests` alone.
SENTENCE = (
    "f imports msgspec from this machine; in the cloud it is missing: put msgspec into "
    "requirements.txt and install it into the code"
)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.WARNING, "fc_async_local.execution.import_rules")
    named = "fc_async_local.execution.import_rules"
    return lambda: [one.getMessage() for one in caplog.records if one.name == named]


def test_a_package_of_this_machine_is_reported_with_what_to_do(workshop, said):
    assert workshop.once(f"import msgspec{HANDLER}").payload == b"ran"
    assert said() == [SENTENCE]


def test_a_package_is_reported_once_for_all_instances_and_calls(workshop, said):
    workshop.write(f"import msgspec, requests, json{HANDLER}")

    async def scenario() -> None:
        for revision in ("1", "1", "2"):
            await workshop.run(revision=revision)

    workshop.play(scenario)
    assert said() == [SENTENCE]


def test_an_import_in_the_middle_of_a_call_is_reported(workshop, said):
    workshop.once("def handler(event, context):\n    import msgspec\n")
    assert said() == [SENTENCE]


def test_an_import_of_a_handler_that_fails_is_reported(workshop, said):
    workshop.once("import msgspec\nraise ValueError")
    assert said() == [SENTENCE]


def test_with_strict_imports_the_import_fails_with_the_same_sentence(workshop, said):
    workshop.write(f"import msgspec{HANDLER}")
    outcome = workshop.play(workshop.run, strict_imports=True)
    document = json.loads(outcome.payload)
    assert outcome.kind is OutcomeKind.FUNCTION_ERROR
    assert document["errorType"] == "ImportModuleError"
    assert document["errorMessage"] == f"Unable to import module 'index': {SENTENCE}"
    assert said() == []


def test_with_strict_imports_a_function_may_fall_back_as_on_the_service(workshop):
    workshop.write(
        """
        try:
            import msgspec
        except ImportError:
            msgspec = None

        def handler(event, context):
            return str(msgspec)
        """
    )
    assert workshop.play(workshop.run, strict_imports=True).payload == b"None"


@pytest.mark.parametrize(
    "source",
    [
        "import requests, urllib3, json, queue, email.message",
        "import own, package.part",
        "from importlib.util import find_spec\nassert find_spec('msgspec')",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import msgspec",
        "import importlib.metadata\nimportlib.metadata.version('msgspec')",
    ],
)
def test_what_the_service_has_and_what_is_not_imported_is_not_reported(workshop, said, source: str):
    workshop.write("", name="own.py")
    (workshop.path / "code" / "package").mkdir()
    (workshop.path / "code" / "package" / "part.py").write_text("")
    workshop.write(f"{source}{HANDLER}")
    assert workshop.play(workshop.run, strict_imports=True).payload == b"ran"
    assert said() == []


def test_a_package_in_the_code_folder_counts_for_what_it_imports(workshop, said):
    (workshop.path / "code" / "vendored").mkdir(parents=True)
    (workshop.path / "code" / "vendored" / "__init__.py").write_text("import msgspec\n")
    assert workshop.once(f"import vendored{HANDLER}").payload == b"ran"
    assert said() == [SENTENCE]


def test_what_an_installed_package_may_import_is_not_reported(workshop, said):
    """Optional imports of packages were named as if the user had written them."""
    package = workshop.path / "code" / "some_package"
    info = package.with_name("some_package-1.0.dist-info")
    for folder in (package, info):
        folder.mkdir(parents=True)
    (package / "__init__.py").write_text("import msgspec\n")
    (info / "RECORD").write_text("some_package/__init__.py,,\n")
    assert workshop.once(f"import some_package{HANDLER}").payload == b"ran"
    assert said() == []


def test_what_a_missing_package_imports_itself_is_not_reported(workshop, said):
    workshop.once(f"import aiohttp{HANDLER}")
    assert [text.split()[2] for text in said()] == ["aiohttp"]


def test_the_name_to_install_is_that_of_the_package(workshop, said):
    workshop.once(f"import yaml{HANDLER}")
    assert [text for text in said() if "put PyYAML into requirements.txt" in text] == said() != []


def test_what_requirements_name_and_what_they_require_is_there(workshop, said):
    workshop.write("# for tests\nFC_Async[aio] >= 0.1  # the SDK\n", name="requirements.txt")
    workshop.write(f"import fc_async_sdk, msgspec, aiohttp{HANDLER}")
    assert workshop.play(workshop.run, strict_imports=True).payload == b"ran"
    assert said() == []


def test_an_extra_that_requirements_do_not_name_is_not_there(workshop, said):
    workshop.write("fc-async\n", name="requirements.txt")
    workshop.write(f"import fc_async_sdk, aiohttp{HANDLER}")
    workshop.play(workshop.run)
    assert [text.split()[2] for text in said()] == ["aiohttp"]


def test_packages_that_a_build_put_into_the_code_are_there(workshop, said):
    # They may be built for another interpreter, so that this machine's are loaded.
    (workshop.path / "code" / "python" / "msgspec").mkdir(parents=True)
    (workshop.path / "code" / "python" / "msgspec" / "__init__.py").write_text("raise OSError")
    workshop.write(f"import msgspec{HANDLER}")

    async def scenario() -> Any:
        environment = {"PYTHONPATH": "/code/python"}
        return await workshop.run(environment=environment, runtime="python3.9")

    assert workshop.play(scenario, strict_imports=True).payload == b"ran"
    assert said() == []


@pytest.mark.parametrize(
    ("layer", "reported"),
    [
        ("official:layers/Python3-Flask2x/versions/1", True),
        ("official:layers/Python310-Package-Collection/versions/1", False),
        ("acs:fc:cn-hangzhou:1234567890123456:layers/own/versions/1", False),
    ],
)
def test_a_function_with_a_layer_of_unknown_content_is_not_compared(
    workshop, said, layer: str, reported: bool
):
    async def layers(_: object) -> tuple[()]:
        return ()

    workshop.layers = layers
    workshop.write(f"import msgspec{HANDLER}")
    workshop.play(lambda: workshop.run(layers=(layer,)))
    assert said() == ([SENTENCE] if reported else [])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is new in Python 3.11")
@pytest.mark.parametrize(("runtime", "count"), [("python3.10", 1), ("python3.12", 0)])
def test_the_standard_library_is_that_of_the_runtime(workshop, said, runtime: str, count: int):
    workshop.once(f"import tomllib{HANDLER}", runtime=runtime)
    sentence = (
        "f imports tomllib, which the standard library of python3.10 does not have: choose "
        "another runtime or another module"
    )
    assert said() == [sentence][:count]


def test_a_module_of_the_function_may_have_the_name_of_a_newer_standard_module(workshop, said):
    workshop.write("", name="tomllib.py")
    workshop.once(f"import tomllib{HANDLER}")
    assert said() == []
