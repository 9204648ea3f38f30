# SPDX-License-Identifier: MIT
"""Reads ``s.yaml`` into resources with source positions.

``load`` reads a template as ``s`` does; :mod:`.model` has what it asks for.
"""

from __future__ import annotations

from fc_async_plugin.s_yaml.files import find
from fc_async_plugin.s_yaml.loader import Template, load
from fc_async_plugin.s_yaml.model import Project, Resource
from fc_async_plugin.s_yaml.problems import Position, Problem, TemplateError
from fc_async_plugin.s_yaml.reading import Suppression

__all__ = [
    "Position",
    "Problem",
    "Project",
    "Resource",
    "Suppression",
    "Template",
    "TemplateError",
    "find",
    "load",
]
