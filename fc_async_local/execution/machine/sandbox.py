# SPDX-License-Identifier: MIT
"""A mount namespace in which ``/code``, ``/opt`` and mount points are those of the service.

bubblewrap makes it.

It is for code that opens such paths itself; texts of settings are mapped in any case
(:mod:`paths`). Nothing is hidden from the function: it protects this machine from nothing.

Invariants:
    * Without bubblewrap, or where the system does not allow namespaces, a command stays as it is.
    * Nothing is written to this machine: mount points are made in the namespace only.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from fc_async_local.execution.machine.paths import Folders
    from fc_async_local.execution.mounts import Mount

_SECONDS: Final = 10.0
_OWN: Final = frozenset({"code", "opt"})
_ROOTS: Final = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
"""Certificates that this machine trusts: of Debian and Alpine, of Fedora and its relatives."""


def in_namespace(
    command: Sequence[str],
    folders: Folders,
    path: str,
    trusted: str = "",
) -> list[str]:
    """Return a command that runs another one in a namespace with the service's paths.

    It blocks the first time. A command that does not exist stays, so that its error names it.

    Args:
        command: What to run.
        folders: The code, its layers and what the function mounts.
        path: The PATH of the command.
        trusted: A file that takes the place of the certificates that this machine trusts, for
            libraries that read no variable; "": they stay.
    """
    code, layers, mounts = folders
    first = str(code / command[0]) if "/" in command[0] else command[0]
    program = _bubblewrap()
    if program is None or shutil.which(first, path=path) is None:
        return [*command]
    opt = Path("/opt")
    shown_in_opt = [folder for folder in (opt, *layers) if folder.is_dir()]
    return [
        program,
        "--die-with-parent",
        *_machine(mounts, _OWN),
        *("--bind", str(code), "/code"),
        *_merged(opt, shown_in_opt),
        *_trusting(trusted),
        *("--chdir", str(code), "--"),
        *command,
    ]


def _trusting(trusted: str) -> Iterator[str]:
    """Yield the options that put certificates in the place of those that this machine trusts."""
    if not Path(trusted).is_file():
        return
    for root in map(Path, _ROOTS):
        if root.is_file():
            # Where a link leads: programs that know either name open that file.
            yield from ("--ro-bind", trusted, str(root.resolve()))


def with_mounts(command: Sequence[str], mounts: Sequence[Mount]) -> list[str]:
    """Return a command that runs another one where all is as on this machine, but for mounts.

    It blocks the first time.
    """
    program = _bubblewrap()
    if program is None:
        return [*command]
    return [program, "--die-with-parent", *_machine(mounts), "--", *command]


def is_available() -> bool:
    """Return whether this machine can make mount namespaces; it blocks the first time."""
    return _bubblewrap() is not None


def _machine(mounts: Sequence[Mount], left_out: Collection[str] = ()) -> Iterator[str]:
    """Yield the options that show the files of this machine as they are, and mounts.

    Args:
        mounts: Folders in place of those of this machine.
        left_out: Names in the root of the file system.
    """
    by_path = {Path(mount.path): mount for mount in mounts}
    root = Path("/")
    names = {entry.name for entry in root.iterdir()}
    names |= {path.parts[1] for path in by_path}
    for name in sorted(names - {*left_out}):
        yield from _seen(root / name, by_path)


def _seen(path: Path, mounts: Mapping[Path, Mount]) -> Iterator[str]:
    """Yield the options that show a path of this machine as it is, but for mounts in it.

    Where a mount point is below it, the folder is made in the namespace, and what it has is shown
    piece by piece: bubblewrap would make a mount point that does not exist on this machine.
    """
    mount = mounts.get(path)
    below = [mount for mount in mounts if path in mount.parents]
    if mount is not None:
        yield from ("--ro-bind" if mount.read_only else "--bind", str(mount.folder), str(path))
        # A mount point in another one: bubblewrap makes it in the folder of that one.
        for inner in sorted(below):
            yield from _seen(inner, {inner: mounts[inner]})
    elif below:
        yield from ("--dir", str(path))
        names = {mount.relative_to(path).parts[0] for mount in below}
        if path.is_dir():
            names |= {entry.name for entry in path.iterdir()}
        for name in sorted(names):
            yield from _seen(path / name, mounts)
    elif path.is_symlink():
        yield from ("--symlink", str(path.readlink()), str(path))
    else:
        yield from ("--dev-bind", str(path), str(path))


def _merged(target: Path, folders: list[Path]) -> Iterator[str]:
    """Yield the options that show several folders as one; the last one hides files of others."""
    if len(folders) == 1:
        yield from ("--dev-bind", str(folders[0]), str(target))
        return
    yield from ("--dir", str(target))
    by_name: dict[str, list[Path]] = {}
    for folder in folders:
        for entry in folder.iterdir():
            by_name.setdefault(entry.name, []).append(entry)
    for name, entries in sorted(by_name.items()):
        if all(entry.is_dir() for entry in entries):
            yield from _merged(target / name, entries)
        else:
            # A later layer hides the files of an earlier one, as on the service.
            yield from ("--dev-bind", str(entries[-1].resolve()), str(target / name))


@functools.lru_cache(maxsize=1)
def _bubblewrap() -> str | None:
    """Return the path of bubblewrap if it can make a namespace here."""
    program = shutil.which("bwrap")
    if program is None:
        return None
    # Tried, because a program that is installed is not enough: containers and some distributions
    # do not allow namespaces.
    try:
        done = subprocess.run(  # noqa: S603 -- a program of the user's PATH
            [program, "--dev-bind", "/", "/", "true"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return program if done.returncode == 0 else None
