# SPDX-License-Identifier: MIT
"""``fc-async dev`` in a terminal: edit, break, mend, look, end."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import fc_async_sdk
from fc_async_sdk import _project_folder
from fc_async_tests.commands import run_in
from fc_async_tests.nodes import wait_for
from fc_async_tests.s_yaml import function, template
from fc_async_tests.terminal import PATIENCE_SECONDS, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fc_async_sdk import Client

TEMPLATE = template(
    "access: default",
    orders="""
        asyncInvokeConfig:
          asyncTask: true
          maxAsyncRetryAttempts: 1
          destinationConfig:
            onSuccess:
              destination: acs:mns:cn-hangzhou:1234567890123456:/queues/done/messages
            onFailure:
              destination: acs:mns:cn-hangzhou:1234567890123456:/queues/failed/messages
        role: acs:ram::1234567890123456:role/shop
    """,
)


SERVICES = ("MNS", "RocketMQ", "EventBus", "OSS")


def handler(version: int) -> str:
    return (
        "def handler(event, context):\n"
        f"    print('version {version} got', event.decode())\n"
        f"    return {version}\n"
    )


@pytest.fixture
def shop(project: Path) -> Path:
    (project / "s.yaml").write_text(TEMPLATE)
    (project / "code" / "index.py").write_text(handler(1))
    return project


@pytest.fixture
def dev(
    shop: Path, clean_environment: Callable[..., dict[str, str]]
) -> Iterator[Callable[..., Terminal]]:
    with contextlib.ExitStack() as closing:

        def start(*arguments: str, columns: int = 100) -> Terminal:
            command = [sys.executable, "-m", "fc_async_plugin", "dev", "--port", "0", *arguments]
            terminal = Terminal(command, shop, clean_environment(), columns=columns)
            closing.callback(terminal.close)
            return terminal

        yield start


def connected(terminal: Terminal) -> Client:
    url = terminal.expect(r"FC API\s+http://127\.0\.0\.1:\d+").split()[-1]
    terminal.expect("Watching")
    return fc_async_sdk.client(endpoint_url=url)


def test_edit_break_mend_and_end_the_loop(dev: Callable[..., Terminal], shop: Path):
    index, template = shop / "code" / "index.py", shop / "s.yaml"
    terminal = dev()
    with connected(terminal) as client:
        client.invoke_async("orders", b"first")
        terminal.expect(r"orders  \w{8}  accepted 1-")
        terminal.expect("│ version 1 got first\n")
        terminal.expect("success event to queue done\n")
        assert re.search(r"attempt 1 of 2 succeeded in \d+ ms: 1\n", terminal.seen)

        index.write_text(handler(2))
        terminal.expect(r"saved code/index.py, deployed in \d+ ms: orders \(new code\)")
        terminal.press("i")
        terminal.expect("│ version 2 got first\n")

        index.write_text("def handler(:\n")
        terminal.expect("code/index.py:1: invalid syntax\n")
        terminal.expect("The last good code stays.")
        terminal.press("i")
        terminal.expect("│ version 2 got first\n")

        template.write_text(TEMPLATE.replace("Attempts: 1", "Attempts: 11"))
        terminal.expect("error FCA012")
        terminal.expect("The last good state stays.")

        index.write_text("def handler(event, context):\n    raise ValueError('no stock')\n")
        terminal.expect(r"orders \(new code\)")
        template.write_text(TEMPLATE.replace("Attempts: 1", "Attempts: 0"))
        terminal.expect(r"saved s.yaml, deployed in \d+ ms: orders \(~ async config\)")
        terminal.press("i")
        terminal.expect("attempt 1 of 1 failed after \\d+ ms, no retry left\n")
        terminal.expect("ValueError: no stock\n")
        terminal.expect(r"code/index.py:2  in handler  raise ValueError\('no stock'\)")

    terminal.press("t")
    terminal.expect("time is real: start with --clock virtual")
    terminal.press("?")
    terminal.expect("invoke the last payload again")
    terminal.press("\x03")
    assert terminal.wait() == 0
    assert terminal.current_modes() == terminal.modes
    assert max(map(len, terminal.seen.splitlines())) <= 100


def test_a_second_start_resumes_what_was_accepted(dev: Callable[..., Terminal]):
    terminal = dev()
    with connected(terminal) as client:
        client.invoke_async("orders", b"later", delay=2)
        terminal.expect("delayed until")
    terminal.press("\x03")
    assert terminal.wait() == 0
    again = dev()
    again.expect("deployed in \\d+ ms: no changes")
    again.expect("│ version 1 got later\n")


def test_virtual_time_moves_to_what_is_due(dev: Callable[..., Terminal]):
    terminal = dev("--clock", "virtual")
    with connected(terminal) as client:
        client.invoke_async("orders", b"tomorrow", delay=3599)
        terminal.expect("delayed until")
        terminal.press("t")
        terminal.expect("│ version 1 got tomorrow\n")
        terminal.expect("time is now")


def test_a_runtime_that_runs_on_the_data_is_used_and_goes_on(dev: Callable[..., Terminal]):
    first = dev()
    with connected(first) as client:
        # Another suite may use the port of debugpy. The runtime has its own ports by now.
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        second = dev("--debug", f"orders:{port}")
        second.expect("Using the local runtime of process \\d+")
        second.expect(f"Debugger of orders \\(debugpy\\) on 127.0.0.1:{port}")
        second.expect("Watching")
        client.invoke_async("orders", b"both")
        for terminal in (first, second):
            terminal.expect("│ version 1 got both\n")
        second.press("\x03")
        assert second.wait() == 0
        client.invoke_async("orders", b"on")
        first.expect("│ version 1 got on\n")


def test_settings_are_for_a_new_runtime_and_not_for_one_that_runs(
    dev: Callable[..., Terminal], shop: Path
):
    (shop / "s.yaml").write_text(TEMPLATE[: TEMPLATE.index("      role:")])
    first = dev("--set", "enforce_roles=true")
    with connected(first) as client:
        client.invoke_async("orders", b"no role")
        first.expect("to queue done: 403 AccessDenied")
        dev("--set", "enforce_roles=false").expect(r"process \d+ keeps its settings")


def test_of_two_that_are_started_at_once_one_uses_the_runtime_of_the_other(
    dev: Callable[..., Terminal],
):
    both = [dev(), dev()]
    for terminal in both:
        terminal.expect("Watching")
    assert sum("Using the local runtime of process" in terminal.seen for terminal in both) == 1


def test_an_import_that_would_be_missing_in_the_cloud_is_shown_once(
    dev: Callable[..., Terminal], shop: Path
):
    (shop / "code" / "index.py").write_text(f"import yaml\n\n\n{handler(1)}")
    terminal = dev()
    with connected(terminal) as client:
        client.invoke_async("orders", b"first")
        terminal.expect("│ version 1 got first\n")
        (shop / "code" / "index.py").write_text(f"import yaml\n\n\n{handler(2)}")
        terminal.expect("new code")
        client.invoke_async("orders", b"second")
        terminal.expect("│ version 2 got second\n")
    assert terminal.seen.count("orders imports yaml from this machine; in the cloud it is") == 1


def test_the_end_of_the_runtime_ends_a_loop_that_uses_it(dev: Callable[..., Terminal]):
    first = dev()
    with connected(first):
        second = dev()
        second.expect("Watching")
        first.press("\x03")
        assert first.wait() == 0
        second.expect("Error: the local runtime is gone")
        assert second.wait() == 1


def test_a_program_reads_one_object_a_line(
    shop: Path, clean_environment: Callable[..., dict[str, str]]
):
    command = [sys.executable, "-m", "fc_async_plugin", "dev", "--port", "0", "--format", "json"]
    with subprocess.Popen(
        command, cwd=shop, env=clean_environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        types = [first["type"]]
        while types[-1] != "watching":
            types.append(json.loads(process.stdout.readline())["type"])
        with fc_async_sdk.client(endpoint_url=first["addresses"]["fc"]) as client:
            client.invoke_async("orders", b"x", task_id="one")
        # Beside the steps come warnings, such as that of another version of Python.
        objects = map(json.loads, iter(process.stdout.readline, ""))
        steps = list(
            itertools.islice((one for one in objects if one.get("kind", "printed") != "printed"), 4)
        )
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0
    assert types[:2] == ["ready", "deployed"]
    assert [step["kind"] for step in steps] == ["accepted", "started", "ended", "delivery"]
    assert {step["taskId"] for step in steps} == {"one"}


def test_output_in_a_file_beside_the_code_is_not_a_save(
    shop: Path, clean_environment: Callable[..., dict[str, str]]
):
    log = shop / "code" / "dev.log"
    command = [sys.executable, "-m", "fc_async_plugin", "dev", "--port", "0"]
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=shop, env=clean_environment(), stdout=output) as process,
    ):
        try:
            wait_for(lambda: "Watching" in log.read_text())
            (shop / "code" / "index.py").write_text(handler(2))
            wait_for(lambda: "saved code/index.py, deployed" in log.read_text())
            (shop / "code" / "other.py").write_text("")
            wait_for(lambda: "saved code/other.py, deployed" in log.read_text())
        finally:
            process.kill()
    assert "dev.log" not in log.read_text()


def test_a_folder_without_a_template_says_what_to_do(project: Path):
    ran = run_in(project, "dev")
    assert ran.code == 1
    assert "no s.yaml and no s.yml in this folder" in ran.err


def test_a_folder_without_a_template_names_those_below_it(project: Path):
    for folder in ("backend", "src", "node_modules"):
        (project / folder).mkdir()
        (project / folder / "s.yaml").write_text(TEMPLATE)
    said = run_in(project, "dev").err
    assert "there is backend/s.yaml, src/s.yaml: name one with -t backend/s.yaml" in said


MAILER = function("mailer", "runtime: java11\nhandler: Mail::send")


def test_a_function_that_cannot_run_here_is_named_and_the_others_run(
    dev: Callable[..., Terminal], shop: Path
):
    draft = "resources:\n  draft: {component: fc3, props: {region: '{{ region }}', code: ./code}}\n"
    (shop / "s.yaml").write_text(TEMPLATE.replace("resources:\n", draft) + MAILER)
    terminal = dev()
    with connected(terminal) as client:
        assert client.invoke("orders", b"{}").payload == b"1"
    (line,) = [one for one in terminal.seen.splitlines() if "java11" in one]
    assert "not deployed: mailer: s.yaml:" in line
    assert "region must be the name of a region" in terminal.seen


ECHO = """\
import http.server, os

