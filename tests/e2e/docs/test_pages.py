# SPDX-License-Identifier: MIT
"""Every block of every page is run: commands, Python, files and templates do what the page says.

``FC_ASYNC_WRITE_PAGES=1 pytest tests/e2e/docs/test_pages.py`` writes what commands print into the
pages.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import runpy
import shutil
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from fc_async_local.embedded import LocalRuntime
from fc_async_plugin.report import moments
from fc_async_sdk.events import handler
from fc_async_sdk.pacing import Pace
from fc_async_sdk.payloads import FolderStore
from fc_async_sdk.stores import MemoryStore, SqliteStore
from fc_async_tests.pages import BIN, Block, Reader, blocks, differs, ids_differ, place, steps
from fc_async_tests.s_yaml import template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

    from fc_async_local.functions.fields import AsyncConfigFields
    from fc_async_local.testing import FcLocal

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
NOT_PAGES = {"_build", "decisions", "locale"}
"""Folders of docs/ without pages for users: what was built, records, translations."""

PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    if not NOT_PAGES & set(path.relative_to(ROOT).parts)
}

EXAMPLES = "docs/reference/cli.md"
"""A page whose blocks are examples, each for itself; all other pages are one session."""

COMMANDS_IN_CELLS = "docs/how-to/troubleshooting.md"
"""A page whose commands stand in the cells of tables."""

CHECKED_ELSEWHERE = {
    ("docs/reference/cli.md", "text"): "docs/cli_reference.py makes it from the commands",
    ("docs/how-to/dev.md", "text"): "test_dev_recordings.py compares it, test_dev_loop.py answers",
    ("docs/how-to/reading-tasks.md", "text"): "tests/unit/docs/test_reading_tasks.py compares it",
    ("docs/where-things-live.md", "text"): "tests/unit/docs/test_where_things_live.py compares it",
    ("docs/how-to/validate.md", "yaml"): "tests/e2e/plugin/test_validate_integrations.py runs it",
    ("README.md", "sh"): "tests/stories/first_five_minutes.sh runs it from a clone",
    ("docs/how-to/to-your-account.md", "console"): "tests/stories/account.sh runs it",
    ("docs/how-to/to-your-account.md", "sh"): "make build of the templates has it",
    ("docs/how-to/local-runtime.md", "sh"): "unit/plugin/cli/test_local_token.py reads local env",
    ("docs/reference/fc-async-toml.md", "toml"): "unit/plugin/project/test_settings_file.py",
    ("docs/how-to/install.md", "console"): "tests/stories/install.sh runs it on a clean machine",
}
"""(page, language) -> what holds the blocks that are not run here."""

NOT_RUN = {
    "uvx ": "`make check-dist` does the same with the wheel",
    "fc-async demo": "tests/e2e/test_demo.py runs it",
    "fc-async validate --live --roles": "needs RAM of an account; unit/plugin/check/rules has it",
    "fc-async policy --live": "needs RAM of an account; tests/unit/plugin/policy has a stand-in",
    "FC_ASYNC_FC3=": "starts this test suite",
    "fc-async local start --store-file store.url": "needs a server; tests/contract/store has one",
}
"""Beginning of a command -> why it is not run here."""


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    reader = Reader(tmp_path, monkeypatch)
    yield reader
    reader.close()


@cache
def text_of(page: str) -> str:
    """Return the text of a page, with the commands that are added when the site is built."""
    text = PAGES[page].read_text("utf-8")
    if page == EXAMPLES:
        text += runpy.run_path(str(DOCS / "cli_reference.py"))["commands"]()
    if page == COMMANDS_IN_CELLS:
        commands = re.findall(r"`(fc-async [^`]+)`", text)
        text += "".join(f"\n```console\n$ {command}\n```\n" for command in commands)
    return text


@cache
def fences(page: str) -> list[Block]:
    """Return the blocks of a page that are run here."""
    found = list(blocks(text_of(page)))
    if page.startswith("docs/rules/"):
        # unit/plugin/check/rules/test_rules_pages.py checks the example and the counterexample.
        found = found[2:]
    return [
        block
        for block in found
        if (page, block.language) not in CHECKED_ELSEWHERE or place(block.text)
    ]


RUN = [page for page in PAGES if fences(page)]

SESSIONS = [
    pytest.param(page, part, id=page if len(part) > 1 else f"{page}:{part[0].line}")
    for page in RUN
    for part in ([[one] for one in fences(page)] if page == EXAMPLES else [fences(page)])
]
RUNNABLE = ("console", "python", "yaml")


@pytest.mark.parametrize("page", RUN)
def test_every_block_of_a_page_is_of_a_kind_that_is_run(page: str) -> None:
    unknown = [
        f"{page}:{block.line}: {block.language or 'no language'}"
        for block in fences(page)
        if not block.file
        and (
            block.language not in RUNNABLE
            or (block.language == "yaml" and place(block.text) is None)
        )
    ]
    assert unknown == []


def test_every_exception_is_needed_and_has_a_reason() -> None:
    assert all([*CHECKED_ELSEWHERE.values(), *NOT_RUN.values()])
    for page, language in CHECKED_ELSEWHERE:
        assert language in {block.language for block in blocks(text_of(page))}
    commands = [
        step.command
        for page in RUN
        for block in fences(page)
        if block.language == "console"
        for step in steps(block.text)
    ]
    for start in NOT_RUN:
        assert any(command.startswith(start) for command in commands), start


@pytest.mark.parametrize("hours_ahead", [1, 24, 24 * 366], ids=["today", "other day", "other year"])
def test_a_moment_may_be_of_another_day_than_the_one_that_the_page_shows(hours_ahead: int) -> None:
    noon = 1_795_694_400_000
    printed = moments.short_time(noon + hours_ahead * 3_600_000, noon)
    assert not differs(["nightly  timer  20:00:00  3"], f"nightly  timer  {printed}  3")
    assert differs(["nightly  timer  20:00:00  3"], f"nightly  timer  {printed}  4")


@pytest.mark.slow
@pytest.mark.real_time
@pytest.mark.parametrize(("page", "session"), SESSIONS)
def test_a_page_does_what_it_says(
    page: str,
    session: list[Block],
    reader: Reader,
    request: pytest.FixtureRequest,
    cannot_run: Callable[[str], NoReturn],
) -> None:
    prepare = WORLDS.get(page) or next(
        (
            world
            for start, world in WORLDS.items()
            if start.endswith(("/", "-")) and page.startswith(start)
        ),
        None,
    )
    if prepare is not None:
        prepare(reader, request)
    for block in session:
        kept = without_left_out(block)
        for tool in ("jq", "sqlite3", "curl"):
            if f" {tool} " in kept.text and shutil.which(tool) is None:
                cannot_run(f"the page needs {tool}")
        reader.run(kept, str(PAGES[page]))
    if os.environ.get("FC_ASYNC_WRITE_PAGES"):
        rewrite(PAGES[page], reader)
    assert [
        f"{page}:{block.line}: $ {step.command}\n{printed}"
        for block, step, printed in reader.printed
        if differs(step.shown, printed)
    ] == []
    seen: dict[str, str] = {}
    assert [
        f"{page}:{block.line}: $ {step.command}: {wrong}"
        for block, step, printed in reader.printed
        for wrong in ids_differ(step.shown, printed, seen)
    ] == []


def without_left_out(block: Block) -> Block:
    """Return a console block without the commands that are not run."""
    if block.language != "console":
        return block
    parts = block.text.removeprefix("$ ").split("\n$ ")
    kept = [part for part in parts if not part.startswith(tuple(NOT_RUN))]
    return block._replace(text="".join(f"$ {part.rstrip()}\n" for part in kept))


def rewrite(path: Path, reader: Reader) -> None:
    """Write what the commands of a page printed below them."""
    text, after = path.read_text("utf-8"), 0
    for _, step, printed in reader.printed:
        shown = "\n".join(["", *step.shown, ""])
        start = text.index(shown, text.index(f"$ {step.command}", after))
        after = start + 1
        if differs(step.shown, printed):
            text = text[:after] + printed.rstrip("\n") + text[start + len(shown) - 1 :]
    path.write_text(text, encoding="utf-8")


# What exists before the first block of a page.


def runtime(reader: Reader, request: pytest.FixtureRequest) -> FcLocal:
    """Start a runtime on a virtual clock, to which the commands and clients of the page go."""
    local: FcLocal = request.getfixturevalue("fc_local")
    addresses = (
        local.endpoint,
        local.mns_endpoint,
        local.rocketmq_endpoint,
        local.eventbridge_endpoint,
    )
    for number, address in enumerate(addresses):
        reader.ports[9900 + number] = int(address.rpartition(":")[2])
    reader.environment["FC_ASYNC_ENDPOINT"] = local.endpoint
    return local


def sdk(reader: Reader, request: pytest.FixtureRequest) -> FcLocal:
    """A function that returns what it is called with, and a queue for its failures."""
    local = runtime(reader, request)
    local.deploy("resize", lambda event, _: event)
    local.create_queue("failed")
    return local


def paced(reader: Reader, request: pytest.FixtureRequest) -> None:
    """A function, and a file with a payload in each line."""
    local = runtime(reader, request)
    local.deploy("copy", lambda event, _: event)
    feeds_itself(reader, local, "copy-all")
    reader.write("contacts.jsonl", "".join(f'{{"number": {number}}}\n' for number in range(75)))


def feeds_itself(reader: Reader, local: FcLocal, function: str) -> None:
    """Deploy a function that sends itself the batches of the folder ``batches``."""
    pace = Pace("crm", "25/s", store=MemoryStore())
    copy = handler(dict, pace=pace, large=FolderStore(reader.folder / "batches"))
    local.deploy(function, copy(lambda contact, _: contact), async_config={"asyncTask": True})


def events(reader: Reader, request: pytest.FixtureRequest) -> None:
    """A queue and a topic with an event each."""
    local = runtime(reader, request)
    queue, topic = (
        local.create_queue("results"),
        local.create_rocketmq_topic("MQ_INST_1", "results"),
    )
    for name, destination in (("resize", queue), ("encode", topic)):
        config = {"destinationConfig": {"onSuccess": {"destination": destination}}}
        local.deploy(name, lambda event, _: event, async_config=config)
        local.client.invoke_async(name, b"{}")
    local.run_until_idle()


def failures(reader: Reader, request: pytest.FixtureRequest) -> None:
    """Orders that failed while the stock could not be asked; the queue of their events."""
    local = runtime(reader, request)
    queue = local.create_queue("failed-orders")
    asked: set[bytes] = set()

    def handler(event: bytes, _: object) -> str:
        first = event not in asked
        asked.add(event)
        if first and b"order" in event:
            raise TimeoutError("the stock does not answer")
        return "done"

    config = {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {"onFailure": {"destination": queue}},
    }
    local.deploy("orders", handler, async_config=config)
    local.deploy("repair", lambda event, _: event, async_config={"asyncTask": True})
    for number in range(7, 10):
        local.client.invoke_async("orders", f'{{"order": {{"id": {number}}}}}')
        local.run_until_idle()
        local.advance(60)
    reader.between = lambda: local.advance(30)  # a queue shows what was read again


PRICED = """\
import json


