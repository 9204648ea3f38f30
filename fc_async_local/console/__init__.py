# SPDX-License-Identifier: MIT
"""The web page of the runtime: built files that are served as they are.

The page calls the admin API of its own origin only. Its sources are in ``console/`` of the
repository; ``make setup`` builds them into the folder ``static`` here, which is in the wheel and
not in git. Without it, the page says how to build it.

Invariants:
    The content security policy lets the browser load nothing from other origins, and run no script
    and no style that is not a file of this folder.
    The page needs the token of the runtime, once for each browser: a cookie follows, and the token
    leaves the address. The files beside the page are those of every installation, and open.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fc_async_local.http.access import CONSOLE as PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from fc_async_local.http.access import Access

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


_LOCKED: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>fc-async console</title>
<meta name="viewport" content="width=device-width">{again}
<link rel="stylesheet" href="/console/console.css">
<main>
<h1>This console needs its token</h1>
<p>It belongs to the user who started this runtime. In the folder where it runs, this command prints
the address that lets a browser in:</p>
<pre>fc-async local console</pre>
<p>From elsewhere, name its data folder with <code>--data</code>. A runtime that was started again
has another token.</p>
<hr>
<p lang="zh-CN">控制台只对启动本运行时的用户开放。请在启动它的文件夹中运行
<code>fc-async local console</code>。然后打开它打印的地址。</p>
</main>
</html>
"""
_AGAIN: Final = f'<meta http-equiv="refresh" content="0; url={PATH}">'
"""The browser keeps the cookie back when a page of another site led to the console, and sends it
when this page asks again."""


def routes(access: Access) -> list[Route]:
    """Return the routes of the page and its files, which are read once.

    Args:
        access: Lets browsers in.
    """
    answers = _read()

    async def page(request: Request) -> Response:
        if access.is_token(request.query_params.get("token", "")):
            headers = {
                **_HEADERS,
                "cache-control": "no-store",
                "set-cookie": access.cookie,
            }
            return RedirectResponse(PATH, 303, headers)
        if access.knows(request.headers):
            return answers[_INDEX]
        from_page = request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
        text = _LOCKED.format(again=_AGAIN if from_page else "")
        return Response(text, 401, {**_HEADERS, "cache-control": "no-store"}, _TYPES[".html"])

    async def file(request: Request) -> Response:
        answer = answers.get(request.path_params["name"])
        if answer is None or request.path_params["name"] == _INDEX:
            raise HTTPException(404)
        return answer

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
        {file.name: file.read_bytes() for file in folder.iterdir()} if built else {_INDEX: _UNBUILT}
    )
    return {
        name: Response(body, media_type=_TYPES[name[name.rindex(".") :]], headers=_HEADERS)
        for name, body in files.items()
    }
