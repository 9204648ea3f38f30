# SPDX-License-Identifier: MIT
"""The operations of steps: on documents, one row for each kind, on functions, and their code.

When an operation is repeated, and what its errors mean, is decided by :mod:`.perform` for all kinds
alike. The service returns a URL for code that is replaced, which is downloaded into the folder of
the deployment's journal.

Invariants:

- A row is data.
- An update continues if the code cannot be downloaded. Undoing it then fails, which is reported.
- Kept code of another version is not overwritten.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import fastcrc

from fc_async_plugin import PluginError
from fc_async_plugin.account.remote import download
from fc_async_plugin.deploy.plan.kinds import config_of
from fc_async_plugin.deploy.plan.model import CreateFunction, DeleteFunction, UpdateFunction
from fc_async_plugin.project.archive import pack
from fc_async_plugin.project.code import DEFAULT_HANDLER
from fc_async_plugin.project.state import Code
from fc_async_sdk import _project_folder, models

if TYPE_CHECKING:
    from collections.abc import Callable

    from fc_async_plugin.deploy.plan.model import Delete, Put
    from fc_async_plugin.project.state import Of
    from fc_async_sdk import Client


class Operations(NamedTuple):
    """The operations on one kind of document.

    Attributes:
        create: Creates a document; a kind that can only be put has the same for ``update``.
        update: Changes a document.
        delete: Deletes a document.
    """

    create: Callable[[Client, Put], object]
    update: Callable[[Client, Put], object]
    delete: Callable[[Client, Delete], object]


def _alias(step: Put) -> dict[str, Any]:
    return {
        "version_id": step.after.get("versionId") or "",
        "description": step.after.get("description"),
        "additional_version_weight": step.after.get("additionalVersionWeight"),
    }


def _put_config(client: Client, step: Put) -> object:
    config = config_of(step.after)
    return client.put_async_invoke_config(step.function, qualifier=step.name, config=config)


def _put_concurrency(client: Client, step: Put) -> object:
    count: int = step.after["reservedConcurrency"]
    return client.put_concurrency_config(step.function, reserved_concurrency=count)


def _trigger(step: Put) -> dict[str, Any]:
    return {
        "trigger_config": step.after["triggerConfig"],
        "invocation_role": step.after.get("invocationRole"),
        "qualifier": step.after.get("qualifier"),
        "description": step.after.get("description", ""),
    }


OPERATIONS: Final[dict[Of, Operations]] = {
    "alias": Operations(
        lambda client, step: client.create_alias(step.function, step.name, **_alias(step)),
        lambda client, step: client.update_alias(step.function, step.name, **_alias(step)),
        lambda client, step: client.delete_alias(step.function, step.name),
    ),
    "async config": Operations(
        _put_config,
        _put_config,
        lambda client, step: client.delete_async_invoke_config(step.function, qualifier=step.name),
    ),
    "concurrency": Operations(
        _put_concurrency,
        _put_concurrency,
        lambda client, step: client.delete_concurrency_config(step.function),
    ),
    "trigger": Operations(
        lambda client, step: client.create_trigger(
            step.function,
            step.name,
            trigger_type=step.after["triggerType"],
            source_arn=step.after.get("sourceArn"),
            **_trigger(step),
        ),
        lambda client, step: client.update_trigger(step.function, step.name, **_trigger(step)),
        lambda client, step: client.delete_trigger(step.function, step.name),
    ),
}


def keep_code(folder: Path, client: Client, step: UpdateFunction) -> Code | None:
    """Keep the code that a step is about to replace; return None if it cannot be had.

    Args:
        folder: Folder for the code; made when the first code is kept.
        client: The client of the function's region.
        step: The update.
    """
    if step.code is None:
        return None
    # Without the code the deployment goes on: the code is needed only if it fails. If it is needed,
    # the report says that this update could not be undone.
    data = download(client, step.function)
    if data is None:
        return None
    checksum = str(fastcrc.crc64.xz(data))
    if step.code_before and checksum != step.code_before:
        return None  # it was replaced after the plan: undoing would bring back foreign code
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{step.region}-{step.function}-{checksum}.zip"
    with _project_folder.replacing(path) as file:
        file.write_bytes(data)
    return Code(path=str(path.resolve()), checksum=checksum)


def to_restore(
    step: UpdateFunction, replaced_code: Code | None, now: models.Function
) -> tuple[Code | None, list[str]]:
    """Return the code to send back, and what to report if that is not possible."""
    if step.code is None or (step.code_before and now.code_checksum == step.code_before):
        return None, []
    # Only the code of this deployment is replaced: another program may have deployed meanwhile.
    if step.code.checksum and now.code_checksum not in {None, step.code.checksum}:
        return None, ["the code was replaced once more by something else, so it was left alone"]
    if replaced_code is None:
        return None, ["the code stays replaced: the code before it could not be downloaded"]
    return replaced_code, []


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


def send_function(client: Client, step: CreateFunction | UpdateFunction | DeleteFunction) -> None:
    """Create, update or delete a function."""
    match step:
        case CreateFunction(function=function, after=after, code=code):
            settings = {key: after[key] for key in after if key not in {"runtime", "handler"}}
            client.create_function(
                function,
                runtime=after["runtime"],
                handler=after.get("handler") or DEFAULT_HANDLER,
                code=load(code),
                extra=settings,
            )
        case UpdateFunction(function=function, after=after, code=new):
            client.update_function(function, code=load(new) if new else None, extra=after)
        case DeleteFunction(function=function):
            client.delete_function(function)
