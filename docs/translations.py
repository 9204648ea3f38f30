# SPDX-License-Identifier: MIT
"""Which pages are translated, and the update of their catalogs: ``make translate``.

The catalogs in docs/locale hold each message of a page and its translation. An update adds new
messages without a translation, marks the translation of a changed message as fuzzy, and removes
what the page no longer has. A test fails until nothing is missing or fuzzy.
"""

from __future__ import annotations

import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parent
LANGUAGE: Final = "zh_CN"
CATALOGS: Final = DOCS / "locale" / LANGUAGE / "LC_MESSAGES"
TRANSLATED: Final = (
    "index",
    "tutorials/*",
    "how-to/*",
    "discussion/*",
    "rules/*",
    "reference/glossary",
)
"""Patterns of the pages that are translated. The other pages are English on both sites."""

HEADER: Final = """\
# SPDX-License-Identifier: MIT
msgid ""
msgstr ""
"Language: zh_CN\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""
"""Without dates and versions of tools, which would differ after each update."""


def is_translated(page: str) -> bool:
    """Tell whether a page is translated.

    Args:
        page: path below docs/ without its suffix, for example ``rules/FCA001``.

    Returns:
        True if the Chinese site has this page in Chinese.
    """
    return any(fnmatch(page, pattern) for pattern in TRANSLATED)


def translated_pages() -> list[str]:
    """Return the pages that are translated, as paths below docs/ without their suffix."""
    pages = (path.relative_to(DOCS).with_suffix("") for path in DOCS.rglob("*.md"))
    return sorted(page.as_posix() for page in pages if is_translated(page.as_posix()))


def extract(folder: Path) -> None:
    """Write the messages of the translated pages as gettext templates.

    Args:
        folder: where the templates (``rules/FCA001.pot``) are written.
    """
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    others = sorted(page for page in pages if not is_translated(page.removesuffix(".md")))
    left_out = ",".join(["_build", *others])
    # Quiet about links to the pages that are left out; the build of the site checks links.
    options = ("-b", "gettext", "-Q", "-E", "-D", f"exclude_patterns={left_out}")
    run("sphinx", *options, str(DOCS), str(folder))


def run(module: str, *arguments: str) -> None:
    """Run a module of this Python, and raise an error if it fails."""
    subprocess.run((sys.executable, "-m", module, *arguments), check=True)  # noqa: S603 -- our own


def update() -> None:
    """Bring the catalogs up to date with the pages."""
    templates = DOCS / "_build" / "gettext"
    for template in templates.rglob("*.pot"):
        template.unlink()
    extract(templates)
    for catalog in CATALOGS.rglob("*.po"):
        page = catalog.relative_to(CATALOGS).with_suffix(".pot")
        if not (templates / page).exists():
            catalog.unlink()
    # Lines are not wrapped: a change of one word is one line in a diff.
    options = ("-p", templates, "-d", DOCS / "locale", "-l", LANGUAGE, "-w", "0", "--no-obsolete")
    run("sphinx_intl", "update", *map(str, options))
    for catalog in CATALOGS.rglob("*.po"):
        _, _, messages = catalog.read_text("utf-8").partition("\n\n")
        catalog.write_text(f"{HEADER}\n{messages.rstrip()}\n", "utf-8")


if __name__ == "__main__":
    update()
