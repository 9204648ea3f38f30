# SPDX-License-Identifier: MIT
"""Commands use the local runtime that runs on the folder, and say so."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from fc_async_plugin.cli.group import run
from fc_async_sdk import _project_folder
from fc_async_tests import runtime_requests as requests
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fc_async_local.testing import FcLocal

TEMPLATE = template(
    orders="asyncInvokeConfig: {asyncTask: true, maxAsyncRetryAttempts: 0}",
)
NOTE = "Using the local runtime of this folder, "
KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "any", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "any"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fc_local: FcLocal) -> Path:
    """A project in whose data folder a runtime runs; keys of an account are nowhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("FC_ASYNC_ENDPOINT", "FC_ASYNC_REGION", *KEYS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    (tmp_path / "s.yaml").write_text(TEMPLATE)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_text("def handler(event, context): ...\n")
    data = tmp_path / ".fc-async" / "runtime"
    _project_folder.make_private(data)
    health = requests.get(f"{fc_local.endpoint}/_local/health", timeout=10)
    (data / "addresses.json").write_bytes(health.content)
    fc_local.deploy("orders", lambda event, _: json.loads(event), async_config={"asyncTask": True})
    return tmp_path


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of an account in the environment: without the runtime, commands would use them."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def type_in(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(list(arguments))
        return (code, *capsys.readouterr())

    return type_in


@pytest.fixture
def order(fc_local: FcLocal, typed: Callable[..., tuple[int, str, str]]) -> str:
    """A task that has ended."""
    typed("invoke", "orders", "{}", "--task-id", "order-7")
    fc_local.run_until_idle()
    return "order-7"


@pytest.mark.parametrize(
    "command",
    [
        ["invoke", "orders", "{}"],
        ["tasks", "list", "orders"],
        ["metrics", "orders"],
        ["triggers", "list"],
        ["validate", "--live"],
        ["graph", "--counts"],
        ["doctor"],
    ],
    ids=" ".join,
)
def test_a_command_finds_the_runtime_and_says_so_in_one_line(
    command: list[str], typed, fc_local: FcLocal
) -> None:
    code, out, err = typed(*command)
    assert code == 0
    assert NOTE not in out
    assert [line for line in err.splitlines() if NOTE in line] == [
        f"{NOTE}{fc_local.endpoint} (an account: -a, --region)"
    ]


@pytest.mark.parametrize("command", [["validate"], ["graph"]], ids=" ".join)
def test_a_command_that_needs_no_account_looks_for_no_runtime(command: list[str], typed) -> None:
    assert NOTE not in typed(*command)[2]


@pytest.mark.parametrize("named", [["--region", "cn-hangzhou"], ["-a", "shop"]], ids=" ".join)
def test_options_that_name_an_account_lead_to_it(named: list[str], typed) -> None:
    code, _, err = typed("tasks", "list", "orders", *named)
    assert code == 1
    assert NOTE not in err


def test_an_endpoint_in_the_environment_is_the_one_that_is_used(
    typed, monkeypatch: pytest.MonkeyPatch, fc_local: FcLocal
) -> None:
    monkeypatch.setenv("FC_ASYNC_ENDPOINT", fc_local.endpoint)
    code, _, err = typed("tasks", "list", "orders")
    assert (code, err) == (0, f"Using {fc_local.endpoint} (FC_ASYNC_ENDPOINT)\n")


@pytest.mark.usefixtures("keys")
def test_a_region_in_the_environment_does_not_take_a_command_to_an_account(
    typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a shell where it is set for programs: a deployment meant for here went to the cloud."""
    monkeypatch.setenv("FC_ASYNC_REGION", "cn-hangzhou")
    code, _, err = typed("tasks", "list", "orders")
    assert (code, NOTE in err) == (0, True)


@pytest.mark.parametrize(
    "command",
    [
        ["invoke", "x"],
        ["tasks", "list"],
        ["tasks", "get", "x", "t"],
        ["failures"],
        ["metrics", "x"],
    ],
    ids=" ".join,
)
def test_without_a_template_the_region_is_that_of_the_environment(
    command: list[str], here: Path, typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "s.yaml").unlink()
    (here / ".fc-async" / "runtime" / "addresses.json").unlink()
    code, _, err = typed(*command)
    assert (code, "no template here names the region of" in err) == (1, True)
    assert "Use --region ID, or the folder of the template or of the local runtime." in err
    monkeypatch.setenv("FC_ASYNC_REGION", "cn-hangzhou")
    assert "no credentials found" in typed(*command)[2]


def test_a_runtime_that_is_gone_is_not_used(here: Path, typed) -> None:
    file = here / ".fc-async" / "runtime" / "addresses.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "pid": 1}))
    assert NOTE not in typed("tasks", "list", "orders")[2]


@pytest.fixture
def hangs_up() -> Iterator[str]:
    """A port that takes connections and answers nothing, as that of a process that is ending."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    server.accept()[0].close()

        thread = threading.Thread(target=accept)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("command", [["deploy", "-y"], ["tasks", "list", "orders"]], ids=" ".join)
def test_a_command_does_not_go_to_an_account_because_the_runtime_does_not_answer(
    command: list[str], here: Path, typed, hangs_up: str
) -> None:
    """As while ``fc-async dev`` is stopped with Ctrl-Z."""
    file = here / ".fc-async" / "runtime" / "addresses.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "fc": hangs_up}))
    code, out, err = typed(*command)
    assert (code, out) == (1, "")
    assert f"does not answer at {hangs_up}" in err
    assert "-a or --region" in err


WRITES = [
    ["deploy"],
    ["remove"],
    ["tasks", "stop", "orders", "order-7"],
    ["tasks", "replay", "orders", "order-7"],
]


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("command", WRITES, ids=" ".join)
def test_a_write_that_would_have_gone_to_an_account_asks(
    command: list[str], typed, order: str, fc_local: FcLocal
) -> None:
    """Without a terminal it is refused."""
    before = fc_local.client.get_async_invoke_config("orders")
    code, _, err = typed(*command)
    assert code == 1
    assert "use -y" in err
    assert fc_local.client.get_async_invoke_config("orders") == before
    assert [one.task_id for one in fc_local.client.list_async_tasks("orders").tasks] == [order]


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("command", WRITES, ids=" ".join)
def test_the_question_names_the_runtime(
    command: list[str], typed, order: str, fc_local: FcLocal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    _, _, err = typed(*command)
    (question,) = (line for line in err.splitlines() if "[y/N]" in line)
    assert fc_local.endpoint in question


class Terminal(io.StringIO):
    """An answer that is typed."""

    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("keys")
def test_a_write_that_was_agreed_to_goes_to_the_runtime(typed, order: str) -> None:
    code, out, err = typed("tasks", "replay", "orders", order, "-y")
    assert (code, out) == (0, "order-7: accepted as order-7-replay-1\n")
    assert NOTE in err


def test_without_keys_of_an_account_nothing_is_asked(typed, order: str) -> None:
    assert typed("tasks", "replay", "orders", order)[0] == 0


@pytest.mark.usefixtures("keys")
def test_a_plan_in_a_file_is_applied_where_it_was_made_for(
    here: Path, typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = here / "plan.json"
    assert typed("plan", "--out", str(made))[0] == 2
    saved = json.loads(made.read_text())
    made.write_text(json.dumps({**saved, "endpoint": "http://127.0.0.1:9"}))
    code, _, err = typed("deploy", "--from-plan", str(made), "-y")
    assert code == 1
    assert NOTE not in err
    assert "127.0.0.1:9" in err
