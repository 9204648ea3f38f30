# SPDX-License-Identifier: MIT
"""Reads ``s.yaml`` into resources with source positions.

``load`` reads a template as ``s`` does; :mod:`.model` has what it asks for.
"""

from __future__ import annotations

from fc_async_plugin.template.files import find
from fc_async_plugin.template.loader import load
from fc_async_plugin.template.model import Project, Resource
from fc_async_plugin.template.problems import Position, Problem, TemplateError
from fc_async_plugin.template.reading import Suppression

__all__ = [
    "Position",
    "Problem",
    "Project",
    "Resource",
    "Suppression",
    "TemplateError",
    "find",
    "load",
]