def handler(event, context):
    order = json.loads(event)
    print("order", order["order"])
    return order["items"][0]["price"]
"""

PROD = """\
#!/bin/bash
set -o pipefail
case " $* " in *" -a prod "*)
  "$REAL" "$@" --endpoint "$ACCOUNT" 2>&1 | sed "s| --endpoint $ACCOUNT||"
  exit ;;
esac
exec "$REAL" "$@"
"""
"""The command of a reader: what names the alias ``prod`` goes to a runtime that stands for it."""


def production(reader: Reader, request: pytest.FixtureRequest) -> None:
    """Orders that failed last night, in a runtime that stands for the account of an alias."""
    local = runtime(reader, request)
    del reader.environment["FC_ASYNC_ENDPOINT"]  # the account is named by its alias
    code = reader.folder / "prod"
    config: AsyncConfigFields = {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {"onFailure": {"destination": local.create_queue("failed-orders")}},
    }
    reader.write("prod/index.py", PRICED)
    local.deploy("orders", code, async_config=config)
    for number in range(7, 10):
        payload = {"order": number, "items": [{"cost": 3}]}
        local.client.invoke_async("orders", payload, task_id=f"order-{number}")
        local.run_until_idle()
        local.advance(60)
    # The cause is gone when the reader replays.
    reader.write("prod/index.py", PRICED.replace('["price"]', '.get("price", 0)'))
    local.deploy("orders", code, async_config=config)
    keys = {"AccountID": "1234567890123456", "AccessKeyID": "k", "AccessKeySecret": "s"}
    reader.write("bin/fc-async", PROD)
    (reader.folder / "bin" / "fc-async").chmod(0o755)
    reader.environment |= {
        "prod_serverless_devs_key": json.dumps(keys),
        "ACCOUNT": local.endpoint,
        "REAL": str(BIN / "fc-async"),
        "PATH": f"{reader.folder / 'bin'}{os.pathsep}{reader.environment['PATH']}",
    }
    reader.between = lambda: local.advance(30)  # a queue shows what was read again


ORDERS = template(
    orders="""
        role: acs:ram::1234567890123456:role/shop
        asyncInvokeConfig:
          asyncTask: true
          maxAsyncRetryAttempts: 5
          destinationConfig:
            onFailure: {destination: "acs:mns:cn-hangzhou::/queues/failed/messages"}
    """,
)


def template_of_orders(reader: Reader, request: pytest.FixtureRequest) -> None:
    reader.write("s.yaml", ORDERS)
    reader.write("code/index.py", "def handler(event, context):\n    return event\n")


def deployed_orders(reader: Reader, request: pytest.FixtureRequest) -> FcLocal:
    """The template of a function that is deployed with other settings."""
    template_of_orders(reader, request)
    local = runtime(reader, request)
    local.create_queue("failed")
    local.deploy("orders", lambda event, _: event, async_config={"asyncTask": True})
    return local


def cycle(reader: Reader, request: pytest.FixtureRequest) -> None:
    """A function that sends its results to another one."""
    local = runtime(reader, request)
    local.create_queue("failed")
    local.deploy("b", lambda event, _: event)
    config = {"destinationConfig": {"onSuccess": {"destination": "acs:fc:::functions/b"}}}
    local.deploy("a", lambda event, _: event, async_config=config)


def scheduled(reader: Reader, request: pytest.FixtureRequest) -> None:
    """A function with a timer, and one that objects start."""
    with_triggers(runtime(reader, request))


def with_triggers(local: FcLocal) -> None:
    for name in ("report", "unzip"):
        local.deploy(name, lambda event, _: event)
    schedule = {"cronExpression": "CRON_TZ=Asia/Shanghai 0 0 4 * * *", "enable": True}
    local.client.create_trigger("report", "nightly", trigger_type="timer", trigger_config=schedule)
    objects = {
        "events": ["oss:ObjectCreated:PutObject", "oss:ObjectCreated:CompleteMultipartUpload"],
        "filter": {"key": {"prefix": "in/", "suffix": ".zip"}},
    }
    source = "acs:oss:cn-hangzhou:1:uploads"
    local.client.create_trigger(
        "unzip", "upload", trigger_type="oss", source_arn=source, trigger_config=objects
    )
    local.advance(3 * 86_400)


def web(reader: Reader, request: pytest.FixtureRequest) -> None:
    """A function with an HTTP trigger."""
    local = runtime(reader, request)
    with_http_trigger(local, lambda _event, _: {"statusCode": 200, "body": "an order\n"})


def with_http_trigger(
    local: FcLocal, handler: Callable[[bytes, object], object], **settings: object
) -> None:
    local.deploy("orders", handler, **settings)
    config = {"authType": "anonymous", "methods": ["GET", "POST"]}
    local.client.create_trigger("orders", "web", trigger_type="http", trigger_config=config)


MAY_SEND = {"Effect": "Allow", "Action": "mns:*", "Resource": "*"}
ENDS = {
    "fc-async plan": 2,
    "fc-async plan --prune --format json": 2,
    "fc-async plan --out reviewed.json": 2,
    "fc-async remove --with-functions": 1,  # it asks, and there is no terminal
    "fc-async import": 1,  # likewise
}
"""What the examples of commands end with."""


def shop(reader: Reader, request: pytest.FixtureRequest) -> None:
    """A project with all that the examples of commands name, deployed, with tasks that ended."""
    local = deployed_orders(reader, request)
    reader.exit_codes |= ENDS
    for name in ("orders", "billing"):
        reader.write(f"{name}/s.yaml", ORDERS.replace("orders", name).replace("./code", "../code"))
    reader.write("env.yaml", "environments:\n  - {name: prod, overlays: {}}\n")
    reader.write("event.json", '{"id": 7}')
    reader.write("orders.jsonl", '{"id": 8}\n{"id": 9}\n')
    reader.write("events.jsonl", "")
    reader.write("order.schema.json", '{"type": "object", "required": ["id"]}')
    reader.write("granted.json", json.dumps({"Version": "1", "Statement": [MAY_SEND]}))
    reader.write("README.md", "# Shop\n")
    with contextlib.closing(SqliteStore(reader.folder / "paces.db")) as store:
        Pace("crm", "25/s", store=store).book()
    failed = local.create_queue("failed-orders")

    def orders(event: bytes, _: object) -> bytes:
        if event == b"bad":
            raise ValueError("bad")
        return event

    config = {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {"onFailure": {"destination": failed}},
    }
    with_http_trigger(local, orders, async_config=config)
    with_triggers(local)
    feeds_itself(reader, local, "contacts")
    reader.write("contacts.jsonl", '{"id": 1}\n' * 90)
    for task, payload in (("T1", b"good"), ("T2", b"bad")):
        local.client.invoke_async("orders", payload, task_id=task)
    local.run_until_idle()
    # What examples begin with, and another command has made.
    before = {
        "--from-plan": "$ fc-async plan --out reviewed.json\n",
        "replay --group": "$ fc-async failures orders\n",
        "fc-async redrives": "$ fc-async replay --failed orders -y\n",
        "feed contacts nightly": (
            "$ fc-async invoke contacts --lines contacts.jsonl --task-id nightly --feed batches\n"
            "…\n"
        ),
    }
    example = request.node.callspec.params["session"][0].text
    for text, command in before.items():
        if text in example:
            reader.run(Block("console", {}, command, 0), "")


def trouble(reader: Reader, request: pytest.FixtureRequest) -> None:
    """The project of the examples, whose plan has changes."""
    shop(reader, request)
    reader.exit_codes["fc-async plan --with-functions"] = 2


def project_folder(reader: Reader, request: pytest.FixtureRequest) -> None:
    """A folder with a template and code."""
    reader.write("my-project/s.yaml", ORDERS)
    reader.write("my-project/code/index.py", "def handler(event, context):\n    return event\n")


def data_folder(reader: Reader, request: pytest.FixtureRequest) -> None:
    """The folder of a runtime that has run."""
    with LocalRuntime(data=reader.folder, port=0):
        pass


def celery(reader: Reader, request: pytest.FixtureRequest) -> None:
    """As for other pages of the SDK; the page waits for a delayed task."""
    waits_by_moving_the_clock(reader, sdk(reader, request))


def waits_by_moving_the_clock(reader: Reader, local: FcLocal) -> None:
    """Give the page the client of the fixture, whose waiters move the virtual clock."""
    reader.patch.setattr("fc_async_sdk.client", lambda **_: local.client)


def glance(reader: Reader, request: pytest.FixtureRequest) -> FcLocal:
    """A project whose function is deployed with other settings, and fails for an order."""
    local = deployed_orders(reader, request)
    reader.write("glance/index.py", PRICED)
    config: AsyncConfigFields = {
        "asyncTask": True,
        "maxAsyncRetryAttempts": 0,
        "destinationConfig": {"onFailure": {"destination": local.create_queue("failed")}},
    }
    local.deploy("orders", reader.folder / "glance", async_config=config)
    reader.between = local.run_until_idle
    return local


def readme(reader: Reader, request: pytest.FixtureRequest) -> None:
    """The project of the first lines, and the function of the snippet."""
    local = glance(reader, request)
    local.deploy("transcode", lambda event, _: event)
    reader.exit_codes["fc-async plan"] = 2
    waits_by_moving_the_clock(reader, local)


KEYS_OF_THE_READER = {"default": {"AccountID": "7", "AccessKeyID": "k", "AccessKeySecret": "s"}}


def serverless_devs(reader: Reader, request: pytest.FixtureRequest) -> None:
    """The command ``s``, and keys of the reader, which no page changes."""
    reader.write(".s/access.yaml", yaml.safe_dump(KEYS_OF_THE_READER))
    aliases = reader.folder / ".s" / "access.yaml"

    def check_keys() -> None:
        assert yaml.safe_load(aliases.read_text("utf-8")) == KEYS_OF_THE_READER

    request.addfinalizer(check_keys)
    folder = request.getfixturevalue("node_packages")("s-3.1.10", "@serverless-devs/s@3.1.10")
    reader.environment["PATH"] += f"{os.pathsep}{folder / '.bin'}"


WORLDS: dict[str, Callable[[Reader, pytest.FixtureRequest], object]] = {
    "docs/how-to/sdk.md": sdk,
    "docs/how-to/many-tasks.md": sdk,
    "docs/how-to/pace.md": paced,
    "docs/how-to/move-from-celery.md": celery,
    "docs/how-to/move-from-": sdk,
    "docs/how-to/events.md": events,
    "docs/how-to/replay.md": failures,
    "docs/how-to/alarms.md": failures,
    "docs/how-to/last-night.md": production,
    "docs/how-to/troubleshooting.md": trouble,
    "docs/how-to/test.md": template_of_orders,
    "docs/how-to/deploy.md": deployed_orders,
    "docs/reference/sdk/rocketmq.md": events,
    "docs/reference/sdk/": sdk,
    "docs/reference/cli.md": shop,
    "docs/reference/triggers.md": scheduled,
    "docs/reference/ways-in.md": web,
    "docs/reference/deployment.md": cycle,
    "docs/reference/store.md": data_folder,
    "docs/how-to/dev.md": project_folder,
    "docs/reference/dev.md": project_folder,
    "docs/tutorials/deploy-with-s.md": serverless_devs,
    "README.md": readme,
    "docs/index.md": glance,
    "docs/reference/destinations.md": runtime,
    "docs/reference/json-output.md": shop,
}
