# SPDX-License-Identifier: MIT
"""What a cloned repository brings in ``.fc-async`` is neither read, nor run, nor written."""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

import fc_async_sdk
from fc_async_local.embedded import LocalRuntime
from fc_async_local.http.tls import Authority
from fc_async_sdk import _project_folder
from fc_async_tests.code import archive
from fc_async_tests.commands import Ran, run
from fc_async_tests.s_yaml import template
from fc_async_tests.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEMPLATE = template(orders="")
KEYS = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAImadeupkey",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "madeupsecret",
    "ALIBABA_CLOUD_SECURITY_TOKEN": "madeuptoken",
}
REFUSED = ".fc-async was not made here by this user: it came with a repository"
READERS = [
    ["plan"],
    ["doctor"],
    ["invoke", "orders", '{"card": "4242"}'],
    ["tasks", "list", "orders"],
    ["deploy", "-y", "--with-functions"],
    ["dev", "--port", "0"],
]


class Listener(BaseHTTPRequestHandler):
    """A server that says that it is the runtime of the folder, and keeps what it was sent."""

    requests: ClassVar[list[tuple[str, dict[str, str]]]] = []
    health: ClassVar[dict[str, object]] = {}

    def do_GET(self) -> None:
        self.requests.append((self.path, dict(self.headers)))
        body = json.dumps(self.health).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 -- likewise

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def listener() -> Iterator[type[Listener]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Listener.requests.clear()
    url = f"http://127.0.0.1:{server.server_port}"
    names = ("fc", "console", "mns", "rocketmq", "eventbridge", "oss")
    place = {"account_id": "1", "region": "cn-hangzhou", "data": "x", "pid": 1, "status": "ok"}
    Listener.health = {**dict.fromkeys(names, url), **place}
    yield Listener
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cloned project, in whose folder the user works with keys of an account."""
    (project / "s.yaml").write_text(TEMPLATE)
    monkeypatch.chdir(project)
    monkeypatch.setenv("HOME", str(project.parent / "home"))
    monkeypatch.setenv("NO_COLOR", "1")
    for name in ("FC_ASYNC_ENDPOINT", "FC_ASYNC_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return project


@pytest.fixture
def fc_async(
    repository: Path, clean_environment: Callable[..., dict[str, str]]
) -> Callable[..., Ran]:
    """Runs ``fc-async`` in a process of its own, with keys of an account and without a terminal."""

    def start(*arguments: str, **more: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "fc_async_plugin", *arguments],
            cwd=repository,
            env=clean_environment(**KEYS, CI="true", **more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return start


def brings(repository: Path, name: str, content: str | bytes) -> Path:
    """Add a file below ``.fc-async`` to what was cloned."""
    file = repository / ".fc-async" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@pytest.mark.parametrize("command", [[], *READERS], ids=" ".join)
def test_no_request_goes_to_the_server_that_a_repository_names_as_the_runtime(
    repository: Path, listener: type[Listener], command: list[str]
) -> None:
    """It got payloads, code, environment variables and signatures with the user's keys."""
    brings(repository, "runtime/addresses.json", json.dumps(listener.health))
    ran = run(*command)
    assert listener.requests == []
    assert (ran.code == 0) == (command == [])
    [line] = [one for one in ran.said.splitlines() if REFUSED in one]
    assert "Remove it; if all in it is yours: fc-async local trust" in line


@pytest.mark.parametrize("part", ["fc", "mns", "oss"])
@pytest.mark.parametrize("command", [["tasks", "list", "orders"], ["deploy", "-y"]], ids=" ".join)
def test_the_runtime_of_a_folder_is_never_on_another_machine(
    repository: Path,
    listener: type[Listener],
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    part: str,
) -> None:
    """Not even if a program of the user has written its address."""
    _project_folder.make_private(repository / _project_folder.RUNTIME)
    asked: list[object] = []

    def look_up(host: object, *_: object, **__: object) -> list[object]:
        asked.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "no such host")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    told = {**listener.health, part: "https://evil.example"}
    brings(repository, "runtime/addresses.json", json.dumps(told))
    ran = run(*command)
    assert "evil.example" not in {*asked}
    assert "Using the local runtime" not in ran.said
    assert listener.requests == []