class Echo(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(self.path.encode() + b" " + body[: len(body) - len(self.path) - 1])

http.server.HTTPServer(("127.0.0.1", int(os.environ["FC_SERVER_PORT"])), Echo).serve_forever()
"""


@pytest.mark.slow
def test_an_image_runs_by_a_command_that_is_given(dev: Callable[..., Terminal], shop: Path):
    image = MAILER.replace("java11", "custom-container").replace("      code: ./code\n", "")
    (shop / "s.yaml").write_text(TEMPLATE + image)
    (shop / "echo.py").write_text(ECHO)
    with connected(dev("--command", "mailer=python3 echo.py")) as client:
        assert client.invoke("mailer", b"0123456789").payload == b"/invoke 01"
        assert client.invoke("orders", b"{}").payload == b"1"


@pytest.mark.slow
def test_an_image_runs_as_the_dockerfile_beside_its_template_says(
    dev: Callable[..., Terminal], shop: Path
):
    image = MAILER.replace("java11", "custom-container").replace("      code: ./code\n", "")
    (shop / "s.yaml").write_text(TEMPLATE + image)
    (shop / "echo.py").write_text(ECHO)
    (shop / "Dockerfile").write_text("WORKDIR /app\nCMD python3 /app/echo.py\n")
    terminal = dev("-y")
    with connected(terminal) as client:
        assert client.invoke("mailer", b"0123456789").payload == b"/invoke 01"
    assert "mailer: python3 echo.py  (in ., as Dockerfile says)" in terminal.seen


@pytest.fixture
def two_dockerfiles(shop: Path) -> Path:
    """A project with an image of which it does not say how it starts."""
    runtime = "custom-container\n      customContainerConfig: {image: localhost/absent:1}"
    image = MAILER.replace("java11", runtime).replace("      code: ./code\n", "")
    (shop / "s.yaml").write_text(TEMPLATE + image)
    (shop / "echo.py").write_text(ECHO)
    (shop / "Dockerfile").write_text("CMD python3 echo.py\n")
    (shop / "docs").mkdir()
    (shop / "docs" / "Dockerfile").write_text("CMD touch started\n")
    return shop


def test_what_the_project_does_not_say_is_asked_once_and_written_down(
    dev: Callable[..., Terminal], two_dockerfiles: Path
):
    file = two_dockerfiles / "fc-async.toml"
    terminal = dev()
    terminal.expect("mailer is an image, and any of Dockerfile and docs/Dockerfile could be its")
    terminal.expect("Number, or the command that starts mailer")
    terminal.press("7\n")
    terminal.expect("write a number from 1 to 2, or a command")
    terminal.press("1\n")
    terminal.expect("written into fc-async.toml, which you can change: mailer")
    terminal.expect('  start = "python3 echo.py"')
    terminal.expect("Do this now")
    terminal.press("y\n")
    with connected(terminal) as client:
        assert client.invoke("mailer", b"0123456789").payload == b"/invoke 01"
    terminal.press("\x03")
    assert terminal.wait() == 0

    terminal = dev()
    with connected(terminal) as client:
        assert client.invoke("mailer", b"0123456789").payload == b"/invoke 01"
        # A change of the file is a save, and what was not allowed is not started.
        file.write_text(file.read_text().replace("echo.py", "other.py"))
        terminal.expect("deployed in .*mailer")
        assert client.get_function("mailer").runtime == "custom-container"
    assert "Number" not in terminal.seen
    assert "Do this now" not in terminal.seen
    assert not (two_dockerfiles / "docs" / "started").exists()


def test_yes_does_not_answer_what_the_project_does_not_say(
    dev: Callable[..., Terminal], two_dockerfiles: Path
):
    terminal = dev("-y")
    with connected(terminal) as client:
        assert client.invoke("orders").payload == b"1"
        # Neither program is started: the function runs as the image that it is.
        assert client.get_function("mailer").runtime == "custom-container"
    for text in ("fc-async.toml:", 'start = "python3 echo.py"', 'start = "touch started"'):
        assert text in terminal.seen
    assert not (two_dockerfiles / "fc-async.toml").exists()
    assert not (two_dockerfiles / "docs" / "started").exists()


def test_another_version_of_python_is_said_once_before_any_call(
    dev: Callable[..., Terminal], shop: Path
):
    other = "python3.12" if sys.version_info[:2] == (3, 10) else "python3.10"
    (shop / "s.yaml").write_text(TEMPLATE.replace("python3.10", other))
    terminal = dev()
    with connected(terminal) as client:
        before = terminal.seen
        client.invoke("orders")
        terminal.expect("call succeeded")
    assert f"{other} functions run on Python" in before
    assert terminal.seen.count("functions run on Python") == 1


def test_the_start_of_five_functions_with_two_triggers_each_fits_24_rows_of_80_columns(
    dev: Callable[..., Terminal], shop: Path
):
    names = ["orders", "order-mailer", "invoice-generator", "thumbnailer", "report-builder"]
    function = TEMPLATE.partition("resources:\n")[2] + (
        "      triggers:\n"
        "        - {triggerName: http, triggerType: http, triggerConfig: {authType: anonymous,\n"
        "           methods: [GET]}}\n"
        "        - {triggerName: every, triggerType: timer, triggerConfig: {enable: true,\n"
        "           cronExpression: '@every 60m'}}\n"
    )
    texts = [re.sub(r"\borders\b", name, function) for name in names]
    (shop / "s.yaml").write_text(template() + "".join(texts))
    terminal = dev(columns=80)
    terminal.expect("Watching.*\n")
    rows = terminal.seen.splitlines()
    assert len(rows) <= 24, terminal.seen
    said = " ".join(terminal.seen.split())
    for name in [*(f"{one} answers at" for one in names), "FC API", "Console", *SERVICES]:
        assert re.search(rf"\b{name} http://127\.0\.0\.1:\d+", said)


def test_one_resource_of_a_template_runs_alone(dev: Callable[..., Terminal], shop: Path):
    (shop / "s.yaml").write_text(TEMPLATE + MAILER.replace("java11", "python3.10"))
    with connected(dev("--resource", "orders")) as client:
        assert [one.function_name for one in client.list_functions().functions] == ["orders"]


def test_an_unknown_resource_is_refused_with_a_near_name(shop: Path):
    ran = run_in(shop, "dev", "--resource", "order")
    assert "no function under resources: order; did you mean orders?" in ran.err


def test_data_inside_of_a_code_folder_is_refused_unless_it_is_never_packed(
    dev: Callable[..., Terminal], shop: Path
):
    text = (
        "--data code/state is in the code folder of orders, which would contain it: name a folder"
    )
    assert text in run_in(shop, "dev", "--data", "code/state").err
    with connected(dev("--data", "code/.fc-async")) as client:
        assert client.invoke("orders").payload == b"1"


@pytest.fixture
def built(shop: Path) -> Path:
    """A project with a build."""
    build = '    actions: {pre-deploy: [{run: "cp ../built.py index.py", path: ./code}]}\n'
    text = TEMPLATE.replace("    component: fc3\n", f"    component: fc3\n{build}")
    (shop / "s.yaml").write_text(text)
    (shop / "built.py").write_text(handler(7))
    return shop


def answered(dev: Callable[..., Terminal], answer: str, *listed: str) -> Terminal:
    """Start the command, and answer its question, which lists what it is about."""
    terminal = dev()
    for text in (*listed, "Do this now"):
        terminal.expect(text)
    terminal.press(f"{answer}\n")
    return terminal


def test_builds_are_asked_for_once_and_run_again_when_their_files_change(
    dev: Callable[..., Terminal], built: Path
):
    for answer, version, code in (("n", b"1", handler(1)), ("y", b"7", handler(7))):
        terminal = answered(dev, answer, r"  orders: cp ../built.py index.py  \(in code\)")
        with connected(terminal) as client:
            assert client.invoke("orders").payload == version
        terminal.press("\x03")
        assert terminal.wait() == 0
        assert (built / "code" / "index.py").read_text() == code

    (built / "built.py").write_text(handler(8))
    terminal = dev()
    with connected(terminal) as client:
        assert client.invoke("orders").payload == b"7"  # nothing in the folder has changed
        (built / "code" / "main.go").write_text("package main\n")
        terminal.expect(r"orders \(new code\)")
        assert client.invoke("orders").payload == b"8", terminal.seen
        (built / "code" / "requirements.txt").write_text("requests\n")
        terminal.expect(r"not built again: orders: cp \.\./built\.py index\.py  \(in code\);")
    assert "Do this now" not in terminal.seen


def test_packages_of_the_environment_beside_the_template_are_used_without_a_question(
    dev: Callable[..., Terminal], shop: Path
):
    version = f"python3.{sys.version_info.minor}"
    packages = shop / ".venv" / "lib" / version / "site-packages"
    (packages / "left_pad-1.dist-info").mkdir(parents=True)
    (packages / "left_pad-1.dist-info" / "METADATA").write_text("Name: left-pad\nVersion: 1\n")
    (packages / "left_pad.py").write_text("FILL = 'x'\n")
    (shop / "code" / "requirements.txt").write_text("left-pad==1\n")
    (shop / "code" / "index.py").write_text(
        "import left_pad\n\ndef handler(event, context):\n    return left_pad.FILL\n"
    )
    terminal = dev()
    with connected(terminal) as client:
        assert client.invoke("orders").payload == b"x"
    assert "orders: packages of .venv are used; in the cloud" in terminal.seen
    assert "left_pad, which is not on this machine" not in terminal.seen
    assert "Do this now" not in terminal.seen


def test_examples_of_variables_are_taken_after_one_question_until_there_is_a_value(
    dev: Callable[..., Terminal], shop: Path
):
    variables = "      environmentVariables: {KEY: \"${env('KEY_OF_NO_MACHINE')}\"}\n"
    (shop / "s.yaml").write_text(TEMPLATE + variables)
    (shop / "code" / "index.py").write_text(
        "import os\n\ndef handler(event, context):\n    return os.environ.get('KEY')\n"
    )
    (shop / ".env.example").write_text("KEY_OF_NO_MACHINE=example\n")
    for answer, value in (("n", b"null"), ("y", b"example")):
        terminal = answered(
            dev, answer, r"  values from .env.example: KEY_OF_NO_MACHINE \(examples;"
        )
        with connected(terminal) as client:
            assert client.invoke("orders").payload == value
        terminal.press("\x03")
        assert terminal.wait() == 0

    terminal = dev()
    with connected(terminal) as client:
        assert client.invoke("orders").payload == b"example"
        (shop / ".env").write_text("KEY_OF_NO_MACHINE=real\n")
        terminal.expect("saved .env, deployed")
        assert client.invoke("orders").payload == b"real"
    assert "values from .env.example: KEY_OF_NO_MACHINE (exam" in terminal.seen
    assert "Do this now" not in terminal.seen
    (answer,) = (shop / _project_folder.BUILDS).read_text().splitlines()
    assert re.fullmatch(r"[0-9a-f]{64} ", answer)


def test_an_interrupted_build_says_how_to_go_on_and_is_not_asked_for_again(
    dev: Callable[..., Terminal], built: Path
):
    text = (built / "s.yaml").read_text()
    command = "mkdir ../begun || exit 0; kill -INT $PPID; sleep 1000"
    (built / "s.yaml").write_text(text.replace("cp ../built.py index.py", command))
    terminal = answered(dev, "y")
    terminal.expect("Interrupted. Run fc-async dev again")
    assert terminal.wait() == 130
    terminal = dev()
    with connected(terminal) as client:
        assert client.invoke("orders").payload == b"1"
    assert "Do this now" not in terminal.seen


def test_without_a_terminal_nothing_runs_and_one_line_says_how_it_would(
    built: Path, clean_environment: Callable[..., dict[str, str]]
):
    command = [sys.executable, "-m", "fc_async_plugin", "dev", "--port", "0"]
    with subprocess.Popen(
        command,
        cwd=built,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        line = next(one for one in lines if "not done" in one)
        process.send_signal(signal.SIGINT)
        rest = [*lines]
    assert line.partition("  ")[2] == (
        "not done, because no terminal can be asked: orders: cp ../built.py index.py  (in code); "
        "to do it: fc-async dev --port 0 --build --install -y\n"
    )
    assert not any("built.py" in one for one in rest)
    assert (built / "code" / "index.py").read_text() == handler(1)


def test_a_job_of_a_ci_is_not_asked_though_it_has_a_terminal(
    built: Path, clean_environment: Callable[..., dict[str, str]]
):
    command = [sys.executable, "-m", "fc_async_plugin", "dev", "--port", "0"]
    terminal = Terminal(command, built, clean_environment(CI="true"), columns=200)
    with contextlib.closing(terminal):
        terminal.expect("not done, because no terminal can be asked")
    assert "Do this now" not in terminal.seen


WAITS = """\
import os, time

def handler(event, context):
    print("\\x1b[2Jbegan", event.decode())
    context.logger.info("%s of 2", 1)
    while not os.path.exists(os.environ["GATE"]):
        time.sleep(0.01)
    print("went on")
    if event == b"bad":
        raise ValueError("no stock")
"""


def waiting(shop: Path) -> Path:
    """Deploy a function that waits for a file after its first lines."""
    (shop / "code" / "index.py").write_text(WAITS)
    gate = shop.parent / "gate"
    variables = f"      timeout: 60\n      environmentVariables:\n        GATE: {gate}\n"
    (shop / "s.yaml").write_text(TEMPLATE + variables)
    return gate


def test_lines_of_two_functions_that_run_are_shown_as_they_are_printed_and_once(
    dev: Callable[..., Terminal], shop: Path
):
    gate = waiting(shop)
    terminal = dev()
    with connected(terminal) as client:
        for task in ("one", "two"):
            client.invoke_async("orders", task.encode(), task_id=task)
            terminal.expect(rf"\d  orders  {task}  │ \\x1b\[2Jbegan {task}\n")
            terminal.expect(rf"\d  orders  {task}  │ \[INFO\] 1 of 2\n")
        gate.touch()
        terminal.expect("│ went on\n")
        terminal.expect("│ went on\n")
    assert terminal.seen.count("began") == terminal.seen.count("[INFO]") == 2


def test_a_loop_that_joins_shows_what_runs_and_quiet_shows_all_of_a_failure(
    dev: Callable[..., Terminal], shop: Path
):
    gate = waiting(shop)
    terminal = dev("--quiet")
    url = terminal.expect(r"FC API\s+http://127\.0\.0\.1:\d+").split()[-1]
    terminal.expect("Watching")
    with fc_async_sdk.client(endpoint_url=url) as client:
        client.invoke_async("orders", b"bad", task_id="one")
        other = dev()
        other.expect(r"orders  one  │ \\x1b\[2Jbegan bad\n")
        gate.touch()
        other.expect("│ went on\n")
        terminal.expect(
            r"failed after \d+ ms, again at\s+\S+\n {14}│ \\x1b\[2Jbegan bad\n"
            r" {14}│ \[INFO\] 1 of 2\n {14}│ went on\n"
        )
