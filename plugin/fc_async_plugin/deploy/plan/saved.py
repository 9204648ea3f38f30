# SPDX-License-Identifier: MIT
"""Plans in files: reviewed, then applied exactly or refused.

A file has the steps, and a fingerprint of what the account had of each function when the plan was
made.

Invariants:

- A file has no secrets: neither keys nor values of environment variables. These are read from the
  template when the plan is applied, and compared with a digest in the file.
- Only the owner of a file can read it.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin import PluginError
from fc_async_plugin.deploy.plan import Plan, secrets
from fc_async_plugin.deploy.plan.differences import account_of, effective
from fc_async_plugin.deploy.plan.order import needs_of
from fc_async_plugin.project.state import Place, WantedFunction
from fc_async_plugin.s_yaml.problems import Position
from fc_async_sdk import _project_folder
from fc_async_sdk._decoding import prepare
from fc_async_sdk.models import AsyncConfig

if TYPE_CHECKING:
    from pathlib import Path

    from fc_async_plugin.project.state import Remote, RemoteFunction, Wanted

FORMAT: Final = 2
_MAX_BYTES: Final = 64 * 1024 * 1024
_PASSING: Final = frozenset(
    {
        "createdTime",
        "lastModifiedTime",
        "state",
        "stateReason",
        "lastUpdateStatus",
    }
)
"""Fields that change without a deployment and do not matter to a plan."""


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one function when the plan was made.

    Attributes:
        region: Region of the function.
        function: Its name.
        qualifiers: Qualifiers for which the template has a configuration.
        ours: Whether the function itself is part of the plan.
        fingerprint: Fingerprint of what the account had.
    """

    region: str
    function: str
    qualifiers: tuple[str, ...]
    ours: bool
    fingerprint: str


class SavedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan and the state from which it was made.

    Attributes:
        format: Version of the file format.
        template: Absolute path of the template.
        endpoint: The endpoint of the account; "" for the service's own.
        account_id: The account, "" if it was not known.
        environment: The environment of ``env.yaml``, "" if none was chosen.
        plan: The plan, with secret values hidden.
        seen: The state of every function of the template.
        cycles: Destination cycles that the account has after the plan, and that were accepted.
        salt: Salt of the digest.
        digest: Digest of what the steps send to functions; "" if it has no secrets.
    """

    format: int = FORMAT
    template: str
    endpoint: str
    account_id: str
    environment: str = ""
    plan: Plan
    seen: tuple[Snapshot, ...]
    cycles: tuple[str, ...] = ()
    salt: str = ""
    digest: str = ""


def without_secrets(saved: SavedPlan) -> SavedPlan:
    """Return a plan without secret values, for a file."""
    plan = saved.plan
    shown = msgspec.structs.replace(
        plan,
        steps=tuple(map(secrets.hide, plan.steps)),
        leftovers=tuple(map(secrets.hide, plan.leftovers)),
    )
    # No secrets, no digest: the plan can be applied where its template is not.
    if shown == plan:
        return saved
    salt = os.urandom(16).hex()
    digest = secrets.digest(plan.steps, salt)
    return msgspec.structs.replace(saved, plan=shown, salt=salt, digest=digest)


def with_secrets(saved: SavedPlan, desired: Wanted, remote: Remote) -> Plan:
    """Return the plan of a file with the secret values that it does not have.

    Args:
        saved: As it was read.
        desired: From the template.
        remote: From the account.

    Raises:
        PluginError: The template has changed in what the plan sends.
    """
    try:
        steps = tuple(secrets.fill_in(saved.plan.steps, desired, remote))
    except KeyError:
        steps = ()  # the template lost a function: the digest below does not fit then
    if secrets.digest(steps, saved.salt) != saved.digest:
        raise PluginError(
            f"the functions' settings in {saved.template} changed since the plan was made "
            "(environment variables are read from there, they are not in the plan): plan again"
        )
    return msgspec.structs.replace(saved.plan, steps=steps)


prepare(SavedPlan)


def save(path: Path, saved: SavedPlan) -> None:
    """Write a plan without secrets; an existing file is replaced atomically."""
    content = msgspec.json.format(msgspec.json.encode(without_secrets(saved)), indent=2)
    with _project_folder.replacing(path) as file:
        file.write_bytes(content)


def load(path: Path) -> SavedPlan:
    """Read a plan.

    Raises:
        PluginError: The file is not a plan, or has an unknown format.
    """
    # A file from elsewhere must not fill the memory before it is known not to be a plan.
    if path.stat().st_size > _MAX_BYTES:
        raise PluginError(f"{path} is larger than any plan")
    try:
        saved = msgspec.json.decode(path.read_bytes(), type=SavedPlan)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise PluginError(
            f"{path} is not a plan: {error}. Make one with: plan --out FILE"
        ) from error
    if saved.format != FORMAT:
        raise PluginError(f"{path} has format {saved.format}, expected {FORMAT}: plan again")
    # The order follows from the steps; a file that was edited could make them wait for each other.
    plan = msgspec.structs.replace(saved.plan, needs=needs_of(saved.plan.steps))
    return msgspec.structs.replace(saved, plan=plan)


def snapshots(desired: Wanted, remote: Remote) -> tuple[Snapshot, ...]:
    """Return fingerprints of the state from which a plan was made."""
    return tuple(
        Snapshot(
            **address._asdict(),
            qualifiers=tuple(sorted(want.configs)),
            ours=want.settings is not None,
            fingerprint=fingerprint(address, remote[address], ours=want.settings is not None),
        )
        for address, want in sorted(desired.items())
    )


def to_read(saved: SavedPlan) -> Wanted:
    """Return the places to read from the account, to compare them with the fingerprints."""
    # The template may not exist on the machine that applies: what is read follows from the plan.
    return {
        Place(snapshot.region, snapshot.function): WantedFunction(
            configs={qualifier: AsyncConfig() for qualifier in snapshot.qualifiers},
            position=Position(saved.template, 1, 1),
            settings={} if snapshot.ours else None,
        )
        for snapshot in saved.seen
    }


def refuse_changes(saved: SavedPlan, remote: Remote) -> None:
    """Compare the account with the fingerprints.

    Raises:
        PluginError: A function has changed; the message names it.
    """
    changed = []
    for snapshot in saved.seen:
        address = Place(snapshot.region, snapshot.function)
        if fingerprint(address, remote[address], ours=snapshot.ours) != snapshot.fingerprint:
            changed.append(str(address))
    if changed:
        raise PluginError(
            f"the account changed since the plan was made, at {', '.join(changed)}: plan again"
        )


def fingerprint(address: Place, remote: RemoteFunction, *, ours: bool) -> str:
    """Return the SHA-256 of all that a plan for this function depends on.

    Args:
        address: The function.
        remote: What the account has.
        ours: Include its settings and code; otherwise only whether it exists.
    """
    function: Any = None
    if remote.function is not None:
        function = {}
        if ours:
            settings = remote.function.to_dict()
            function = {name: settings[name] for name in settings if name not in _PASSING}
    configs = {
        qualifier: tuple(
            effective(config, region=address.region, account_id=account_of(config)).values()
        )
        for qualifier, config in remote.configs.items()
    }
    aliases = {
        name: (alias.version_id, alias.additional_version_weight)
        for name, alias in (remote.aliases or {}).items()
    }
    document = [
        function,
        configs,
        aliases,
        sorted(remote.versions or ()),
        (remote.triggers, remote.concurrency) if ours else None,
    ]
    return hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()
