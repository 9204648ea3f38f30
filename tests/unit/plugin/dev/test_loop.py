# SPDX-License-Identifier: MIT
"""The loop deploys what is on the disk, whenever it was saved."""

from __future__ import annotations

import functools
import signal
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.account import Regions
from fc_async_plugin.dev.deploying import Deployer
from fc_async_plugin.dev.loop import Loop
from fc_async_plugin.dev.runtime import Running
from fc_async_plugin.dev.screen import JsonScreen
from fc_async_tests.s_yaml import template
from fc_async_tests.terminal import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fc_async_local.testing import FcLocal
    from fc_async_plugin.dev.deploying import Result

TEMPLATE = template(orders="")


def save(file: Path, text: str) -> None:
    """Save a file as editors do: whole, or not at all."""
    file.parent.mkdir(exist_ok=True)
    draft = file.with_name(f"{file.name}~")
    draft.write_text(text)
    draft.replace(file)


def write(folder: Path, version: int) -> None:
    save(folder / "index.py", f"def handler(event, context):\n    return {version}\n")


class SavedMeanwhile(Deployer):
    """A deployer; files are saved before it has read them, and after that before it returns."""

    early_saves: list[Callable[[], Any]]
    saves: list[Callable[[], Any]]
    saved_files: list[set[Path]]
    times_everything = 0

    def everything(self) -> Result:
        self.times_everything += 1
        result = super().everything()
        if self.saves:
            self.saves.pop(0)()
        return result

    def saved(self, files: Collection[Path]) -> Result:
        self.saved_files.append(set(files))
        if self.early_saves:
            self.early_saves.pop(0)()
        return super().saved(files)


class Events(SimpleQueue[Any]):
    """Events of a loop; once it is closed nothing happens any more but the end."""

    _closed = False

    def close(self) -> None:
        self._closed = True

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if not self._closed or item.func.__name__ == "end":
            super().put(item, block, timeout)


class Session:
    """One run of the loop on a project."""

    def __init__(self, project: Path, fc: FcLocal) -> None:
        self.project = project
        self.lines: list[str] = []
        self._fc = fc
        self.events = Events()
        (project / "s.yaml").write_text(TEMPLATE)
        self.deployer = SavedMeanwhile(
            lambda: [s_yaml.load(project / "s.yaml", account_id="1234567890123456")],
            Regions(lambda _: fc.client),
            files={project / "s.yaml"},
            folder=project / "kept",
        )
        self.deployer.early_saves = []
        self.deployer.saves = []
        self.deployer.saved_files = []

    def answer(self) -> bytes:
        return self._fc.client.invoke("orders").payload

    def run(self, *steps: tuple[Callable[[], bool], Callable[[], Any]]) -> None:
        """Run the loop until all steps are done; each has a condition and what is done then."""
        addresses = self._fc.runtime.addresses
        ended, events = threading.Event(), self.events

        def follow() -> None:
            for condition, action in steps:
                while not condition():
                    if ended.wait(0.02):
                        return
                action()
            events.put(functools.partial(loop.end))

        screen = JsonScreen(self.lines.append, quiet=False)
        loop = Loop(Running(addresses, attached=True), self.deployer, screen, events)
        end = functools.partial(loop.end, "too late")
        late = threading.Timer(PATIENCE_SECONDS, lambda: events.put(end))
        looking = threading.Thread(target=follow)
        late.start()
        looking.start()
        try:
            assert loop.run() == "", self.lines
        finally:
            ended.set()
            late.cancel()
            looking.join()

    def said(self, kind: str) -> list[str]:
        found = [msgspec.json.decode(line) for line in self.lines]
        return [one["message"] for one in found if one["type"] == kind]


@pytest.fixture
def session(tmp_path: Path, fc_local: FcLocal) -> Session:
    write(tmp_path / "code", 1)
    return Session(tmp_path, fc_local)


def nothing() -> None:
    pass


def test_a_save_during_the_first_deployment_is_deployed(session: Session):
    session.deployer.saves = [lambda: write(session.project / "code", 2)]
    session.run(
        (lambda: bool(session.said("watching")), nothing),
        (lambda: session.answer() == b"2", nothing),
    )


