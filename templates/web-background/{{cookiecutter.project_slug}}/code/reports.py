"""Where reports are kept: one file for each, in a folder that both functions see.

On the service the folder is a bucket of OSS, which s.yaml mounts. On this machine it is a folder
for temporary files. A report is in it for as long as the bucket keeps it; Function Compute forgets
a task after seven days, and does not keep results unless this was switched on for the account.
"""

import json
import os
import tempfile
from dataclasses import asdict
from pathlib import Path

from sheets import NAME, Column, Report

LOCAL = Path(tempfile.gettempdir(), "{{ cookiecutter.project_slug }}-reports")


def keep(name: str, outcome: Report | str) -> None:
    """Keep a report, or the reason for the user why there is none, in the place of an earlier one.

    Raises:
        ValueError: The name is not one that `web` makes.
    """
    file = file_of(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = asdict(outcome) if isinstance(outcome, Report) else {"reason": outcome}
    file.write_text(json.dumps(kept))


def read(name: str) -> Report | str | None:
    """Return a report, or the reason why there is none; None if neither is there yet."""
    try:
        kept = json.loads(file_of(name).read_text())
    except (FileNotFoundError, json.JSONDecodeError):  # half of a file is not there yet, either
        return None
    if "reason" in kept:
        return str(kept["reason"])
    return Report(kept["title"], kept["rows"], [Column(**one) for one in kept["columns"]])


def file_of(name: str) -> Path:
    """Return the file of a report."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a report")
    if "FC_ASYNC_ENDPOINT" in os.environ:  # on this machine
        return Path(os.environ["LOCAL_REPORTS"] or LOCAL, f"{name}.json")
    return Path(os.environ["REPORTS"], f"{name}.json")
