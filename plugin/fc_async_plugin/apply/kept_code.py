# SPDX-License-Identifier: MIT
"""Keeps the code that an update replaces, so that the update can be undone.

The code is downloaded from the URL that the service returns, into the folder of the deployment's
journal.

Invariants:

- An update continues if the code cannot be downloaded. Undoing it then fails, which is reported.
- Kept code of another version is not overwritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import fastcrc

from fc_async_plugin.account.remote import download
from fc_async_plugin.plan.model import Code
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.plan.model import UpdateFunction
    from fc_async_sdk import Client


def keep(folder: Path, client: Client, step: UpdateFunction) -> Code | None:
    """Keep the code that a step is about to replace; return None if it cannot be had.

    Args:
        folder: Folder for the code; made when the first code is kept.
        client: The client of the function's region.
        step: The update.
    """
    # Without the code the deployment goes on: the code is needed only if it fails. If it is needed,
    # the report says that this update could not be undone.
    data = download(client, step.function) if step.code is not None else None
    checksum = "" if data is None else str(fastcrc.crc64.xz(data))
    if data is None or (step.code_before and checksum != step.code_before):
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{step.region}-{step.function}-{checksum}.zip"
    with _project_folder.replacing(path) as file:
        file.write_bytes(data)
    return Code(path=str(path.resolve()), checksum=checksum)
