# SPDX-License-Identifier: MIT
"""A built site over HTTP, and what its search finds in a browser."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line in the output of the test."""

    def log_message(self, *_: object) -> None:
        """Leave the requests out."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder; yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def search(page: Page, address: str, words: str) -> list[tuple[str, str]]:
    """Return the titles and addresses of the results, the best first."""
    page.goto(f"{address}/search.html?q={words}")
    page.wait_for_function("document.querySelector('#search-results .search-summary')")
    page.wait_for_function("!document.querySelector('#search-progress')?.innerText")
    links = page.locator("#search-results li > a").all()
    return [(link.inner_text(), link.get_attribute("href") or "") for link in links]
