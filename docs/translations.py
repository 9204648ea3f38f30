# SPDX-License-Identifier: MIT
"""Translated pages and sentences of the console: the update of their catalogs, and the check for a release.

The catalogs in docs/locale hold each message of a page and its translation. An update (``make
translate``) adds new messages without a translation, marks the translation of a changed message as
fuzzy, and removes what the page no longer has. A page may be ahead of its catalog: the Chinese site
shows such a message in English, marked (chinese_site.py). A release has to wait for the
translation: ``make check-release`` runs ``python docs/translations.py check``.

README.md has no catalog, because code hosts show it as it is: each section of README.zh-CN.md names
the digest of the English section that it translates.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from babel.messages.pofile import read_po

sys.path.append(str(Path(__file__).parent))
import console_sentences

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

DOCS: Final = Path(__file__).parent
LANGUAGE: Final = "zh_CN"
CATALOGS: Final = DOCS / "locale" / LANGUAGE / "LC_MESSAGES"
TRANSLATED: Final = (
    "index",
    "tutorials/*",
    "how-to/*",
    "discussion/*",
    "rules/*",
    "reference/api-coverage",
    "reference/cli",
    "reference/deployment",
    "reference/destinations",
    "reference/dev",
    "reference/functions",
    "reference/glossary",
    "reference/json-output",
    "reference/local-runtime",
    "reference/oss",
    "reference/platforms",
    "reference/retry-policy",
    "reference/sdk/*",
    "reference/store",
    "reference/template",
    "reference/triggers",
    "reference/ways-in",
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

_MEASUREMENT: Final = re.compile(r"[<>= ]*\d[\d.,e+-]*(?: (?:s|ms|µs|B|KB|MB|GB|\w+/s))?")
"""A number with its unit, as in tables of ``make bench``."""

_CODE: Final = re.compile(r"(`+).+?\1", re.DOTALL)
_FILE: Final = re.compile(r"[\w./-]+\.\w+")
_LETTER: Final = re.compile(r"[^\W\d_]")
_FENCE: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_DIGEST: Final = re.compile(r"<!-- README\.md: (\w+) -->\n*")


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
    console_sentences.write_template(folder / "console.pot")


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


def needs_translation(message: str) -> bool:
    """Tell whether a message reads differently in Chinese; measurements, files and code do not."""
    prose = _CODE.sub("", message)
    same = _MEASUREMENT.fullmatch(prose) or _FILE.fullmatch(prose)
    return _LETTER.search(prose) is not None and not same


def read_catalog(path: Path) -> Catalog:
    """Return the messages of a catalog or of a gettext template; none if there is no such file."""
    if not path.exists():
        return read_po([])
    with path.open("rb") as file:
        return read_po(file, charset="utf-8")


def out_of_date(page: Catalog, catalog: Catalog) -> list[str]:
    """Return how a catalog differs from what its page says now.

    Args:
        page: the messages of the page, as ``extract`` writes them.
        catalog: the translations of the page.

    Returns:
        One line for each message that lacks a translation, has a fuzzy one, or is not on the page.
    """
    messages = {str(message.id) for message in page if message.id}
    translated = {str(message.id) for message in catalog if message.string and not message.fuzzy}
    known = [str(message.id) for message in (*catalog, *catalog.obsolete.values()) if message.id]
    missing = [
        message for message in messages if message not in translated and needs_translation(message)
    ]
    obsolete = [message for message in known if message not in messages]
    return [
        *(f"not translated: {message}" for message in sorted(missing)),
        *(f"no longer on the page: {message}" for message in sorted(obsolete)),
    ]


def sections(text: str) -> list[str]:
    """Return the sections of a Markdown page, each from its heading on."""
    code = [range(*fence.span()) for fence in _FENCE.finditer(text)]
    heads = [
        head.start()
        for head in re.finditer(r"^#+ ", text, re.MULTILINE)
        if not any(head.start() in span for span in code)
    ]
    ends = [*heads[1:], len(text)]
    return [text[start:end].strip() for start, end in zip(heads, ends, strict=True)]


def digest(section: str) -> str:
    """Return the short hash that stands for an English section."""
    return hashlib.sha256(section.encode()).hexdigest()[:12]


def translated_sections(english: str, chinese: str) -> dict[str, str]:
    """Return the sections of a translated README that are up to date.

    Args:
        english: the text of README.md.
        chinese: the text of README.zh-CN.md.

    Returns:
        English sections and their translations, in the order of the English ones.
    """
    translations = {
        "".join(_DIGEST.findall(part)): _DIGEST.sub("", part) for part in sections(chinese)
    }
    return {
        part: translations[digest(part)]
        for part in sections(english)
        if digest(part) in translations
    }


def check() -> list[str]:
    """Return what is missing or out of date in Chinese, one line for each message or section."""
    faults = []
    with TemporaryDirectory() as folder:
        extract(Path(folder))
        for page in [*translated_pages(), "console"]:
            template = read_catalog(Path(folder, f"{page}.pot"))
            found = out_of_date(template, read_catalog(CATALOGS / f"{page}.po"))
            faults += [f"docs/{page}.po: {fault}" for fault in found]
    english = (DOCS.parent / "README.md").read_text("utf-8")
    done = translated_sections(english, (DOCS.parent / "README.zh-CN.md").read_text("utf-8"))
    faults += [
        f"README.md: not translated: {part.splitlines()[0]} (digest {digest(part)})"
        for part in sections(english)
        if part not in done
    ]
    return faults


def main(wanted: str) -> str | None:
    """Update the catalogs, or check them for a release, and return what is wrong."""
    if wanted == "update":
        update()
        return None
    faults = check()
    advice = (
        "Run `make translate`, then translate what is empty or fuzzy in docs/locale.",
        "For README.md, bring the section of README.zh-CN.md and its digest up to date.",
    )
    return "\n".join([*faults, *advice]) if faults else None


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["update"])))