def test_a_runtime_of_the_folder_is_asked_with_no_key_of_the_user(
    repository: Path, listener: type[Listener]
) -> None:
    _project_folder.make_private(repository / _project_folder.RUNTIME)
    brings(repository, "runtime/addresses.json", json.dumps(listener.health))
    run("tasks", "list", "orders")
    sent = [str(headers) for _, headers in listener.requests]
    assert sent
    assert [one for one in sent if any(value in one for value in KEYS.values())] == []


def test_answers_of_a_repository_allow_no_build(
    repository: Path, fc_async: Callable[..., Ran]
) -> None:
    command = "touch ../built"
    build = f"    actions:\n      pre-deploy:\n        - {{run: '{command}', path: ./code}}\n"
    (repository / "s.yaml").write_text(TEMPLATE + build)
    place = (repository / "code").resolve()
    guesses = [
        hashlib.sha256("\0".join([name, str(place), command]).encode()).hexdigest()
        for name in (platform.node(), "localhost", "")
    ]
    answers = brings(repository, "builds/allowed", "".join(f"{one} \n" for one in guesses))
    ran = fc_async("dev", "--port", "0")
    assert (ran.code, REFUSED in ran.err) == (1, True)
    assert not (repository / "built").exists()

    shutil.rmtree(repository / ".fc-async")
    _project_folder.make_private(answers.parent)
    answers.write_text("".join(f"{one} \n" for one in guesses))
    ran = stopped_when_ready(repository, {**os.environ, **KEYS, "CI": "true"})
    assert "not done, because no terminal can be asked: orders: touch ../built" in ran
    assert not (repository / "built").exists()


