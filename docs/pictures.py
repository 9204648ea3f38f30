# SPDX-License-Identifier: MIT
"""Draw the pictures of the documentation from the code: ``make pictures``.

The graphs are laid out as those of ``fc-async graph``. The charts have the waits that the policy of
the local runtime and the paces of the SDK compute; they need matplotlib.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from itertools import accumulate, count
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from rich.console import Console
from rich.text import Text

from fc_async_local.domain import policy
from fc_async_local.domain.rules import Rules
from fc_async_local.domain.states import Status
from fc_async_sdk._drawing import Item, Link, compute, svg
from fc_async_sdk._pacing import gcra
from fc_async_sdk.spec import limits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.figure import Figure

sys.path.append(str(Path(__file__).parents[1] / "tests" / "shared"))

from fc_async_tests.terminal import Terminal

TARGET: Final = Path(__file__).parent / "_static" / "pictures"

SUCCESS: Final = "success"
FAILURE: Final = "failure"
OTHER: Final = "trigger"


class Step(NamedTuple):
    """A step between two boxes of a picture.

    Attributes:
        source: Label of the box where it begins.
        target: Label of the box where it ends.
        label: Its text.
        kind: How it is drawn.
    """

    source: str
    target: str
    label: str
    kind: str = SUCCESS


LIFE: Final = (
    Step("request", Status.ENQUEUED, "202: stored"),
    Step(Status.ENQUEUED, Status.DEQUEUED, "due"),
    Step(Status.DEQUEUED, Status.RUNNING, "started"),
    Step(Status.RUNNING, Status.SUCCEEDED, "returned"),
    Step(Status.RUNNING, Status.RETRYING, "failed, retries left", FAILURE),
    Step(Status.RETRYING, Status.DEQUEUED, "wait is over"),
    Step(Status.RUNNING, Status.FAILED, "no retry left", FAILURE),
    Step(Status.RUNNING, Status.STOPPING, "stop requested", OTHER),
    Step(Status.STOPPING, Status.STOPPED, "interrupted", OTHER),
    Step(Status.DEQUEUED, Status.EXPIRED, "too old", FAILURE),
    Step(Status.DEQUEUED, Status.INVALID, "function deleted", FAILURE),
    Step(Status.SUCCEEDED, "success destination", "event"),
    Step(Status.FAILED, "failure destination", "event", FAILURE),
    Step(Status.EXPIRED, "failure destination", "event", FAILURE),
    Step(Status.INVALID, "failure destination", "event", FAILURE),
    Step(Status.STOPPED, "failure destination", "event", FAILURE),
)
"""Usual states of an invocation; ``tests/shared/fc_async_tests/legal_steps.py`` has every step."""

ARCHITECTURE: Final = (
    Step("your program", "SDK", "calls functions"),
    Step("s.yaml", "deploy plugin", "checks, plans, applies"),
    Step("SDK", "FC API", "signed requests"),
    Step("deploy plugin", "FC API", "signed requests"),
    Step("FC API", "Function Compute", "in an account"),
    Step("FC API", "local runtime", "on your machine"),
    Step("Function Compute", "your functions", "runs"),
    Step("local runtime", "your functions", "runs"),
    Step("Function Compute", "destinations", "results"),
    Step("local runtime", "destinations", "results"),
)

LABELS: Final = {
    "request": "请求",
    "202: stored": "202：已存储",
    "due": "到期",
    "started": "开始",
    "returned": "已返回",
    "failed, retries left": "失败，仍可重试",
    "wait is over": "等待结束",
    "no retry left": "不再重试",
    "stop requested": "请求停止",
    "interrupted": "已中断",
    "too old": "超过存活时长",
    "function deleted": "函数已删除",
    "success destination": "成功目标",
    "failure destination": "失败目标",
    "event": "事件",
    "your program": "您的程序",
    "deploy plugin": "部署插件",
    "FC API": "函数计算 API",
    "Function Compute": "函数计算",
    "local runtime": "本地运行时",
    "your functions": "您的函数",
    "destinations": "目标服务",
    "calls functions": "调用函数",
    "checks, plans, applies": "检查、预览、应用",
    "signed requests": "带签名的请求",
    "in an account": "在账号中",
    "on your machine": "在您的机器上",
    "runs": "运行",
    "results": "结果",
}
"""Labels of the graphs in Chinese."""

WAITS: Final = {
    "function error": "counted; 3 retries by default, 8 at most",
    "throttled, system error, lack of resources": "not counted; for 5 hours",
    "destination: 5xx, 429, no answer": "for 30 minutes",
}
"""The rows of the chart, with what limits them."""


WAITING: Final = 1_080
"""Messages of the chart of deliveries."""
COLUMNS: Final = 96
COLOURS: Final = ("#c62828", "#3b6fd4", "#00796b")
TEMPLATE: Final = """\
edition: 3.0.0
name: shop
resources:
  orders:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: orders
      role: acs:ram::1234567890123456:role/shop
      runtime: python3.12
      handler: index.handler
      code: ./code
      asyncInvokeConfig:
        destinationConfig:
          onSuccess:
            destination: acs:fc:::functions/shipping
          onFailure:
            destination: acs:mns:::/queues/failed/messages
  shipping:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: shipping
      role: acs:ram::1234567890123456:role/shop
      runtime: python3.12
      handler: index.handler
      code: ./code
      asyncInvokeConfig:
        maxAsyncRetryAttempts: 9
        destinationConfig:
          onSuccess:
            destination: acs:fc:::functions/orders
          onFailure:
            destination: acs:mns:::/queues/failed/messages
