# SPDX-License-Identifier: MIT
"""Rules about images: their tags, their regions, and how they are built.

Invariants:

- Nothing is run, and no file outside of the project is read.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from fc_async_plugin.check.rules.rule import Found, rule
from fc_async_plugin.project import candidates
from fc_async_plugin.s_yaml.model import is_unresolved
from fc_async_plugin.s_yaml.problems import Position
from fc_async_sdk.spec import runtimes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fc_async_plugin.check.rules.context import Context
    from fc_async_plugin.s_yaml import Project
    from fc_async_plugin.s_yaml.model import Resource

_CONFIG: Final = "customContainerConfig"
_REGISTRY: Final = re.compile(
    r"(?:registry(?:-vpc|-internal)?|[\w-]+-registry(?:-vpc)?|crpi-[\w-]+)"
    r"\.(?P<region>[a-z]{2}-[a-z0-9-]+)(?:\.personal)?(?:\.cr)?\.aliyuncs\.com/"
)
"""Hosts of ACR: of the Personal Edition, old and new, and of the Enterprise Edition."""
_OF_CLOUD: Final = re.compile(r"aliyun|\bacr\b|ACR_", re.IGNORECASE)
_LARGEST_FILE: Final = 256 * 1024
_STEP: Final = re.compile(
    r"^(?P<indent> *)(?:- +)?uses: *['\"]?docker/build-push-action@.*$", re.MULTILINE
)
_WITHOUT_PROVENANCE: Final = re.compile(r"^ *provenance: *['\"]?false", re.MULTILINE)
_NEXT_STEP: Final = re.compile(r"^ *- ", re.MULTILINE)
_PUSHES: Final = re.compile(
    r"^[^#\n]*\bdocker +(?:buildx +)?build\b(?:[^\n]*\\\n)*[^\n]*$", re.MULTILINE
)
_SWITCHED_OFF: Final = re.compile(r"BUILDX_NO_DEFAULT_ATTESTATIONS *[:=] *['\"]?1")


def _images(project: Project) -> Iterator[tuple[Resource, str]]:
    """Yield the functions with an image, and its reference."""
    for resource in project.functions:
        image = resource.at(_CONFIG, "image")
        if resource.runtime != runtimes.CONTAINER or not isinstance(image, str):
            continue
        if image and not is_unresolved(image):
            yield resource, image


@rule("FCA081", "moving-image-tag", "warning")
def moving_tag(context: Context) -> Iterator[Found]:
    """An image without a tag of its own, which moves to another image.

    The service takes the digest when the function is deployed: a tag that is pushed again changes
    nothing until the next deployment, and calls may fail because its image is gone.
    """
    for project in context.projects:
        for resource, image in _images(project):
            _, _, name = image.rpartition("/")
            tag = name.partition(":")[2]
            if "@" not in name and tag in {"", "latest"}:
                yield Found(
                    f"image {image} of {resource.function_name} has a tag that moves",
                    resource.where(_CONFIG, "image"),
                    "give each build a tag of its own, such as the id of its commit",
                )


@rule("FCA082", "image-in-another-region", "warning")
def other_region(context: Context) -> Iterator[Found]:
    """An image in a registry of another region.

    The service takes images only from ACR of the function's own region and account.
    """
    for project in context.projects:
        for resource, image in _images(project):
            match = _REGISTRY.match(image)
            region = resource.region
            if match is None or not region or is_unresolved(region):
                continue
            if match["region"] != region:
                yield Found(
                    f"image of {resource.function_name} is in {match['region']}, and the function"
                    f" in {region}",
                    resource.where(_CONFIG, "image"),
                    f"push the image to a registry in {region}",
                )


@rule("FCA083", "image-with-attestations", "warning")
def attestations(context: Context) -> Iterator[Found]:
    """A build that pushes an image with attestations, which the service refuses.

    buildx adds provenance by itself: the image becomes an index with an entry of platform
    unknown/unknown, and the function stays in the state Failed. Looks at the GitHub workflows and
    build scripts of the project that name Alibaba Cloud, if a function of a template is an image.
    """
    seen: set[Path] = set()
    for project in context.projects:
        if all(resource.runtime != runtimes.CONTAINER for resource in project.functions):
            continue
        for file in _publishing_files(project):
            if file in seen:
                continue
            seen.add(file)
            for line in pushed_with_attestations(_text(file)):
                yield Found(
                    "this build adds attestations to the image, which the service refuses: "
                    "platform of image is unknown/unknown",
                    Position(os.path.relpath(file), line, 1),
                    "add --provenance=false --sbom=false, in build-push-action provenance: false;"
                    " then push a new tag",
                )


def _publishing_files(project: Project) -> Iterator[Path]:
    """Yield the files of a project that may push images."""
    top = candidates.top_of(project)
    workflows = sorted(top.glob(".github/workflows/*.y*ml"))
    for file in [*workflows, *candidates.build_scripts(project)]:
        # A link may lead out of the project, to a file of the user.
        if file.is_file() and file.resolve().is_relative_to(top.resolve()):
            yield file


def _text(file: Path) -> str:
    """Return the text of a file; "" if it cannot be read, is large, or is not of this cloud."""
    try:
        if file.stat().st_size > _LARGEST_FILE:
            return ""
        text = file.read_text("utf-8")
    except (OSError, ValueError):
        return ""
    return text if _OF_CLOUD.search(text) else ""


def pushed_with_attestations(text: str) -> Iterator[int]:
    """Yield the lines of builds that push an image with attestations.

    Args:
        text: Of a workflow or a script.
    """
    if _SWITCHED_OFF.search(text):
        return
    for step in _STEP.finditer(text):
        following = _NEXT_STEP.search(text, step.end())
        end = following.start() if following else len(text)
        if not _WITHOUT_PROVENANCE.search(text, step.end(), end):
            yield text.count("\n", 0, step.start()) + 1
    for command in _PUSHES.finditer(text):
        words = command[0]
        if "--push" in words and "--provenance=false" not in words:
            yield text.count("\n", 0, command.start()) + 1
