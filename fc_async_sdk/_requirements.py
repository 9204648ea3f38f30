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
    from collections.abc import Iterable, Iterator, Sequence
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

    waiting = _lines(text)
    seen: set[tuple[str, frozenset[str]]] = set()
    installed: set[str] = set()
    while waiting:
        parsed = _REQUIREMENT.match(waiting.pop())
        if parsed is None:
            continue
        name, extras_text = parsed.groups()
        extras = frozenset(part.strip() for part in (extras_text or "").split(","))
        # Packages require each other in circles, and the same one with other extras brings more.
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        installed.update(_modules_of(package))
        requirements = package.requires or ()
        waiting += [text for text in requirements if _applies(text, extras)]
    return frozenset(installed)


def _lines(text: str) -> list[str]:
    """Return the lines of requirements that name packages: neither options nor comments."""
    return [line for line in text.splitlines() if not line.lstrip().startswith(("-", "#"))]


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


def missing(text: str, folders: Sequence[str] | None = None) -> frozenset[str]:
    """Return the normalised names of packages that requirements name and this machine lacks.

    Args:
        text: Content of the file. Its options, such as ``-r``, are not followed.
        folders: Folders with packages; None: those of this process.
    """
    from importlib import metadata  # noqa: PLC0415 -- as above

    path = sys.path if folders is None else [*folders]
    lacks = (name for name in named(text) if not any(metadata.distributions(name=name, path=path)))
    return frozenset(lacks)


def missing_lines(text: str) -> list[str]:
    """Return the lines of requirements whose packages this machine lacks, without comments."""
    lacking = missing(text)
    lines = [line.partition(" #")[0].strip() for line in text.splitlines()]
    return [line for line in lines if _name(line) in lacking]


def without(lines: Iterable[str], text: str) -> list[str]:
    """Return requirements whose packages others do not name, sorted, each once.

    Args:
        lines: The requirements.
        text: The others; content of the file.
    """
    names = named(text)
    return sorted({line for line in lines if _name(line) not in names})


def _name(line: str) -> str:
    """Return the normalised name of the package of a requirement; of another line, all of it."""
    return next(iter(named(line)), line)


def named(text: str) -> frozenset[str]:
    """Return the normalised names of packages that requirements name, without those of options."""
    matches = map(_REQUIREMENT.match, _lines(text))
    return frozenset(normalised(match[1]) for match in matches if match)


def loosened(text: str, output: str) -> tuple[str, list[str]]:
    """Return requirements in which exact versions that an installer refused are the oldest ones.

    Args:
        text: Content of the file.
        output: Text of the installer. If it names none of the packages, all of them are meant.

    Returns:
        The text, and the lines that were changed, as they were.
    """
    words = {normalised(word) for word in _WORD.findall(output)}
    exact = [line for line in text.splitlines() if _EXACT.match(line)]
    # Versions that work stay: a template pins them for a reason.
    chosen = [line for line in exact if named(line) <= words] or exact
    lines = [_EXACT.sub(r"\1>=", line) if line in chosen else line for line in text.splitlines()]
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
        if file.suffix != ".pth":
            continue
        # An installation in place has no modules of its own, but a file that names their folder.
        for line in file.read_text("utf-8").splitlines():
            folder = Path(line)
            if folder.is_absolute() and folder.is_dir():
                yield from (entry.name.partition(".")[0] for entry in folder.iterdir())
