# SPDX-License-Identifier: MIT
"""Import the configuration of an account into a template, value by value.

Invariants:

- Pure: a template, what the account has and a text go in, a text comes out.
- A value that means the same stays as it is written, with variables and comments. Only values that
  differ are changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from fc_async_plugin.deploy.plan.differences import DEFAULTS, account_of, effective, settings_of
from fc_async_plugin.project.state import Place
from fc_async_plugin.s_yaml.model import BLOCK, desired, is_function
from fc_async_plugin.s_yaml.yaml_edit import Edit
from fc_async_sdk.models import AsyncConfig
from fc_async_sdk.spec import limits
from fc_async_sdk.spec.async_config import OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fc_async_plugin.project.state import Remote
    from fc_async_plugin.s_yaml.model import Project, Resource


class Imported(NamedTuple):
    """The result of an import.

    Attributes:
        text: The edited template.
        resources: Names of the resources that changed.
        notes: What cannot be imported, one sentence each.
    """

    text: str
    resources: tuple[str, ...]
    notes: tuple[str, ...]


def import_configs(
    project: Project, text: str, remote: Remote, *, only: Collection[str] = ()
) -> Imported:
    """Write the configuration of the account into the text of a template.

    Args:
        project: The template, as it was read.
        text: The same template, as text.
        remote: What the account has of its functions.
        only: Names of the resources to import; empty: all of them.

    Raises:
        PluginError: A value is at a place that cannot be edited safely.
    """
    changed: list[str] = []
    notes: list[str] = []
    for resource in project.resources:
        if not is_function(resource) or (only and resource.name not in only):
            continue
        address = Place(resource.region, resource.function_name)
        configs = remote[address].configs
        qualifier = _qualifier(resource, configs)
        other_qualifiers = sorted(set(configs) - {qualifier})
        if other_qualifiers:
            # A resource has one block, and a block one qualifier.
            notes.append(
                f"{address} is also configured for {', '.join(other_qualifiers)}: each takes a "
                "resource of its own"
            )
        config = configs.get(qualifier)
        if config is None:
            continue
        before = text
        for path, value in _changes(resource, qualifier, config):
            # Value by value in the text: a YAML round trip changed indents, line ends and comments
            # elsewhere.
            text = Edit(text).set(("resources", resource.name, "props", BLOCK, *path), value)
        if text != before:
            changed.append(resource.name)
    return Imported(text, tuple(changed), tuple(notes))


def _qualifier(resource: Resource, configs: Mapping[str, AsyncConfig]) -> str:
    """Return the qualifier of a resource: its block's, or the account's only one."""
    block = desired(resource)
    if block is not None:
        return block.qualifier
    if limits.DEFAULT_QUALIFIER in configs or not configs:
        return limits.DEFAULT_QUALIFIER
    return min(configs)


def _changes(
    resource: Resource, qualifier: str, config: AsyncConfig
) -> list[tuple[tuple[str, ...], Any]]:
    block = desired(resource)
    written = block.config if block is not None else AsyncConfig()
    account_id = account_of(config)
    have = effective(config, region=resource.region, account_id=account_id)
    want = effective(written, region=resource.region, account_id=account_id)
    changes: list[tuple[tuple[str, ...], Any]] = []
    if block is None and qualifier != limits.DEFAULT_QUALIFIER:
        changes.append((("qualifier",), qualifier))
    # A new block is complete, so that it also says what holds by default.
    differing = list(DEFAULTS)
    if block is not None:
        differing = [name for name in DEFAULTS if have[name] != want[name]]
    changes += [((name,), have[name]) for name in differing]
    # As the account has it: an ARN without region or account stays short.
    arns = settings_of(config)
    for outcome, _ in OUTCOMES:
        if have[outcome] == want[outcome]:
            continue
        if outcome in arns:
            changes.append((("destinationConfig", outcome, "destination"), arns[outcome]))
        else:
            changes.append((("destinationConfig", outcome), None))
    return changes