"""
"""A template with a destination cycle and a number that the service refuses."""

TICKS: Final = {
    "0.5 s": 0.5,
    "10 s": 10,
    "1 min": 60,
    "30 min": 1_800,
    "5 h": 18_000,
}


class Words(NamedTuple):
    """The words of the picture in which time passes, in one language."""

    title: str
    lanes: tuple[str, str, str, str]
    accepted: str
    delay: str
    failed: str
    succeeded: str
    result: str


ENGLISH: Final = Words(
    "One asynchronous invocation, from the call to its destination",
    ("your program", "queue", "function", "destination"),
    "202 Accepted, goes on",
    "waits 60 s: delay=60",
    "fails",
    "succeeds",
    "result",
)
CHINESE: Final = Words(
    "一次异步调用：从发起调用到结果回调",
    ("您的程序", "队列", "函数", "目标服务"),
    "返回 202，程序继续运行",
    "等待 60 秒：延迟调用",
    "失败",
    "成功",
    "结果",
)
DELAY: Final = 60_000
RUNS: Final = 2_500
"""Milliseconds that each attempt takes."""
LANE: Final = 44
AT: Final = (140, 330, 430, 495, 595, 685, 785)
"""Where the times of :func:`moments` are, in pixels: the picture is not to scale."""


def moments() -> list[int]:
    """Return when an attempt begins or ends, in milliseconds after the call: two retries."""
    times, rules = [0, DELAY], Rules()
    for attempt in range(1, 4):
        times.append(times[-1] + RUNS)
        if attempt < 3:  # noqa: PLR2004 -- the last of the three attempts
            times.append(times[-1] + policy.function_retry_wait(attempt, rules))
    return times


def time_passes(words: Words) -> str:
    """Return a picture of one invocation with its times, as SVG with colours of its own."""
    times = [
        f"09:{ms // 60_000:02}:{ms % 60_000 / 1000:04.1f}".removesuffix(".0") for ms in moments()
    ]
    queue, function, target = (76 + LANE * lane for lane in (1, 2, 3))

    def text(x: float, y: float, shown: str, more: str = "") -> str:
        return f'<text x="{x:g}" y="{y:g}" {more}>{shown}</text>'

    def bar(at: int, y: int, colour: str, shown: str) -> str:
        left, right = AT[at], AT[at + 1]
        box = f'<rect x="{left}" y="{y - 16}" width="{right - left}" height="24" rx="4"'
        middle = text((left + right) / 2, y, shown, 'fill="#ffffff" text-anchor="middle"')
        return f'{box} fill="{colour}"/>{middle}'

    waits = [
        words.delay,
        *(
            f"{(b - a) // 1000} s"
            for a, b in ((moments()[2], moments()[3]), (moments()[4], moments()[5]))
        ),
    ]
    ends = [f"{number} · {words.failed}" for number in (1, 2)] + [f"3 · {words.succeeded}"]
    red, green, blue = COLOURS[0], COLOURS[2], COLOURS[1]
    parts = [
        '<rect width="900" height="230" rx="8" fill="#f7f8fa"/>',
        *(
            text(16, 76 + LANE * lane, name, 'font-weight="600"')
            for lane, name in enumerate(words.lanes)
        ),
        *(f'<path d="M{x} 40V216" stroke="#d8dce3" stroke-dasharray="3 3"/>' for x in AT),
        *(
            text(x, 30 if n % 2 else 18, time, 'font-size="12" text-anchor="middle" fill="#5a6270"')
            for n, (x, time) in enumerate(zip(AT, times, strict=True))
        ),
        f'<path d="M{AT[0]} 71H870" stroke="{blue}" stroke-width="3"/>',
        text(AT[0] + 12, 62, f"invoke_async(…) → {words.accepted}"),
        *(bar(n, queue, "#8a6d1a", shown) for n, shown in zip((0, 2, 4), waits, strict=True)),
        *(
            bar(n, function, colour, shown)
            for n, colour, shown in zip((1, 3, 5), (red, red, green), ends, strict=True)
        ),
        f'<path d="M{AT[-1]} {function + 8}V{target - 5}H{AT[-1] + 14}" fill="none" stroke="{green}" stroke-width="2"/>',
        text(AT[-1] + 20, target, words.result),
    ]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 230" font-size="14" fill="#1f2430" '
        f'font-family="system-ui, sans-serif" role="img"><title>{words.title}</title>\n'
        + DARK
        + "\n".join(parts)
        + "\n</svg>\n"
    )


DARK: Final = """<style>@media (prefers-color-scheme: dark) {
svg { fill: #e5e7eb; }
rect[fill="#f7f8fa"] { fill: #1b212b; }
text { fill: #e5e7eb; }
text[fill="#5a6270"] { fill: #b6bcc6; }
[style*="fill: #ffffff"] { fill: #14181f !important; }
[style*="stroke: #000000"] { stroke: #9aa3b1 !important; }
path[stroke="#d8dce3"] { stroke: #333b47; }
[style*="stroke: #d8dce3"] { stroke: #333b47 !important; }
}</style>
"""
"""Colours of charts where the page is dark."""


RATIOS: Final = {
    "networkx / cycles, 1,000,000 nodes": "cycles of 1,000,000 nodes, networkx",
    "durable accept / moto's Event invoke": "accept, moto",
    "accept to settled / procrastinate's defer and run": "accept to end, procrastinate",
    "fan_out of 10,000 / official SDK with 32 threads": "fan_out, official SDK in 32 threads",
    "asyncio client / official asyncio client, 32 at a time": "asyncio client, official one",
    "invoke_async / official SDK, 1 thread": "invoke_async, official SDK",
}
"""Rows of the table of ``make bench``, and what the picture calls them and their peers."""


def ratios() -> str:
    """Return bars of the ratios of the last ``make bench``, as SVG."""
    table = (Path(__file__).parents[1] / "benchmarks/results/bench.md").read_text("utf-8")
    found = dict(re.findall(r"^\| (.+?) \| ([\d.]+) \|", table, re.MULTILINE))
    rows = []
    for row, (name, label) in enumerate(RATIOS.items()):
        ratio, y = float(found[name]), 44 + 30 * row
        wide = 420 * math.log10(ratio) / math.log10(30)
        rows += [
            f'<text x="290" y="{y}" text-anchor="end">{label}</text>',
            f'<rect x="300" y="{y - 14}" width="{wide:.0f}" height="20" rx="3" fill="#3b6fd4"/>',
            f'<text x="{310 + wide:.0f}" y="{y}">{ratio:.1f} ×</text>',
        ]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 220" font-size="14" fill="#1f2430" '
        'font-family="system-ui, sans-serif" role="img"><title>How many times as fast as its peers'
        f'</title>\n{DARK}<rect width="800" height="220" rx="8" fill="#f7f8fa"/>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


def graph(title: str, steps: tuple[Step, ...]) -> str:
    """Return a picture of steps as SVG; boxes of one name are one box."""
    names = list(dict.fromkeys(_name(end) for step in steps for end in (step.source, step.target)))
    ours = ("SDK", "deploy plugin", "local runtime")
    kinds = {status.value for status in Status} | {*ours, *map(chinese, ours)}
    items = [Item(name, "function" if name in kinds else "other") for name in names]
    links = [
        Link(
            names.index(_name(step.source)), names.index(_name(step.target)), step.kind, step.label
        )
        for step in steps
    ]
    return svg.draw(compute(items, links, downwards=True), title, legend=False) + "\n"


def _name(end: str) -> str:
    """Return the label of a box: a word, or the name of a status."""
    return end.value if isinstance(end, Status) else end


def waits() -> dict[str, list[float]]:
    """Return for each row of the chart the seconds after the first failure of all later tries."""
    rules = Rules()
    counted = (
        policy.function_retry_wait(n, rules) for n in range(1, limits.RETRY_ATTEMPTS.high + 1)
    )
    return dict(
        zip(
            WAITS,
            (
                [ms / 1_000 for ms in accumulate(counted)],
                list(_until(policy.system_retry_wait, limits.SYSTEM_RETRY_SPAN_MS)),
                list(_until(policy.delivery_retry_wait, limits.DELIVERY_RETRY_SPAN_MS)),
            ),
            strict=True,
        )
    )


def _until(wait: Callable[[int], int], span: int) -> Iterator[float]:
    """Yield the seconds of tries with growing waits; the last one is at the end of the span."""
    at = 0
    for n in count(1):
        at = min(at + wait(n), span)
        yield at / 1_000
        if at == span:
            return


def chart() -> str:
    """Return the chart of the waits as SVG; its description holds the data."""
    figure = _figure(3.2)
    axes = figure.subplots()
    rows = waits()
    for row, (times, colour) in enumerate(zip(rows.values(), COLOURS, strict=True)):
        axes.plot(times, [-row] * len(times), "o-", color=colour, markersize=6, linewidth=1)
    axes.set_xscale("log")
    axes.set_xlim(0.4, 30_000)
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    axes.set_xticks(list(TICKS.values()), list(TICKS))
    axes.minorticks_off()
    # A line of its own for each text: its end is where it belongs in every language.
    texts = [text for name, limit in WAITS.items() for text in (name, f"({limit})")]
    axes.set_yticks([0.12 - 0.5 * n + (n % 2) * 0.26 for n in range(len(texts))], texts)
    axes.set_xlabel("time after the first failure (each dot is a try)")
    axes.grid(visible=True, axis="x", color="#d8dce3")
    axes.set_axisbelow(True)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    return _written(figure, rows)


def waves() -> dict[str, list[int]]:
    """Return the deliveries in each minute of messages that wait for up to three hours.

    They are sent together, one for every ten seconds: first with each wait as long as the service
    takes, then as :mod:`fc_async_sdk.pacing` divides it.
    """
    slots = gcra.book(0, 10**15, WAITING, interval=10 * gcra.SECOND, burst=1)
    found = {}
    for name, first in (
        ("each wait as long as it may be", lambda seconds, _: gcra.next_wait(seconds)),
        ("as fc-async divides the waits", gcra.first_wait),
    ):
        minutes = [0] * (WAITING // 6)
        for index in range(WAITING):
            seconds = gcra.whole_seconds(slots.at(index), 10**15)
            at = first(seconds, slots.at(index) // slots.interval)
            while at < seconds:
                minutes[at // 60] += 1
                at += gcra.next_wait(seconds - at)
            minutes[at // 60] += 1
        found[name] = minutes
    return found


def waves_chart() -> str:
    """Return the chart of the deliveries as SVG; its description holds the data."""
    data = waves()
    figure = _figure(4.2)
    panels = figure.subplots(len(data), sharex=True)
    for axes, (name, minutes), colour in zip(panels, data.items(), COLOURS, strict=False):
        axes.stairs(minutes, fill=True, color=colour)
        axes.set_title(f"{name}: at most {max(minutes)} a minute", loc="left", fontsize=11)
        axes.grid(visible=True, axis="y", color="#d8dce3")
        axes.set_axisbelow(True)
        for side in ("right", "top"):
            axes.spines[side].set_visible(False)
        axes.set_ylabel("deliveries")
    panels[-1].set_xlabel("minutes after 1,080 messages were sent, one for every 10 seconds")
    panels[-1].set_xlim(0, WAITING // 6)
    panels[-1].set_xticks(range(0, WAITING // 6 + 1, 30))
    return _written(figure, data)


def _figure(height: float) -> Figure:
    import matplotlib as mpl  # noqa: PLC0415 -- only charts need it
    from matplotlib.figure import Figure  # noqa: PLC0415 -- as above

    mpl.rcParams.update({"svg.hashsalt": "fc-async", "svg.fonttype": "none", "font.size": 11})
    return Figure(figsize=(9, height), layout="constrained")


def _written(figure: Figure, data: object) -> str:
    """Return a chart as SVG with its data."""
    written = io.StringIO()
    figure.savefig(
        written,
        format="svg",
        metadata={"Date": None, "Creator": None, "Description": json.dumps(data)},
    )
    lines = (line.rstrip() for line in written.getvalue().splitlines())
    return "\n".join(lines).replace(" <defs>\n", f" {DARK} <defs>\n", 1) + "\n"


def cycle() -> str:
    """Return what ``fc-async graph --out`` draws of :data:`TEMPLATE`."""
    with _project() as folder:
        command = [sys.executable, "-m", "fc_async_plugin", "graph", "--out", "cycle.svg"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603 -- ours
        return (folder / "cycle.svg").read_text(encoding="utf-8")


def findings() -> str:
    """Return a terminal with what ``fc-async validate`` prints for :data:`TEMPLATE`, as SVG."""
    with _project() as folder:
        command = [sys.executable, "-m", "fc_async_plugin", "validate"]
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        terminal = Terminal(command, folder, kept, columns=COLUMNS)
        try:
            terminal.expect(r"in 1 template[^\n]*\n")
            printed = re.sub(r"\x1b\]8;[^\x1b]*\x1b\\", "", terminal.raw)  # addresses of links
        finally:
            terminal.close()
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), highlight=False)
    console.print("$ fc-async validate", Text.from_ansi(printed), sep="\n")
    drawn = console.export_svg(title="fc-async", unique_id="findings")
    return re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)  # fonts from another host


@contextmanager
def _project() -> Iterator[Path]:
    """Yield a folder with :data:`TEMPLATE` and its code."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "s.yaml").write_text(TEMPLATE, encoding="utf-8")
        (folder / "code").mkdir()
        (folder / "code" / "index.py").write_text("def handler(event, context): ...\n")
        yield folder


def in_chinese(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return steps with Chinese labels; states keep their names, which the API has."""
    return tuple(
        Step(chinese(step.source), chinese(step.target), chinese(step.label), step.kind)
        for step in steps
    )


def chinese(label: str) -> str:
    """Return a label in Chinese, or a name as it is."""
    return LABELS.get(label, label)


CHART_WORDS: Final = {
    "How many times as fast as its peers": "与同类相比快多少倍",
    "cycles of 1,000,000 nodes, networkx": "100 万个节点的环，networkx",
    "accept to end, procrastinate": "从接收到结束，procrastinate",
    "accept, moto": "接收，moto",
    "fan_out, official SDK in 32 threads": "fan_out，官方 SDK（32 个线程）",
    "asyncio client, official one": "asyncio 客户端，官方客户端",
    "invoke_async, official SDK": "invoke_async，官方 SDK",
    "function error": "函数错误",
    "counted; 3 retries by default, 8 at most": "计入次数；默认重试 3 次，最多 8 次",
    "throttled, system error, lack of resources": "限流、系统错误、资源不足",
    "not counted; for 5 hours": "不计入次数；持续 5 小时",
    "destination: 5xx, 429, no answer": "目标服务：5xx、429、无应答",
    "for 30 minutes": "持续 30 分钟",
    "time after the first failure (each dot is a try)": "第一次失败之后的时间（每个点是一次尝试）",
    "each wait as long as it may be": "每次都等到最长时间",
    "as fc-async divides the waits": "由 fc-async 拆分等待时间",
    ": at most ": "：每分钟最多 ",
    " a minute": " 次",
    "deliveries": "投递次数",
    "minutes after 1,080 messages were sent, one for every 10 seconds": (
        "1,080 条消息发出之后的分钟数，每 10 秒处理一条"
    ),
}
"""Texts of charts, or parts of them, in Chinese; numbers and names stay."""


def chart_in_chinese(drawn: str) -> str:
    """Return a chart with its texts in Chinese."""

    def spoken(text: re.Match[str]) -> str:
        shown = text[0]
        for english, said in CHART_WORDS.items():
            shown = shown.replace(english, said)
        return shown

    return re.sub(r">[^<>]+</(text|title)>", spoken, drawn)


GRAPHS: Final = {
    "life-of-an-invocation.svg": ("Life of an asynchronous invocation", LIFE),
    "life-of-an-invocation.zh_CN.svg": ("一次异步调用的全过程", in_chinese(LIFE)),
    "architecture.svg": ("Parts of fc-async and what they call", ARCHITECTURE),
    "architecture.zh_CN.svg": ("fc-async 的各个部分及其调用关系", in_chinese(ARCHITECTURE)),
}
"""Pictures by name; Sphinx takes those with the name of a language on the site of that language."""
CHARTS: Final = {"retry-schedule.svg": (chart, waits), "paced-waves.svg": (waves_chart, waves)}
TIMES: Final = {"one-invocation.svg": ENGLISH, "one-invocation.zh-CN.svg": CHINESE}
PRINTED: Final = {"cycle.svg": cycle, "findings.svg": findings}


def main() -> int:
    """Write all pictures."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, (title, steps) in GRAPHS.items():
        (TARGET / name).write_text(graph(title, steps), encoding="utf-8")
    for name, draw in PRINTED.items():
        (TARGET / name).write_text(draw(), encoding="utf-8")
    for name, draw in {
        "ratios.svg": ratios,
        **{n: draw for n, (draw, _) in CHARTS.items()},
    }.items():
        drawn = draw()
        (TARGET / name).write_text(drawn, encoding="utf-8")
        chinese_name = name.replace(".svg", ".zh_CN.svg")
        (TARGET / chinese_name).write_text(chart_in_chinese(drawn), encoding="utf-8")
    for name, words in TIMES.items():
        (TARGET / name).write_text(time_passes(words), encoding="utf-8")
    print(f"wrote {len(list(TARGET.iterdir()))} pictures to {TARGET}")  # noqa: T201 -- a command says what it did
    return 0


if __name__ == "__main__":
    sys.exit(main())
