# SPDX-License-Identifier: MIT
"""Write the project's links into the metadata of a release.

The workflow that builds a release sets ``FC_ASYNC_REPOSITORY`` to the address of the repository
that it runs in, so a fork never names somebody else's. A build without it has no links.
See https://hatch.pypa.io/latest/plugins/metadata-hook/custom/.
"""

from __future__ import annotations

import os

from hatchling.metadata.plugin.interface import MetadataHookInterface


class ProjectUrls(MetadataHookInterface):
    """Fill in ``project.urls`` of pyproject.toml."""

    def update(self, metadata: dict[str, object]) -> None:
        """Set the links of the distribution ``metadata``."""
        repository = os.environ.get("FC_ASYNC_REPOSITORY", "").rstrip("/")
        metadata["urls"] = links(repository) if repository else {}


def links(repository: str) -> dict[str, str]:
    """Return the links by label, as the package index shows them."""
    return {
        "Source": repository,
        "Documentation": f"{repository}/tree/main/docs",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }
