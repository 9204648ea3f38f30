# SPDX-License-Identifier: MIT
"""Deploys a template into an account that nothing else changes: the runtime of one test.

``fc-async deploy`` asks, holds a lock, keeps a journal from which an interrupted run is resumed,
and looks for cycles with what the account has. An account that lives as long as one test needs
none of these.

Invariants:

- A template with an error, or a plan that cannot be carried out, changes nothing.
- No file is written.
"""

from __future__ import annotations

import time
import warnings
from itertools import chain
from typing import TYPE_CHECKING

from fc_async_plugin import PluginError, s_yaml
from fc_async_plugin.account import Regions
from fc_async_plugin.account.remote import read
from fc_async_plugin.check import rules
from fc_async_plugin.deploy.apply import executor
from fc_async_plugin.deploy.apply.perform import Performer
from fc_async_plugin.deploy.plan import plan_changes
from fc_async_plugin.project import attached
from fc_async_plugin.project.lack import told
from fc_async_plugin.project.wanted import wanted
from fc_async_plugin.report import findings
from fc_async_plugin.s_yaml import outputs
from fc_async_plugin.s_yaml.problems import TemplateError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from fc_async_plugin.s_yaml import Project
    from fc_async_sdk import Client


def deploy(
    file: str | os.PathLike[str],
    connect: Callable[[str], Client],
    *,
    account_id: str,
    env: str | None = None,
) -> dict[str, str]:
    """Deploy the functions of a template with their asynchronous configuration and triggers.

    Args:
        file: The template, or its folder.
        connect: Makes the client of a region; the clients are closed at the end.
        account_id: Account id; takes precedence over that of the access alias.
        env: Environment of ``env.yaml``, or None.

    Returns:
        The names of the functions by resource, in the order of the template.

    Raises:
        TemplateError: The template cannot be read.
        PluginError: The rules find an error, or a step failed; what was done is undone.
    """
    project = s_yaml.load(file, env=env, account_id=account_id, purpose="run")
    if project.left_out:
        raise TemplateError(list(chain.from_iterable(project.left_out.values())))
    for lack in told(attached.unset(project)):
        warnings.warn(str(lack), stacklevel=3)  # 3: the test that called fc_local.deploy
    regions = Regions(connect)
    try:
        project = outputs.filled(project, regions[""].endpoint_url, account_id)
        _refuse_errors(project)
        wants = wanted(project, functions=True, local=True)
        plan = plan_changes(wants, read(regions, wants))
        if plan.obstacles:
            raise PluginError("\n".join(map(str, plan.obstacles)))
        # The clients of a test repeat requests themselves; repeating steps would multiply that.
        performer = Performer(regions, sleep=time.sleep, attempts=1)
        report = executor.apply(plan, performer)
        if report.outcome != "done":
            raise PluginError("\n".join(map(str, (*report.failures, *report.stuck))))
    finally:
        regions.close()
    return {resource.name: resource.function_name for resource in project.functions}


def _refuse_errors(project: Project) -> None:
    checked = rules.check(rules.Context([project]))
    errors = [
        finding for finding in checked if finding.severity == "error" and not finding.account_only
    ]
    if errors:
        raise PluginError(findings.to_text(errors, 1))
