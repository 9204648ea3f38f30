# SPDX-License-Identifier: MIT
"""The sentences of the console: what its catalog translates, docs/locale/zh_CN/…/console.po.

A sentence stands in a source of the console as a template: ``Send ${events} again`` after ``t``
has the message ``Send {0} again``. Some words are those that the runtime says.
"""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from fc_async_sdk.spec import backlog, destinations, metrics

ROOT: Final = Path(__file__).parent.parent
SOURCES: Final = ROOT / "console" / "src"
CATALOG: Final = ROOT / "docs" / "locale" / "zh_CN" / "LC_MESSAGES" / "console.po"

_VALUE: Final = r"\$\{(?:[^{}]|\{[^{}]*\})*\}"
_SENTENCE: Final = re.compile(rf"\bt`((?:[^`\\$]|\\.|\$(?!\{{)|{_VALUE})*)`")


def sentences() -> list[str]:
    """Return all messages, each once, in the order of the files.

    Raises:
        ValueError: A template has a value that is too complex to be found.
    """
    found: dict[str, None] = {}
    for source in sorted(SOURCES.rglob("*.ts*")):
        text = source.read_text("utf-8")
        templates = _SENTENCE.findall(text)
        if len(templates) != len(re.findall(r"\bt`[^ ]", text)) and source.name != "i18n.ts":
            raise ValueError(f"{source.name}: give a name to the values of each sentence")
        for template in templates:
            numbers = itertools.count()
            message = re.sub(_VALUE, lambda _, n=numbers: f"{{{next(n)}}}", template)
            found[re.sub(r"\\(.)", r"\1", message)] = None
    words = ["success", "failure", "event", "HTTP callers", "bucket", "timer"]
    words += [kind.label for kind in destinations.KINDS.values()]
    words += [
        word for metric in metrics.METRICS.values() for word in (metric.meaning, metric.statistic)
    ]
    words += [word for cause in backlog.CAUSES.values() for word in cause]
    words += backlog.UNKNOWN
    return list(found | dict.fromkeys(words))


def write_template(file: Path) -> None:
    """Write the messages as a gettext template."""
    catalog = Catalog()
    for message in sentences():
        catalog.add(message)
    with file.open("wb") as target:
        write_po(target, catalog, width=0)


def compile_catalog(file: Path) -> None:
    """Write the translations as JSON, which the console reads."""
    with CATALOG.open("rb") as source:
        messages = read_po(source, charset="utf-8")
    translated = {
        str(message.id): message.string
        for message in messages
        if message.string and not message.fuzzy
    }
    del translated[""]
    file.write_text(json.dumps(translated, ensure_ascii=False, indent=0), "utf-8")