def test_a_save_that_is_written_in_pieces_is_said_once(session: Session):
    template = session.project / "s.yaml"
    changed = f"{TEMPLATE}      timeout: 9\n"

    def write_in_pieces() -> None:
        session.deployer.early_saves = [lambda: template.write_text(changed)]
        template.write_text("")

    session.run(
        # The second time is when the folders are watched.
        (lambda: session.deployer.times_everything > 1, write_in_pieces),
        (lambda: session.deployer.saved_files.count({template}) > 1, nothing),
    )
    assert [text.split(": ")[-1] for text in session.said("saved")] == ["orders (~ function)"]


def main_thread_waits() -> bool:
    return Path("/proc/self/stat").read_text().rpartition(")")[2].split()[0] == "S"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="states of threads: Linux")
def test_a_signal_that_does_not_interrupt_the_wait_ends_it(session: Session):
    # Another thread gets it. One that arrives just before the wait does not interrupt it, either.
    def signal_this_thread() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    session.run(
        (lambda: bool(session.said("watching")), session.events.close),
        (main_thread_waits, signal_this_thread),
        (lambda: False, nothing),
    )


def test_a_save_after_a_template_that_moves_the_code_is_deployed(session: Session):
    write(session.project / "moved", 2)

    def move() -> None:
        session.deployer.saves = [lambda: write(session.project / "moved", 3)]
        save(session.project / "s.yaml", TEMPLATE.replace("./code", "./moved"))

    session.run(
        (lambda: bool(session.said("watching")), move),
        (lambda: session.answer() == b"3", nothing),
    )


BROKEN = TEMPLATE + "      asyncInvokeConfig:\n        maxAsyncRetryAttempts: 11\n"


def test_of_a_template_that_is_broken_at_the_start_no_state_stays(session: Session):
    template = session.project / "s.yaml"
    template.write_text(BROKEN)
    session.run(
        (lambda: bool(session.said("watching")), lambda: save(template, TEMPLATE)),
        (lambda: bool(session.said("saved")), lambda: save(template, BROKEN)),
        (lambda: len(session.said("refused")) > 1, nothing),
    )
    assert session.said("refused") == ["Nothing was deployed.", "The last good state stays."]


def test_of_a_file_that_is_broken_at_the_start_no_code_stays(session: Session):
    index = session.project / "code" / "index.py"
    index.write_text("def handler(:\n")
    session.run(
        (lambda: bool(session.said("watching")), lambda: write(index.parent, 1)),
        (lambda: bool(session.said("saved")), lambda: save(index, "def handler(:\n")),
        (lambda: len(session.said("broken")) > 1, nothing),
    )
    # A save is said once more if it came while the loop began to watch the folder.
    last_lines = dict.fromkeys(text.splitlines()[-1] for text in session.said("broken"))
    assert list(last_lines) == ["Nothing was deployed from it.", "The last good code stays."]


def test_what_is_not_deployed_is_named_once(session: Session):
    template = session.project / "s.yaml"
    more = "      customDomain:\n        domainName: shop.example.com\n"
    template.write_text(TEMPLATE + more)
    changed = f"{TEMPLATE}{more}      timeout: 9\n"
    session.run(
        (lambda: bool(session.said("watching")), lambda: save(template, changed)),
        (lambda: bool(session.said("saved")), nothing),
    )
    sentence = "not deployed by fc-async: customDomain of orders (use s deploy)"
    assert session.said("note") == [sentence]


def test_the_url_of_an_http_trigger_is_said_once(session: Session):
    template = session.project / "s.yaml"
    http = "{triggerName: web, triggerType: http, triggerConfig: {methods: [GET]}}"
    template.write_text(f"{TEMPLATE}      triggers: [{http}]\n")
    changed = template.read_text() + "      timeout: 9\n"
    session.run(
        (lambda: bool(session.said("watching")), lambda: save(template, changed)),
        (lambda: bool(session.said("saved")), nothing),
    )
    [url] = session.said("url")
    assert url.startswith("orders answers at http://")
    assert url.endswith("/orders/web")


class Interrupted(list[str]):
    """Lines that are printed; a signal comes in the middle of many steps."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def append(self, line: str) -> None:
        super().append(line)
        if msgspec.json.decode(line)["type"] == "step" and self.steps() == 1:
            for _ in range(9):  # while the first one is printed
                self._session.answer()
            signal.raise_signal(signal.SIGINT)

    def steps(self) -> int:
        return sum(msgspec.json.decode(line)["type"] == "step" for line in self)


def test_a_signal_ends_the_loop_before_the_steps_that_wait_to_be_printed(session: Session):
    session.lines = lines = Interrupted(session)
    session.run((lambda: bool(session.said("watching")), session.answer), (lambda: False, nothing))
    assert lines.steps() == 1
