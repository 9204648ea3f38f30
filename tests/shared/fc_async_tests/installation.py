# SPDX-License-Identifier: MIT
"""Makes fc-async seem to be installed from somewhere else than this checkout."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest


def install(patch: pytest.MonkeyPatch, site: Path, origin: Mapping[str, Any] | None = None) -> None:
    """Put the metadata of an installation before those of this one.

    Args:
        patch: Ends it.
        site: A new folder, which takes the place of ``site-packages``.
        origin: What the installer recorded (PEP 610); None: an installation from an index.
    """
    metadata = site / "fc_async-0.2.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Name: fc-async\nVersion: 0.2.0\n")
    if origin is not None:
        (metadata / "direct_url.json").write_text(json.dumps(origin))
    patch.setattr(sys, "path", [str(site), *sys.path])
