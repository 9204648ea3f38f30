# SPDX-License-Identifier: MIT
"""Outputs of functions on a local runtime, which are known before they are deployed. Pure.

On the service only a deployment knows them: it makes the URLs of HTTP triggers. The keys are those
of the component fc3 (https://github.com/devsapp/fc3/blob/master/src/subCommands/info/index.ts) and
of its predecessor for FC 2.0, whose custom domains are a list of URLs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from fc_async_plugin.s_yaml.model import is_unresolved
from fc_async_sdk.spec import http_trigger, limits
from fc_async_sdk.spec.arn import FunctionArn

if TYPE_CHECKING:
    from fc_async_plugin.s_yaml.model import Project, Resource

_OUTPUT: Final = re.compile(
    r"\$\{(?:resources|components)\.(?P<name>[\w-]+)\.(?:output|info)\.(?P<path>[^}]+)\}"
)


def filled(project: Project, endpoint: str, account_id: str) -> Project:
    """Return a project with the outputs of its functions in place of ``${resources.R.output.…}``.

    What has no value here stays as it is: a URL of a function without an HTTP trigger, or an output
    of a resource that is not a function.

    Args:
        project: The project.
        endpoint: URL of the local runtime, under which it has the URLs of HTTP triggers.
        account_id: Account of functions for which the template names none; "" if it is unknown.
    """
    outputs: dict[str, dict[str, str]] = {}
    for resource in project.functions:
        account = resource.account_id or account_id
        outputs[resource.name] = _outputs(resource, endpoint.rstrip("/"), account)

    def output(match: re.Match[str]) -> str:
        of_resource = outputs.get(match["name"], {})
        return of_resource.get(match["path"], match[0])

    def value(written: Any) -> Any:
        if isinstance(written, dict):
            return {key: value(child) for key, child in written.items()}
        if isinstance(written, list):
            return [value(child) for child in written]
        if not is_unresolved(written):
            return written
        return _OUTPUT.sub(output, written)

    resources = [
        msgspec.structs.replace(
            resource,
            props=value(resource.props),
            # Also the names: a plan before a deployment by s took a function whose name still had
            # ${…} for one that does not exist.
            function_name=value(resource.function_name),
            region=value(resource.region),
        )
        for resource in project.resources
    ]
    return project.with_resources(resources)


def _outputs(resource: Resource, endpoint: str, account_id: str) -> dict[str, str]:
    """Return the outputs of a function by their paths."""
    name = resource.function_name
    region = resource.region
    outputs = {key: text for key, text in resource.props.items() if isinstance(text, str)}
    outputs["functionName"] = name
    outputs["region"] = region
    if account_id:
        arn = FunctionArn(region=region, account_id=account_id, function=name)
        outputs["functionArn"] = str(arn)
    for _, trigger in resource.each("triggers"):
        if _has_public_url(trigger):
            path = f"{http_trigger.LOCAL_PATH}{name}/{trigger.get('triggerName')}"
            outputs |= _urls(f"{endpoint}{path}")
    return outputs


def _has_public_url(trigger: dict[str, Any]) -> bool:
    """Return whether a trigger is of HTTP, for the latest code, and open to the internet."""
    if trigger.get("triggerType") != http_trigger.TYPE:
        return False
    if trigger.get("qualifier") not in {None, limits.DEFAULT_QUALIFIER}:
        return False
    config = trigger.get("triggerConfig") or {}
    return isinstance(config, dict) and not config.get("disableURLInternet")


def _urls(url: str) -> dict[str, str]:
    """Return the outputs that have the URL of an HTTP trigger."""
    host_and_path = url.partition("://")[2]
    return {
        "url.system_url": url,
        "url.system_intranet_url": url,
        # A domain of fc3 has no scheme; the component for FC 2.0 has a list of URLs.
        "url.custom_domain": host_and_path,
        "url.custom_domain[0].domain": url,
    }
