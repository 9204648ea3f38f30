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

from fc_async_plugin.account.code import download
from fc_async_plugin.plan.steps import Code
from fc_async_sdk import _project_folder

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.plan.steps import UpdateFunction
    from fc_async_sdk import Client


class CodeKeeper:
    """Keeps code for one deployment.

    Args:
        folder: Folder for the code; made when the first code is kept, deleted with the journal.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, client: Client, step: UpdateFunction) -> Code | None:
        """Keep the code that a step is about to replace; None if it cannot be had."""
        if step.code is None:
            return None
        data = download(client, step.function)
        if data is None:
            # Not a reason to stop: a deployment that succeeds does not need the code. If it is
            # needed, the report says that this update could not be undone.
            return None
        checksum = str(fastcrc.crc64.xz(data))
        if step.code_before and checksum != step.code_before:
            return None
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{step.region}-{step.function}-{checksum}.zip"
        with _project_folder.replacing(path) as file:
            file.write_bytes(data)
        return Code(path=str(path.resolve()), checksum=checksum)
