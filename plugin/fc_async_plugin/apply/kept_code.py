# SPDX-License-Identifier: MIT
"""Sends the code of functions, and keeps the code that an update replaces, to undo the update.

The service returns a URL for replaced code, which is downloaded into the folder of the deployment's
journal.

Invariants:

- An update continues if the code cannot be downloaded. Undoing it then fails, which is reported.
- Kept code of another version is not overwritten.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import fastcrc

from fc_async_plugin import PluginError
from fc_async_plugin.account.remote import download
from fc_async_plugin.plan.model import Code
from fc_async_plugin.template.code import pack
from fc_async_sdk import _project_folder, models

if TYPE_CHECKING:
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


def to_restore(
    step: UpdateFunction, kept: Code | None, now: models.Function
) -> tuple[Code | None, list[str]]:
    """Return the code to send back, and what to report if that is not possible."""
    if step.code is None or (step.code_before and now.code_checksum == step.code_before):
        return None, []
    if step.code.checksum and now.code_checksum not in {None, step.code.checksum}:
        return None, ["the code was replaced once more by something else, so it was left alone"]
    if kept is None:
        return None, ["the code stays replaced: the code before it could not be downloaded"]
    return kept, []


def load(code: Code) -> models.Code | bytes | None:
    """Return the code in the form that the API takes.

    Raises:
        PluginError: It changed since it was planned: something else would be deployed than what
            was reviewed.
    """
    if code.path is None:
        if code.bucket is None:
            return None
        return models.Code(oss_bucket_name=code.bucket, oss_object_name=code.object_name)
    package = pack(Path(code.path))
    if code.checksum is not None and package.checksum != code.checksum:
        raise PluginError(f"the code in {code.path} changed since it was planned: plan again")
    return package.data
