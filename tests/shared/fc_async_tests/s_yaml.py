# SPDX-License-Identifier: MIT
"""Templates of Serverless Devs: a test writes the settings that it is about, and no others."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    Settings = str | Mapping[str, Any]


def template(*head: str, **functions: Settings) -> str:
    """Return the text of an ``s.yaml`` with these functions, laid out as people write it.

    ``template("access: default", orders="timeout: 60")`` has one function, ``orders``, whose
    settings are the usual ones and a timeout. More functions and resources can be added at the end.

    Args:
        head: Lines for the top of the template, below ``edition`` and ``name``.
        functions: Settings by the name of the resource; see :func:`function`.
    """
    top = "".join(f"{line}\n" for line in ("edition: 3.0.0", "name: shop", *head, "resources:"))
    return top + "".join(function(name, settings) for name, settings in functions.items())


def function(name: str, settings: Settings = "") -> str:
    """Return the text of one function below ``resources``.

    Args:
        name: Of the resource, and of the function unless its settings have another.
        settings: What stands under ``props`` beside the usual settings or in place of them: the
            text of a YAML mapping, or data. A setting that is null is left out.
    """
    if not settings:
        settings = ""
    elif not isinstance(settings, str):
        settings = yaml.safe_dump(dict(settings), sort_keys=False)
    lines = textwrap.dedent(settings).strip("\n").splitlines()
    own = {line.partition(":")[0] for line in lines}
    usual = {
        "region": "cn-hangzhou",
        "functionName": name,
        "runtime": "python3.10",
        "handler": "index.handler",
        "code": "./code",
    }
    props = [f"{key}: {value}" for key, value in usual.items() if key not in own]
    props += [line for line in lines if not line.endswith(": null") or line.startswith(" ")]
    text = "".join(f"      {line}\n" for line in props if line.strip())
    return f"  {name}:\n    component: fc3\n    props:\n{text}"
