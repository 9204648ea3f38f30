# SPDX-License-Identifier: MIT
"""Installs pip into the Python that runs this, from the package index, where ensurepip is missing.

The index is PIP_INDEX_URL, as for pip itself. The wheel is pinned and its hash is compared before
anything of it runs.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urljoin
from urllib.request import urlopen

WHEEL = "pip-25.3-py3-none-any.whl"
SHA256 = "9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd"


def main() -> None:
    """Fetch the wheel, compare its hash, and let the pip in it install itself."""
    index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/")
    page = f"{index}/pip/"
    with urlopen(page, timeout=60) as answer:  # noqa: S310 -- the address is the user's own setting
        links = re.findall(r'href="([^"#]+)', answer.read().decode())
    wheels = [link for link in links if link.endswith(f"/{WHEEL}") or link == WHEEL]
    if not wheels:
        sys.exit(f"make: {page} has no {WHEEL}; set PIP_INDEX_URL to another package index")
    with urlopen(urljoin(page, wheels[0]), timeout=60) as answer:  # noqa: S310
        data = answer.read()
    if hashlib.sha256(data).hexdigest() != SHA256:
        sys.exit(f"make: {WHEEL} from {page} does not have the expected SHA-256; nothing was run")
    with tempfile.TemporaryDirectory() as folder:
        wheel = Path(folder, WHEEL)
        wheel.write_bytes(data)
        install = ["-m", "pip", "install", "--quiet", "--no-index", str(wheel)]
        subprocess.run(
            [sys.executable, *install], env={**os.environ, "PYTHONPATH": str(wheel)}, check=True
        )


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(
            f"make: pip can't be fetched ({error}). Install pip and venv for this Python (Debian: "
            "apt-get install python3-venv), or set PIP_INDEX_URL to a package index in reach."
        )
