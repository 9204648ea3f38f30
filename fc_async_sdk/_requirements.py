# SPDX-License-Identifier: MIT
"""Reads ``requirements.txt`` of functions, with what this machine knows of the packages.

Markers of other platforms are not evaluated: what may be installed counts as installed.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.metadata import Distribution

_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?")
_PACKAGES: Final = {
    "Crypto": "pycryptodome",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "Tea": "alibabacloud-tea",
    "aliyun": "aliyun-log-python-sdk",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "datahub": "pydatahub",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fc2": "aliyun-fc2",
    "jwt": "PyJWT",
    "mns": "aliyun-mns",
    "mpl_toolkits": "matplotlib",
    "pkg_resources": "setuptools",
    "pylab": "matplotlib",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
"""Packages whose name is not that of their module, for modules that this machine does not have."""
_WORD: Final = re.compile(r"[A-Za-z0-9][\w.-]*\w")
_EXACT: Final = re.compile(
    r"(\s*[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?\s*)={2,3}(?=\s*[\w.]+\s*(?:[;#]|$))"
)
_EXTRA: Final = re.compile(r"""\bextra\s*==\s*["']([^"']+)""")


def modules(text: str) -> frozenset[str]:
    """Return the modules that requirements install, with those of what they require.

    Args:
        text: Content of the file. Its options, such as ``-r``, are not followed.

    Returns:
        Top-level names, as far as this machine has the packages.
    """
    from importlib import metadata  # noqa: PLC0415 -- slow to import, and rarely needed

    waiting = [line for line in text.splitlines() if not line.lstrip().startswith(("-", "#"))]
    seen: set[tuple[str, frozenset[str]]] = set()
    found: set[str] = set()
    while waiting:
        parsed = _REQUIREMENT.match(waiting.pop())
        if parsed is None:
            continue
        name, extras = parsed.groups()
        wanted = frozenset(part.strip() for part in (extras or "").split(","))
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        found.update(_modules_of(package))
        waiting += [one for one in package.requires or () if _applies(one, wanted)]
    return frozenset(found)


def package_of(module: str) -> str:
    """Return the name to require for a module; of an unknown one, its own name."""
    return known_package(module) or module.replace("_", "-")


def known_package(module: str) -> str:
    """Return the package that has a module: by its metadata if this machine has it; "" if unknown.

    An unknown name must not be offered for an installation: an index may have a stranger's package
    of this name.
    """
    from importlib import metadata  # noqa: PLC0415 -- as above

    if module == "fc_async_sdk":  # an installation in place lists no modules
        return "fc-async"
    names = metadata.packages_distributions().get(module)
    if names:
        return names[0]
    if module.startswith("aliyunsdk"):
        return f"aliyun-python-sdk-{module.removeprefix('aliyunsdk')}"
    return _PACKAGES.get(module, "")


def missing(text: str, places: Sequence[str] | None = None) -> frozenset[str]:
    """Return the normalised names of packages that requirements name and this machine lacks.

    Args:
        text: Content of the file. Its options, such as ``-r``, are not followed.
        places: Folders with packages; None: those of this process.
    """
    from importlib import metadata  # noqa: PLC0415 -- as above

    path = sys.path if places is None else [*places]
    lacks = (one for one in named(text) if not any(metadata.distributions(name=one, path=path)))
    return frozenset(lacks)


def named(text: str) -> frozenset[str]:
    """Return the normalised names of packages that requirements name, without those of options."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("-", "#"))]
    return frozenset(normalised(one[1]) for line in lines if (one := _REQUIREMENT.match(line)))


def loosened(text: str, said: str) -> tuple[str, list[str]]:
    """Return requirements in which exact versions that an installer refused are the oldest ones.

    Args:
        text: Content of the file.
        said: Output of the installer. If it names none of the packages, all of them are meant.

    Returns:
        The text, and the lines that were changed, as they were.
    """
    words = {normalised(one) for one in _WORD.findall(said)}
    exact = [line for line in text.splitlines() if _EXACT.match(line)]
    chosen = [line for line in exact if named(line) <= words] or exact
    lines = [_EXACT.sub(r"\1>=", one) if one in chosen else one for one in text.splitlines()]
    return "\n".join(lines) + "\n", chosen


def normalised(package: str) -> str:
    """Return the name of a package as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", package).lower()


def _applies(requirement: str, extras: frozenset[str]) -> bool:
    extra = _EXTRA.search(requirement)
    return extra is None or extra[1] in extras


def _modules_of(package: Distribution) -> Iterator[str]:
    """Yield the top-level names of a package, also of one that is installed in place."""
    yield from (package.read_text("top_level.txt") or "").split()
    for file in package.files or ():
        yield file.parts[0].partition(".")[0]
        if file.suffix == ".pth":
            for line in file.read_text("utf-8").splitlines():
                place = Path(line)
                if place.is_absolute() and place.is_dir():
                    yield from (entry.name.partition(".")[0] for entry in place.iterdir())
