"""The web function: a form, and a page for each report that tells how far it is.

No request waits for a report: the form is answered with the address of the report's page, and the
function `summarize` does the work. All pages have one path, with `?report=` for a report, because a
web function does not know under which path it is reached.
"""

import asyncio
import hashlib
import logging
import os
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import fc_async_sdk
import uvicorn
from fc_async_sdk import AsyncFunctionHandle, errors
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

import pages
import reports
from sheets import MOST_CHARACTERS, NAME, Report, Sheet

FORM = "application/x-www-form-urlencoded"
MOST_BYTES = 4 * MOST_CHARACTERS
KEY = re.compile(r"[a-z0-9-]{16,64}")
NO_ANSWER = (errors.ServiceError, errors.TransportError)
"""Function Compute refused a call for now, or did not answer."""


class Refused(Exception):
    """A form that cannot be accepted.

    Args:
        status: Status code of the answer.
        reason: For the user.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def show(request: Request) -> Response:
    """Show how far a report is, or the form.

    The form has a key that makes a second click on its button harmless.
    """
    name = request.query_params.get("report")
    if not name:
        return answer(pages.form(secrets.token_hex(16)))
    if not NAME.fullmatch(name):
        return answer(pages.missing(), 404)
    task = summarize(request).task(f"report-{name}")
    try:
        await task.status()
    except errors.AsyncTaskNotFound:
        pass  # It is not listed yet, or it ended more than seven days ago.
    except NO_ANSWER as error:
        logging.warning("cannot read %s: %s", task, error)
        return answer(pages.unknown(), 503)
    kept = await asyncio.to_thread(reports.read, name)
    if isinstance(kept, Report):  # also after a replay, which is another task
        return answer(pages.finished(kept))
    if task.task is None:
        return answer(pages.missing(), 404)
    if task.task.finished:
        return answer(pages.failed(task.task, kept or ""))
    return answer(pages.waiting(task.task))


async def submit(request: Request) -> Response:
    """Start the work for a form, and answer with the address of its page."""
    key, sheet = secrets.token_hex(16), Sheet("", "")
    try:
        check_sender(request.headers)
        key, sheet = read_form(await read_body(request))
        check(sheet)
        name = name_of(key, sheet)
        await summarize(request).spawn(replace(sheet, name=name), task_id=f"report-{name}")
    except Refused as refusal:
        return answer(pages.form(key, sheet, str(refusal)), refusal.status)
    except errors.PayloadTooLarge:
        return answer(pages.form(key, sheet, "The table is too long."), 413)
    except errors.AsyncTaskAlreadyExists:
        pass  # This form came before, so its report is being made.
    except NO_ANSWER as error:
        logging.warning("cannot start a report: %s", error)
        return answer(pages.form(key, sheet, "Too much to do. Please send it again."), 503)
    return RedirectResponse(f"?report={name}", status_code=303)


def check_sender(headers: Headers) -> None:
    """Refuse a form that a browser sends from a page of another site (CSRF).

    Browsers say so in Sec-Fetch-Site, and older ones in Origin. Other programs send neither, and
    they have no cookies that another site could misuse.
    """
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    foreign = site not in {"same-origin", "none"} if site else False
    if site is None and origin is not None:
        foreign = urlsplit(origin).netloc != headers.get("host")
    if foreign:
        raise Refused(403, "The form was sent by a page of another site.")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Refused(415, "This is not a form.")


async def read_body(request: Request) -> bytes:
    """Return the body of a request, unless it is too long."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise Refused(413, "The table is too long.")
    return bytes(body)


def read_form(body: bytes) -> tuple[str, Sheet]:
    """Return the key and the sheet in a form."""
    try:
        fields = parse_qs(body.decode(), max_num_fields=10, errors="strict")
    except ValueError:
        raise Refused(400, "The form cannot be read.") from None
    key, title, csv = (fields.get(name, [""])[0] for name in ("key", "title", "csv"))
    return key or secrets.token_hex(16), Sheet(title.strip(), csv)


def check(sheet: Sheet) -> None:
    """Refuse a sheet for which no report can be made."""
    if not sheet.csv.strip():
        raise Refused(422, "Please paste a table.")
    if len(sheet.csv) > MOST_CHARACTERS:
        raise Refused(413, f"The table has more than {MOST_CHARACTERS:,} characters.")
    if len(sheet.title) > 100:
        raise Refused(422, "The title has more than 100 characters.")


def name_of(key: str, sheet: Sheet) -> str:
    """Return the name of a report: the same for the same form and the same sheet.

    A user who goes back, changes the sheet and sends the form again gets a new report.
    """
    if not KEY.fullmatch(key):
        raise Refused(422, "The form has an invalid key. Please load it again.")
    content = hashlib.sha256(f"{sheet.title}\n{sheet.csv}".encode()).hexdigest()
    return f"{key}-{content[:12]}"


def summarize(request: Request) -> AsyncFunctionHandle[Sheet, bytes]:
    """Return the function that does the work."""
    handle: AsyncFunctionHandle[Sheet, bytes] = request.state.summarize
    return handle


def answer(page: str, status: int = 200) -> HTMLResponse:
    """Return an answer with headers that keep the page safe, and out of caches."""
    return HTMLResponse(page, status, pages.HEADERS)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
    """Open one client for all requests of this instance.

    It finds region, account and the keys of the function's role in the environment, both on the
    service and in `fc-async dev`.
    """
    async with fc_async_sdk.async_client() as client:
        name = os.environ["SUMMARIZE_FUNCTION"]
        yield {"summarize": client.function(name, payload=Sheet)}


app = Starlette(
    routes=[
        Route("/", show),
        Route("/", submit, methods=["POST"]),
    ],
    lifespan=lifespan,
)

if __name__ == "__main__":
    # The service needs 0.0.0.0. On your machine the server must not be reachable from the network.
    local = "FC_ASYNC_ENDPOINT" in os.environ
    uvicorn.run(
        app,
        host="127.0.0.1" if local else "0.0.0.0",
        port=int(os.environ.get("FC_CUSTOM_LISTEN_PORT", "9000")),
        timeout_keep_alive=900,  # FC reuses connections for up to 15 minutes
        access_log=False,
        log_level="warning",
    )
