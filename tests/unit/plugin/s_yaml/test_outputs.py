# SPDX-License-Identifier: MIT
"""Outputs of functions have the values of the local runtime, known before a deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fc_async_plugin import s_yaml
from fc_async_plugin.s_yaml import outputs

if TYPE_CHECKING:
    from pathlib import Path

ENDPOINT = "http://127.0.0.1:9000"
URL = f"{ENDPOINT}/_http/shop-web/page"
TEMPLATE = """\
edition: 3.0.0
name: shop
resources:
  web:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: shop-web
      runtime: python3.10
      handler: index.handler
      code: ./code
      triggers:
        - {triggerName: page, triggerType: http, triggerConfig: {authType: anonymous}}
        - {triggerName: old, triggerType: http, qualifier: v1, triggerConfig: {}}
  plain:
    component: fc3
    props: {region: cn-hangzhou, functionName: plain, runtime: python3.10, handler: a.b, code: .}
  hidden:
    component: fc3
    props:
      region: cn-hangzhou
      triggers:
        - {triggerName: t, triggerType: http, triggerConfig: {disableURLInternet: true}}
  domain:
    component: fc3-domain
    props: {domainName: auto}
  caller:
    component: fc3
    props:
      region: cn-hangzhou
      environmentVariables: {VALUE: '%s'}
"""
EDITION_1 = """\
edition: 1.0.0
name: shop
services:
  web:
    component: fc
    props:
      region: cn-hangzhou
      service: {name: shop}
      function: {name: web, runtime: python3, handler: index.handler, codeUri: ./code}
      triggers: [{name: page, type: http, config: {authType: anonymous, methods: [GET]}}]
  caller:
    component: fc
    props:
      region: cn-hangzhou
      service: {name: shop}
      function: {name: caller, runtime: python3, environmentVariables: {VALUE: '%s'}}
"""


def value_of(text: str, folder: Path, written: str = TEMPLATE) -> Any:
    """Return the variable of the function ``caller`` whose value is written as a text."""
    (folder / "s.yaml").write_text(written % text)
    project = s_yaml.load(folder / "s.yaml", purpose="run")
    found = outputs.filled(project, f"{ENDPOINT}/", "123456789012").resources
    return {one.name: one for one in found}["caller"].at("environmentVariables", "VALUE")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${resources.web.output.url.system_url}", URL),
        ("${resources.web.output.url.system_intranet_url}/a", f"{URL}/a"),
        ("${resources.web.info.url.system_url}", URL),
        ("${components.web.output.url.system_url}", URL),
        ("http://${resources.web.output.url.custom_domain}/a", f"{URL}/a"),
        ("${resources.web.output.functionName}", "shop-web"),
        ("${resources.web.output.region}", "cn-hangzhou"),
        ("${resources.web.output.handler}", "index.handler"),
        (
            "${resources.web.output.functionArn}",
            "acs:fc:cn-hangzhou:123456789012:functions/shop-web",
        ),
    ],
)
def test_an_output_of_a_function_has_its_local_value(tmp_path: Path, text: str, value: str) -> None:
    assert value_of(text, tmp_path) == value


@pytest.mark.parametrize(
    "text",
    [
        "${resources.plain.output.url.system_url}",
        "${resources.hidden.output.url.system_url}",
        "${resources.domain.output.domainName}",
        "${resources.web.output.functionId}",
        "${resources.web.output}",
    ],
)
def test_an_output_that_only_the_service_knows_stays_as_it_is(tmp_path: Path, text: str) -> None:
    assert value_of(text, tmp_path) == text


@pytest.mark.parametrize(
    "text", ["${web.output.url.custom_domain[0].domain}", "${web.output.url.system_url}"]
)
def test_an_output_of_edition_1_has_its_local_value(tmp_path: Path, text: str) -> None:
    assert value_of(text, tmp_path, EDITION_1) == f"{ENDPOINT}/_http/shop$web/page"


def test_a_function_that_an_output_names_has_this_name_everywhere(tmp_path: Path) -> None:
    text = TEMPLATE.replace("{region: cn-hangzhou, functionName: plain", "{functionName: '%s'", 1)
    text = text.replace("      environmentVariables: {VALUE: '%s'}\n", "")
    (tmp_path / "s.yaml").write_text(text % "${resources.web.output.functionName}-2")
    project = outputs.filled(s_yaml.load(tmp_path / "s.yaml", purpose="run"), ENDPOINT, "")
    [named] = [one for one in project.resources if one.name == "plain"]
    assert (named.function_name, named.at("functionName")) == ("shop-web-2", "shop-web-2")
