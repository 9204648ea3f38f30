# SPDX-License-Identifier: MIT
"""Hides the secret values of settings in plans, and fills them in again. Pure.

Values of environment variables are secret, and so is every value whose key is in
:data:`SECRET_KEYS`, such as the password of a container registry or the token of a trigger.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin.deploy.plan.kinds import KINDS
from fc_async_plugin.deploy.plan.model import CreateFunction, Delete, Put, UpdateFunction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fc_async_plugin.deploy.plan.model import Step
    from fc_async_plugin.project.state import Remote, Wanted

HIDDEN: Final = "(hidden)"
"""Shown instead of a secret value."""
SECRET_KEYS: Final = frozenset({"password", "tokendata"})
"""Keys of settings and triggers with secret values, in lower case."""
_ENVIRONMENT: Final = "environmentVariables"
_SCRYPT: Final = {"n": 2**14, "r": 8, "p": 1}
"""Slow, so that a plan file does not make it easy to guess values."""


def hidden(value: Any, *, name: str = "") -> Any:
    """Return a setting with :data:`HIDDEN` in place of its secret values.

    Args:
        value: The setting.
        name: Its key.
    """
    if isinstance(value, dict):
        # A variable without a value has nothing to hide.
        if name == _ENVIRONMENT:
            return {key: None if inner is None else HIDDEN for key, inner in value.items()}
        return {key: hidden(inner, name=str(key)) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [hidden(inner) for inner in value]
    if name.lower() in SECRET_KEYS and value:
        return HIDDEN
    return value


def hide(step: Step) -> Step:
    """Return a step without its secret values."""
    documents = {}
    for field in ("before", "after"):
        document = getattr(step, field, None)
        if document is not None:
            documents[field] = {name: hidden(value, name=name) for name, value in document.items()}
    return msgspec.structs.replace(step, **documents)


def fill_in(steps: Iterable[Step], desired: Wanted, remote: Remote) -> Iterator[Step]:
    """Return steps with the secret values of template and account.

    Args:
        steps: As :func:`hide` returned them.
        desired: From the template.
        remote: From the account.

    Raises:
        KeyError: The template has no such function.
    """
    for step in steps:
        match step:
            case CreateFunction():
                after = _settings_after(step, desired)
                yield msgspec.structs.replace(step, after=after)
            case UpdateFunction():
                function = remote[step.place].function
                current = function.to_dict() if function is not None else {}
                before = {name: current.get(name) for name in step.before}
                after = _settings_after(step, desired)
                yield msgspec.structs.replace(step, before=before, after=after)
            # Only these: other documents are in the file as they were reviewed.
            case Put() | Delete() if HIDDEN in str(step):
                yield _with_document(step, desired, remote)
            case _:
                yield step


def _settings_after(step: CreateFunction | UpdateFunction, desired: Wanted) -> dict[str, Any]:
    settings = desired[step.place].settings or {}
    return {name: settings.get(name) for name in step.after}


def _with_document(step: Put | Delete, desired: Wanted, remote: Remote) -> Step:
    address = step.place
    kind = KINDS[step.of]
    current = kind.current(remote[address]).get(step.name)
    if isinstance(step, Delete):
        return msgspec.structs.replace(step, before=current)
    document = (kind.desired(desired[address]) or {})[step.name]
    before = current if step.before is not None else None
    after = kind.to_put(document, current, address) or document
    return msgspec.structs.replace(step, before=before, after=after)


def digest(steps: Iterable[Step], salt: str) -> str:
    """Return a digest of all that steps send, secret values included.

    Args:
        steps: With their values.
        salt: Different for each plan.
    """
    documents = []
    for step in steps:
        match step:
            case CreateFunction() | UpdateFunction():
                documents.append((step.region, step.function, step.after))
            case Put() if hide(step) != step:
                documents.append((step.region, step.function, step.after))
    plain = msgspec.json.encode(documents, order="sorted")
    return hashlib.scrypt(plain, salt=salt.encode(), dklen=32, **_SCRYPT).hex()
