"""The pages of the web function. Pure: each function returns HTML.

All text that comes from a user or a function passes `html.escape`. The pages work without
JavaScript: one that waits reloads itself.
"""

import base64
import hashlib
import os
from html import escape

from fc_async_sdk.models import AsyncTask

from sheets import MOST_CHARACTERS, Report, Sheet

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d0d4da, #444b55);
  --soft: light-dark(#5a6270, #a3acb9); --accent: light-dark(#0b5cad, #6db3ff);
  --bad: light-dark(#a51d1d, #ff8f8f); --good: light-dark(#116329, #6ddb8b); }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 46rem; padding: 1.5rem 1rem;
  background: light-dark(#fff, #15181d); color: light-dark(#1b1f24, #e6e9ee); }
a { color: var(--accent); }
label { display: block; font-weight: 600; margin: 1rem 0 .25rem; }
input, textarea { background: transparent; border: 1px solid var(--line); border-radius: .4rem;
  color: inherit; font: inherit; padding: .5rem .6rem; width: 100%; }
textarea { font-family: ui-monospace, monospace; font-size: .9rem; }
button { background: var(--accent); border: 0; border-radius: .4rem; font: inherit;
  color: light-dark(#fff, #10151b); cursor: pointer; font-weight: 600; margin-top: 1rem;
  padding: .55rem 1.2rem; }
progress { accent-color: var(--accent); width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .5rem; text-align: right; }
th:first-child, td:first-child { text-align: left; }
.table { overflow-x: auto; }
.soft { color: var(--soft); }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; overflow-wrap: anywhere; }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
}
EXAMPLE = "item,price,count\napple,3.5,4\npear,2,10"
TITLE = os.environ.get("TITLE", "Reports")
STEPS = {
    "Enqueued": "Your table waits for its turn.",
    "Dequeued": "Your table waits for its turn.",
    "Running": "The report is being made.",
    "Retrying": "The last attempt failed. There will be another one.",
    "Stopping": "The report is being stopped.",
}
ENDS = {
    "Failed": "The report could not be made.",
    "Stopped": "The report was stopped.",
    "Expired": "There was too much to do, and your table waited for too long.",
    "Invalid": "The report could not be made.",
    "Succeeded": "The report was made, and is not kept any more.",
}


def page(heading: str, body: str, *, reload_after: int = 0) -> str:
    """Return a whole page.

    Args:
        heading: Plain text.
        body: HTML.
        reload_after: Seconds after which the browser loads the page again; 0: never.
    """
    again = f'<meta http-equiv="refresh" content="{reload_after}">\n' if reload_after else ""
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"{again}<title>{escape(heading)} - {escape(TITLE)}</title>\n<style>{STYLE}</style>\n"
        f"<main>\n<h1>{escape(heading)}</h1>\n{body}\n</main>\n</html>\n"
    )


def form(key: str, sheet: Sheet | None = None, problem: str = "") -> str:
    """Return the form; after a problem, with what was typed."""
    sheet = sheet or Sheet("", EXAMPLE)
    alert = f'<p class="bad" role="alert">{escape(problem)}</p>\n' if problem else ""
    return page(
        TITLE,
        f"""<p>Paste a table as CSV, with the names of its columns in the first line.</p>
{alert}<form method="post">
<input type="hidden" name="key" value="{escape(key)}">
<label for="title">Title</label>
<input id="title" name="title" maxlength="100" value="{escape(sheet.title)}">
<label for="csv">Table</label>
<textarea id="csv" name="csv" rows="12" maxlength="{MOST_CHARACTERS}" required>
{escape(sheet.csv)}</textarea>
<button>Make the report</button>
</form>""",
    )


def waiting(task: AsyncTask) -> str:
    """Return the page of a task that has not ended."""
    step = STEPS.get(task.status, "The report is being made.")
    attempt = 1 + (task.already_retried_times or 0)
    return page(
        "Your report",
        f"""<p role="status">{escape(step)}</p>
<progress aria-label="in progress"></progress>
<p class="soft">{escape(task.status)}, attempt {attempt}. This page reloads itself.</p>""",
        reload_after=2,
    )


def finished(report: Report) -> str:
    """Return the page of a report."""
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("Column", "Filled", "Different", "Total", "Lowest", "Highest")
    )
    rows = "\n".join(
        f"<tr><td>{escape(one.name)}</td><td>{one.filled}</td><td>{one.different}</td>"
        f"<td>{number(one.total)}</td><td>{number(one.lowest)}</td><td>{number(one.highest)}</td></tr>"
        for one in report.columns
    )
    return page(
        report.title or "Your report",
        f"""<p class="good" role="status">Succeeded</p>
<p>{report.rows} rows</p>
<div class="table" tabindex="0" role="region" aria-label="columns"><table>
<tr>{head}</tr>
{rows}
</table></div>
{BACK}""",
    )


def failed(task: AsyncTask, reason: str) -> str:
    """Return the page of a task that has ended without a report; `reason` is for the user."""
    told = f"<p>{escape(reason)}.</p>\n" if reason else ""
    return page(
        "Your report",
        f"""<p class="bad" role="alert">{ENDS.get(task.status, ENDS["Failed"])}</p>
{told}<p class="soft">{escape(task.status)}. If you ask for help, name this number:
{escape(task.request_id or task.task_id)}</p>
{BACK}""",
    )


def missing() -> str:
    """Return the page for a report that does not exist; a new one may not be listed yet."""
    told = "There is no such report, or not yet."
    return page("Your report", f"<p>{told}</p>\n{BACK}", reload_after=5)


def unknown() -> str:
    """Return the page for a moment in which Function Compute does not answer."""
    return page("Your report", "<p>Please wait. This page reloads itself.</p>", reload_after=5)


def number(value: float | None) -> str:
    """Return a number for a cell of a table."""
    return "-" if value is None else f"{value:,.10g}"


BACK = '<p><a href="?">Another report</a></p>'