def stopped_when_ready(folder: Path, environment: dict[str, str], *options: str) -> str:
    """Run ``fc-async dev`` until it watches; return what it said."""
    with subprocess.Popen(
        [sys.executable, "-m", "fc_async_plugin", "dev", "--port", "0", *options],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "Watching" in line:
                process.send_signal(signal.SIGINT)
        return "".join(said)


@pytest.mark.parametrize(
    ("link", "command"),
    [
        ("runtime/fc-async.db.lock", ["dev", "--port", "0"]),
        ("runtime/fc-async.db.lock", ["local", "start", "--port", "0"]),
        ("builds/allowed", ["dev", "--port", "0", "-y"]),
        ("deploy", ["deploy", "-y", "--endpoint", "http://127.0.0.1:9"]),
    ],
    ids=str,
)
def test_files_of_the_user_are_not_written_through_links_of_a_repository(
    repository: Path, fc_async: Callable[..., Ran], link: str, command: list[str]
) -> None:
    victim = repository.parent / "authorized_keys"
    victim.write_text("ssh-ed25519 AAAA you\n")
    place = repository / ".fc-async" / link
    place.parent.mkdir(parents=True)
    place.symlink_to(victim)
    ran = fc_async(*command)
    assert ran.code == 1
    assert "not made here by this user" in ran.err or "has a link" in ran.err
    assert victim.read_text() == "ssh-ed25519 AAAA you\n"


def test_an_invocation_in_the_database_of_a_repository_does_not_run(
    repository: Path, fc_async: Callable[..., Ran], tmp_path: Path
) -> None:
    ran_at = tmp_path / "ran"
    handler = f"def handler(event, context):\n    open({str(ran_at)!r}, 'w').close()\n"
    with LocalRuntime(data=tmp_path / "made", port=0) as theirs:
        client = fc_async_sdk.client(region_name="cn-hangzhou", endpoint_url=theirs.endpoint)
        client.create_function(
            "hidden",
            runtime="python3.10",
            handler="index.handler",
            code=archive(handler),
        )
        client.invoke_async("hidden", b"{}", delay=1)
        client.close()
    shutil.copytree(tmp_path / "made", repository / ".fc-async" / "runtime")
    for command in (["dev", "--port", "0"], ["local", "start", "--port", "0"]):
        ran = fc_async(*command)
        assert (ran.code, REFUSED in ran.err) == (1, True)
    assert not ran_at.exists()


def test_a_certificate_authority_of_a_repository_is_not_trusted(
    repository: Path, fc_async: Callable[..., Ran]
) -> None:
    made = repository.parent / "made"
    Authority.of(made)
    shutil.copytree(made / "tls", repository / ".fc-async" / "runtime" / "tls")
    ran = fc_async("dev", "--trust")
    assert (ran.code, REFUSED in ran.err, ran.out) == (1, True, "")


@pytest.mark.parametrize("doubt", ["others can read it", "another user's"])
def test_the_key_of_a_certificate_authority_that_others_know_is_replaced(
    repository: Path, fc_async: Callable[..., Ran], doubt: str
) -> None:
    """Its author could read what programs send to the real cloud."""
    data = repository.parent / "state"
    Authority.of(data)
    key, authority = data / "tls" / "ca-key.pem", data / "tls" / "ca.pem"
    before = authority.read_bytes()
    if doubt == "others can read it":
        key.chmod(0o644)
    elif os.geteuid():
        pytest.skip("only root can give a file to another user")
    else:
        os.chown(key, 65_534, 65_534)
    assert fc_async("dev", "--trust", "--data", str(data)).code == 0
    assert authority.read_bytes() != before
    assert key.lstat().st_uid == os.geteuid()
    assert key.lstat().st_mode & 0o177_777 == 0o100_600


@pytest.mark.parametrize("command", [["dev"], ["local", "start"]], ids=" ".join)
@pytest.mark.parametrize("doubt", ["others can write", "another user's", "a link of another user"])
def test_a_data_folder_of_other_users_is_refused_and_left_as_it_is(
    repository: Path, fc_async: Callable[..., Ran], command: list[str], doubt: str
) -> None:
    data = repository.parent / "shared"
    data.mkdir()
    victim = repository.parent / "victim"
    victim.write_text("mine\n")
    said = "can be written by other users"
    if doubt == "others can write":
        data.chmod(0o777)
    elif doubt == "a link of another user":
        (data / "fc-async.db.lock").symlink_to(victim)
        said = "has a link, fc-async.db.lock: remove the link"
    elif os.geteuid():
        pytest.skip("only root can give a folder to another user")
    else:
        os.chown(data, 65_534, 65_534)
        said = "belongs to user 65534, not to you"
    before = [*data.iterdir()]
    ran = fc_async(*command, "--port", "0", "--data", str(data))
    assert (ran.code, said in ran.err) == (1, True), ran.err
    assert [*data.iterdir()] == before
    assert victim.read_text() == "mine\n"


def test_a_loop_that_was_killed_leaves_no_code_in_the_folder_of_all_users(
    repository: Path, clean_environment: Callable[..., dict[str, str]]
) -> None:
    common = repository.parent / "tmp"
    common.mkdir()
    command = [sys.executable, "-m", "fc_async_plugin", "dev", "--port", "0"]
    environment = clean_environment(TMPDIR=str(common))
    runs = repository / ".fc-async" / "runtime" / "dev"

    def folders() -> list[Path]:
        return [one for one in runs.iterdir() if one.is_dir()]

    first = Terminal(command, repository, environment, columns=100)
    first.expect("Watching")
    [left] = folders()
    (left / "orders.zip").write_bytes(b"code")
    first.close()  # by SIGKILL
    assert [one for one in common.iterdir() if one.name.startswith("fc-async-dev-")] == []
    assert left.exists()

    second = Terminal(command, repository, environment, columns=100)
    second.expect("Watching")
    assert left not in folders()
    second.press("\x03")
    assert second.wait() == 0
    second.close()
    assert folders() == []


def test_a_folder_of_an_earlier_version_is_taken_after_its_user_has_seen_it(
    repository: Path,
) -> None:
    brings(repository, "runtime/fc-async.db", b"SQLite")
    (repository / ".fc-async").chmod(0o700)
    refused = run("local", "trust")
    assert (refused.code, "cannot prompt" in refused.err) == (1, True)
    assert "runtime/fc-async.db  6 bytes  functions, and invocations that the next start runs" in (
        refused.err
    )
    assert not (repository / ".fc-async" / "mark").exists()
    assert run("local", "trust", "-y").out == ".fc-async is yours.\n"
    assert run("local", "trust").out == ".fc-async is yours already.\n"
    assert REFUSED not in run("tasks", "list", "orders").err


def test_a_folder_with_links_is_not_taken_before_they_are_removed(repository: Path) -> None:
    brings(repository, "runtime/fc-async.db", b"SQLite")
    (repository / ".fc-async").chmod(0o700)
    (repository / ".fc-async" / "runtime" / "fc-async.db.lock").symlink_to("/etc/passwd")
    run("local", "trust", "-y")
    assert "has a link, runtime/fc-async.db.lock" in run("dev").err


@pytest.mark.parametrize(("options", "passed"), [((), False), (("--pass-keys",), True)], ids=str)
def test_a_build_sees_no_key_of_the_cloud_unless_it_is_passed(
    repository: Path, options: tuple[str, ...], passed: bool
) -> None:
    build = "    actions:\n      pre-deploy:\n        - {run: 'env > ../seen', path: ./code}\n"
    (repository / "s.yaml").write_text(TEMPLATE + build)
    (repository / ".env").write_text("AccessKeySecret=oftheproject\nOTHER=kept\n")
    environment = {**os.environ, **KEYS, "FC_ASYNC_TOKEN": "madeuptoken"}
    said = stopped_when_ready(repository, environment, "-y", *options)
    seen = (repository / "seen").read_text()
    secrets = [*KEYS.values(), "oftheproject"]
    assert [one in seen for one in secrets] == [passed] * len(secrets)
    assert "OTHER=kept" in seen
    assert ("with your keys" if passed else "without your keys of the cloud") in said


HOSTILE: dict[str, str] = {
    ".vscode/settings.json": "{}",
    ".env": "PATH=./bin\nLD_PRELOAD=./bin/evil.so\nPYTHONPATH=.\nNODE_OPTIONS=-r ./evil.js\n",
    "sitecustomize.py": "raise SystemExit('ran')\n",
    "conftest.py": "raise SystemExit('ran')\n",
    "bin/git": "#!/bin/sh\ntouch ran\n",
    ".git/config": "[core]\n  fsmonitor = touch ran\n  hooksPath = bin\n",
    ".git/HEAD": "ref: refs/heads/main\n",
}


SHADOWS = ("click", "email", "json", "msgspec", "requests", "runpy", "typing", "yaml", "index")
MODULES = [f"{folder}{name}.py" for name in SHADOWS for folder in ("", "code/")]
BUILD = "    actions:\n      pre-deploy:\n        - {run: 'touch ran', path: ./code}\n"
READS = ["validate", "plan", "graph", "policy", "doctor", "failures", "alarms", ""]

ASKS = {"plan", "doctor", "failures", "validate --live", "graph --counts"}
"""Commands that ask the endpoint; the others send no request."""


def ports_of(local: LocalRuntime) -> set[str]:
    """Return the ports of a runtime."""
    addresses = local.addresses
    urls = (local.endpoint, addresses.mns, addresses.rocketmq, addresses.eventbridge, addresses.oss)
    return {url.rpartition(":")[2] for url in urls}


@pytest.fixture
def hostile(repository: Path) -> Path:
    """The repository with modules, programs and settings that act when they are loaded."""
    for name, text in {**HOSTILE, **dict.fromkeys(MODULES, "raise SystemExit('ran')\n")}.items():
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text(text)
    (repository / "bin" / "git").chmod(0o755)
    (repository / "s.yaml").write_text(TEMPLATE + BUILD)
    return repository


@pytest.fixture
def traced(
    hostile: Path,
    clean_environment: Callable[..., dict[str, str]],
    cannot_run: Callable[[str], object],
) -> Callable[..., tuple[Ran, list[str]]]:
    """Runs a command and returns the system calls that start programs, open files and connect."""
    tracer = shutil.which("strace") or cannot_run("there is no strace on this machine")
    names = "trace=execve,execveat,openat,open,connect"

    def start(command: str, **more: str) -> tuple[Ran, list[str]]:
        log = hostile.parent / "trace"
        program = Path(sys.executable).with_name("fc-async")
        done = subprocess.run(
            [str(tracer), "-f", "-o", str(log), "-e", names, str(program), *command.split()],
            cwd=hostile,
            env=clean_environment(HOME=str(hostile.parent / "home"), **more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        calls = log.read_text("utf-8", "replace").splitlines()
        return Ran(done.returncode, done.stdout, done.stderr), calls

    return start


def check_that_nothing_ran(repository: Path, ran: Ran, calls: list[str]) -> None:
    assert len([call for call in calls if "execve" in call]) == 1
    # The code of functions is read, as text; modules beside the template are not even opened.
    beside = {name for name in MODULES if "/" not in name}
    files = {call.split('"')[1] for call in calls if '"' in call and "ENOENT" not in call}
    opened = {file.removeprefix(f"{repository}/") for file in files}
    assert opened & beside == set()
    assert [file for file in opened if file.startswith(("__pycache__", "code/__pycache__"))] == []
    assert "ran" not in ran.err.split()
    assert not (repository / "ran").exists()
    assert not (repository / "code" / "ran").exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", READS)
def test_a_command_that_reads_runs_no_program_and_no_module_of_a_repository(
    hostile: Path, traced: Callable[..., tuple[Ran, list[str]]], command: str
) -> None:
    ran, calls = traced(command)
    check_that_nothing_ran(hostile, ran, calls)


@pytest.mark.slow
@pytest.mark.parametrize("command", [*READS, "validate --live", "graph --counts"])
def test_a_command_that_reads_with_keys_goes_to_the_endpoint_of_the_user_alone(
    hostile: Path,
    traced: Callable[..., tuple[Ran, list[str]]],
    listener: type[Listener],
    tmp_path: Path,
    command: str,
) -> None:
    """Not to one that the repository names, and no address gets a key of the user's."""
    theirs = str(listener.health["fc"])
    hostile_name = f"      endpoint: {theirs}\n"
    (hostile / "s.yaml").write_text(TEMPLATE + hostile_name + BUILD)
    variables = ("FC_ASYNC_ENDPOINT", "FC_ASYNC_MNS_ENDPOINT", "HTTP_PROXY", "ALL_PROXY")
    with (hostile / ".env").open("a") as file:
        file.writelines(f"{name}={theirs}\n" for name in variables)
    (hostile / "fc-async.toml").write_text(f'[env]\nFC_ASYNC_ENDPOINT = "{theirs}"\n')
    with LocalRuntime(data=tmp_path / "data", port=0) as local:
        ran, calls = traced(command, **KEYS, FC_ASYNC_ENDPOINT=local.endpoint)
        own = ports_of(local)
    check_that_nothing_ran(hostile, ran, calls)
    connected = {match[1] for call in calls if (match := re.search(r"htons\((\d+)\)", call))}
    assert connected <= own
    assert bool(connected) == (command in ASKS), ran.said
    assert listener.requests == []
    assert [value for value in KEYS.values() if value in ran.said] == []
