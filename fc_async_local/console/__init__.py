# SPDX-License-Identifier: MIT
"""The web page of the runtime: built files that are served as they are.

The page calls the admin API of its own origin only. Its sources are in ``console/`` of the
repository; ``make setup`` builds them into the folder ``static`` here, which is in the wheel and
not in git. Without it, the page says how to build it.

Invariants:
    The content security policy lets the browser load nothing from other origins, and run no script
    and no style that is not a file of this folder.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

PATH: Final = "/console"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_INDEX: Final = "index.html"
_UNBUILT: Final = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>fc-async console</title>
<h1>The console is not built</h1>
<p>The runtime works without it. To build it, run <code>make setup</code> in the repository, which
needs npm: the development environment has one. An installed package has the console built.</p>
<p>The same data is at <a href="/_local/tasks">/_local/tasks</a>.</p>
</html>
"""


def routes() -> list[Route]:
    """Return the routes of the page and its files, which are read once."""
    answers = _read()

    async def page(_: Request) -> Response:
        return answers[_INDEX]

    async def file(request: Request) -> Response:
        found = answers.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        return found

    async def root(_: Request) -> Response:
        return RedirectResponse(PATH)

    return [
        Route("/", root, methods=["GET"]),
        Route(PATH, page, methods=["GET"]),
        Route(f"{PATH}/{{name}}", file, methods=["GET"]),
    ]


def _read() -> Mapping[str, Response]:
    """Return the answer for every file of the folder by its name: only these are served."""
    folder = resources.files(__name__).joinpath("static")
    built = folder.joinpath(_INDEX).is_file()
    files = (
        {one.name: one.read_bytes() for one in folder.iterdir()} if built else {_INDEX: _UNBUILT}
    )
    return {
        name: Response(body, media_type=_TYPES[name[name.rindex(".") :]], headers=_HEADERS)
        for name, body in files.items()
    }
