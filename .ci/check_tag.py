# SPDX-License-Identifier: MIT
"""Check that a tag may become a release: .ci/check_tag.py v1.2.3.

The tag has to name the version of the code, and the changelog has to have a section with its date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def fault_of(tag: str, version: str, changelog: str) -> str | None:
    """Return why ``tag`` cannot become a release, or None if it can.

    Args:
        tag: The name of the tag, such as v1.2.3.
        version: The version that the code has.
        changelog: The text of CHANGELOG.md.
    """
    if tag != f"v{version}":
        return f"the tag is {tag}, but fc_async_sdk/_version.py says {version}: tag v{version}"
    if not re.search(rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        return f"CHANGELOG.md has no section '## {version} - YYYY-MM-DD': date it"
    return None


def version_of(module: str) -> str:
    """Return the version that the text of a module assigns."""
    version = re.search(r'^__version__.*"(.+)"$', module, re.MULTILINE)
    assert version
    return version[1]


if __name__ == "__main__":
    version = version_of((ROOT / "fc_async_sdk/_version.py").read_text())
    fault = fault_of(sys.argv[1], version, (ROOT / "CHANGELOG.md").read_text())
    sys.exit(fault)
