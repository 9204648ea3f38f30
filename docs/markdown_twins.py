# SPDX-License-Identifier: MIT
"""Writes each page as Markdown beside its HTML, and the lists of pages for language models.

A Sphinx extension. ``how-to/sdk.html`` gets ``how-to/sdk.md``, with what autodoc adds and without
directives. ``llms.txt`` (https://llmstxt.org) has a line for each page, ``llms-full.txt`` the text of
all pages. The changelog is left out of both, and of the search of the site; so are attributes there.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from docutils import nodes
from sphinx.domains.python import PythonDomain
from sphinx_markdown_builder.builder import MarkdownBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

SECTIONS: Final = {
    "tutorials/": "Tutorials",
    "how-to/": "How-to",
    "reference/": "Reference",
    "rules/": "Rules",
    "discussion/": "Discussion",
    "": "Optional",
}
"""The parts of ``llms.txt``, by the folder of a page; the first one that matches counts."""

LEFT_OUT: Final = "changelog"
"""The page that answers no question of a user."""

_DETAILS: Final = ("module", "attribute", "property")
_INNER: Final = ("fc_async_local.", "fc_async_sdk.admin.", "fc_async_sdk.spec.")
_PAGE: Final = re.compile(r"\]\((?!\w+:)([^)#\s]+)\.html(?=[)#])")
_INDEX_ANCHOR: Final = re.compile(r'<a id="index-\d+"></a>\n+')
_SENTENCE: Final = re.compile(r"(.+?[.:?!])(?:\s|$)", re.DOTALL)


class Twins(MarkdownBuilder):
    """Writes Markdown into the folder of another builder."""

    def write_doc(self, docname: str, doctree: nodes.document) -> None:
        """Write a page; captions and abbreviations, which the base class leaves out, are text."""
        for caption in list(doctree.findall(nodes.caption)):
            caption.replace_self(nodes.paragraph("", "", nodes.strong("", caption.astext())))
        for short in list(doctree.findall(nodes.abbreviation)):
            short.replace_self(nodes.Text(short.astext()))
        super().write_doc(docname, doctree)
        path = Path(self.outdir, f"{docname}{self.out_suffix}")
        text = _INDEX_ANCHOR.sub("", path.read_text("utf-8"))
        path.write_text(_PAGE.sub(r"](\1.md", text), "utf-8")


class Searched(PythonDomain):
    """The Python domain without attributes, modules and inner packages in the search of the site.

    A search for ``endpoint`` or ``log`` began with attributes of these names. They can be linked.
    """

    def find_obj(self, *name: Any, **mode: Any) -> list[tuple[str, Any]]:
        """Return the objects of a name; those of inner packages only if there is no other."""
        objects = super().find_obj(*name, **mode)
        return [each for each in objects if not each[0].startswith(_INNER)] or objects

    def get_objects(self) -> Iterator[tuple[str, str, str, str, str, int]]:
        """Yield the objects; a priority of -1 keeps one out of the search."""
        for name, shown, kind, page, anchor, priority in super().get_objects():
            out = kind in _DETAILS or name.startswith(_INNER)
            yield name, shown, kind, page, anchor, -1 if out else priority


def leave_out_of_search(app: Sphinx, docname: str, _source: list[str]) -> None:
    """Keep a page out of the index of words and titles."""
    if docname == LEFT_OUT:
        app.env.metadata[docname]["nosearch"] = "true"


def describe(
    _app: Sphinx,
    page: str,
    _template: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Name the Markdown of a page, and its first sentence, in its HTML."""
    if doctree is not None:
        name = page.rpartition("/")[2]
        about = html.escape(first_sentence(doctree), quote=True)
        context["metatags"] = (
            f'{context.get("metatags", "")}<meta name="description" content="{about}">'
            f'<link rel="alternate" type="text/markdown" href="{name}.md">'
        )


def first_sentence(doctree: nodes.document) -> str:
    """Return the first sentence of a page, "" if it begins with something else than text."""
    paragraphs = doctree.findall(nodes.paragraph)
    paragraph = next(
        (candidate for candidate in paragraphs if isinstance(candidate.parent, nodes.section)), None
    )
    text = " ".join(paragraph.astext().split()) if paragraph else ""
    sentence = _SENTENCE.match(text)
    return (sentence[1] if sentence else text).rstrip(":")


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write the Markdown of all pages, ``llms.txt`` and ``llms-full.txt``."""
    if exception is not None or app.builder.name != "html":
        return
    builder = Twins(app, app.env)
    builder.init()
    pages = sorted(app.env.found_docs)
    builder.prepare_writing(set(pages))
    lists: dict[str, list[str]] = {title: [] for title in SECTIONS.values()}
    for page in pages:
        doctree = app.env.get_and_resolve_doctree(page, builder)
        if page not in {LEFT_OUT, "index"}:
            title = app.env.titles[page].astext()
            part = next(name for folder, name in SECTIONS.items() if page.startswith(folder))
            lists[part].append(f"- [{title}]({page}.md): {first_sentence(doctree)}")
        builder.write_doc(page, doctree)

    index = app.env.get_doctree("index")
    parts = [f"# {app.config.project}", f"> {first_sentence(index)}"]
    parts += [f"## {part}\n\n" + "\n".join(lines) for part, lines in lists.items() if lines]
    out = Path(app.outdir)
    (out / "llms.txt").write_text("\n\n".join(parts) + "\n", "utf-8")
    texts = [(out / f"{page}.md").read_text("utf-8") for page in pages if page != LEFT_OUT]
    (out / "llms-full.txt").write_text("\n".join(texts), "utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what is done while pages are read, for each page, and after the build."""
    app.setup_extension("sphinx_markdown_builder")
    app.connect("source-read", leave_out_of_search)
    app.add_domain(Searched, override=True)
    app.connect("html-page-context", describe)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
