# SPDX-License-Identifier: MIT
"""Writes a scene as one HTML file: zoom, search, keyboard, and a list of the cycles.

Invariants:

- The file loads nothing; its policy allows its own style and script only.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from fc_async_sdk._drawing import svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fc_async_sdk._drawing.scene import Scene

_FOLDER: Final = Path(__file__).parent


class Loop(NamedTuple):
    """A cycle in words.

    Attributes:
        path: The names of its nodes; the first one is repeated at the end.
        cut: The edge whose removal ends it.
        place: Where that edge is written; "": only the account has it.
    """

    path: tuple[str, ...]
    cut: str
    place: str


def write(
    scene: Scene,
    title: str,
    loops: Sequence[Loop] = (),
    cuts: Sequence[tuple[str, str]] = (),
) -> str:
    """Return a page with a drawing.

    Args:
        scene: The drawing.
        title: Heading and name of the page.
        loops: Its cycles.
        cuts: Further edges to remove until no cycle is left, and where they are written.
    """
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    style = (_FOLDER / "page.css").read_text(encoding="utf-8")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<header>
<h1>{escape(title)}</h1>
<label>Search <input id="search" type="search" aria-describedby="found"></label>
<span id="found" role="status"></span>
<span><button id="out" aria-label="Zoom out">&minus;</button>
<button id="in" aria-label="Zoom in">+</button>
<button id="fit">Fit</button> <span id="scale"></span></span>
<span>{_summary(loops)}</span>
<small>Keys: / search, Enter next, arrows move, + - 0 zoom, Esc clear</small>
</header>
<main id="view" tabindex="-1" aria-label="Drawing">
{svg.draw(scene, title)}
</main>
<section id="cycles">{_cycles(loops, cuts)}</section>
<script>{script}</script>
</body>
</html>"""


def _summary(loops: Sequence[Loop]) -> str:
    if not loops:
        return "No cycles."
    return f'<strong class="bad">{len(loops)} cycle{"s" * (len(loops) > 1)}</strong>'


def _cycles(loops: Sequence[Loop], cuts: Sequence[tuple[str, str]]) -> str:
    if not loops:
        return ""
    items = [f"{escape(' → '.join(one.path))}<br>{_remove(one.cut, one.place)}" for one in loops]
    items += [f"{_remove(cut, place)}, too" for cut, place in cuts]
    return f'<h2 class="bad">Cycles</h2><ul>{"".join(f"<li>{item}</li>" for item in items)}</ul>'


def _remove(cut: str, place: str) -> str:
    return f"remove {escape(cut)}" + (f" at <code>{escape(place)}</code>" if place else "")
