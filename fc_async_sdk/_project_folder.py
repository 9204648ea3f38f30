# SPDX-License-Identifier: MIT
"""The layout of ``.fc-async``, the folder in which fc-async keeps its files beside a project.

It is here because the deploy plugin and the local runtime both need it and this is the package
that both import.

Invariants:
    ``runtime/`` belongs to the local runtime (database, blobs, unpacked code), ``deploy/`` to
    deployments (locks, journals, code that was replaced), ``events/`` to replays, ``failures/`` to
    reports of failures, ``redrives/`` to records of redrives. None writes below another's folder.
    Only the owner of the files can read them, and git ignores them: the ``.gitignore`` is there
    before any other file.
    The folder is believed only if this user made it on this machine: it has a mark, which is signed
    with the user's key (:mod:`fc_async_sdk._user_key`) for its path and inode. Its device is not
    part of the mark: numbers of network, overlay and btrfs devices change with a restart. A folder
    that came with a repository, a copy of another one, and a folder with links have no valid mark.
    Git tracks no file in it: a checkout would replace files below a valid mark.
    A data folder elsewhere, which the user names, needs no mark. It must belong to this user, and
    no other user may write into it.
    No link is followed, neither to a folder nor to a file.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import shlex
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fc_async_sdk import _user_key
from fc_async_sdk.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME: Final = ".fc-async"
RUNTIME: Final = Path(NAME, "runtime")
"""The local runtime's default data folder, relative to the project."""
ADDRESSES: Final = "addresses.json"
"""In the data folder of a runtime, while it runs: where it listens."""
PAYLOADS: Final = "payloads"
"""In the data folder of a runtime: large payloads."""
CONTAINERS: Final = "containers"
"""In the data folder of a runtime: records of runs that may have left containers behind."""
MOUNTS: Final = "mounts"
"""Folders that take the place of what functions mount: beside :data:`RUNTIME`, or in a data folder
with another name."""
LAYERS: Final = Path(NAME, "layers")
"""Packages that ``fc-async dev`` installed, relative to the project."""
EVENTS: Final = Path(NAME, "events")
"""Events that a replay could not send, relative to the project."""
FAILURES: Final = Path(NAME, "failures")
"""The reports that ``fc-async failures`` showed last, relative to the project."""
ALARMS: Final = Path(NAME, "alarms")
"""Facts of earlier rounds of ``fc-async alarms check``, relative to the project."""
REDRIVES: Final = Path(NAME, "redrives")
"""Records of redrives: what was chosen and what became of it, relative to the project."""
BUILDS: Final = Path(NAME, "builds", "allowed")
"""Builds and installations that ``fc-async dev`` may run, relative to the project."""
DEPLOY: Final = Path(NAME, "deploy")
"""Folder of deployments, relative to the project."""
JOURNAL: Final = "journal"
"""In a folder of its own below :data:`DEPLOY`: what one deployment target's runs did."""
UNFINISHED: Final = ".tmp"
"""End of the name of a file that is not finished yet; see :func:`replacing`."""
MARK: Final = "mark"
"""In :data:`NAME`: signatures of the folder, one a line; one for each path that leads to it."""
_MOST_MARKS: Final = 20
_LONGEST_LENGTH: Final = 0xFFF
"""Longest path of which git's index has the length."""
_IGNORING: Final = ".gitignore"
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_NO_FOLLOW: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_WAIT: Final = getattr(os, "O_NONBLOCK", 0)
_GITIGNORE: Final = b"# Written by fc-async: the files below belong to this machine.\n*\n"


class ForeignFolder(ConfigurationError):
    """A folder is not this user's on this machine; the message says why and what to do."""


def top_of(folder: Path) -> Path:
    """Return the folder that is believed or not: :data:`NAME` above a folder, else the folder."""
    absolute = Path(os.path.abspath(folder))  # noqa: PTH100 -- resolve() would follow links
    resolved = absolute.resolve()
    # Both: a link in .fc-async leads out of it, and one from elsewhere leads into it.
    for path in (absolute, *absolute.parents, resolved, *resolved.parents):
        if path.name == NAME:
            return path
    return resolved


def check(folder: Path) -> None:
    """Refuse a folder whose files this user has not made on this machine.

    Args:
        folder: One of the folders of this module, or any other; passes if it does not exist.

    Raises:
        ForeignFolder: Nothing in it may be read, written or run.
    """
    top = top_of(folder)
    # Not exists(): a link that leads nowhere yet would be written through.
    if not os.path.lexists(top):
        return
    doubt = _doubt_of_kind(top)
    if not doubt and top.name == NAME:
        doubt = _doubt_of_mark(top) or _doubt_of_git(top)
    elif not doubt:
        doubt = _doubt_of_writers(top)
    _refuse(top, doubt or _doubt_of_links(top, folder))


def trust(top: Path) -> None:
    """Mark a folder as this user's, whatever made it. The user must have said so.

    Raises:
        ForeignFolder: It belongs to another user, others can write into it, it is a link, or git
            has files of it.
        OSError: The mark cannot be written.
    """
    _refuse(top, _doubt_of_kind(top) or _doubt_of_writers(top) or _doubt_of_git(top))
    _write_mark(top)


def mounts_of(data: Path) -> Path:
    """Return the folder for the mounts of functions.

    It outlives the data of the default data folder, which may be cleared.

    Args:
        data: The data folder of a runtime.
    """
    is_default = (data.parent.name, data.name) == RUNTIME.parts
    return (data.parent if is_default else data) / MOUNTS


def make_private(folder: Path) -> None:
    """Make a folder for files that belong into no repository.

    Args:
        folder: One of the folders of this module, or any other. Its ``.gitignore`` lies in
            :data:`NAME` if that is above it, otherwise in the folder itself, unless that has files
            already: it may be a project's.

    Raises:
        ForeignFolder: It exists, and this user has not made it on this machine.
        OSError: The folder or its ``.gitignore`` cannot be written.
    """
    top = top_of(folder)
    top.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if top.name == NAME:
        # Also if it was removed: the next checkout would bring it again.
        _refuse(top, _doubt_of_git(top))
    try:
        top.mkdir(mode=0o700)
    except FileExistsError:
        # Another process may have made it since the caller looked.
        check(folder)
    ignoring = top / _IGNORING
    # A data folder with files of its own may be a project: a .gitignore there would hide all of it.
    if top.name == NAME or {*top.iterdir()} <= {ignoring}:
        _write_gitignore(ignoring)
    if top.name == NAME and not _is_marked(top):
        _write_mark(top)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def open_private(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a file of a private folder and return its descriptor; links are not followed.

    Raises:
        ForeignFolder: It is a link or another special file, or belongs to another user.
        OSError: It cannot be opened.
    """
    if path.is_symlink():
        raise ForeignFolder(f"{_shown(path)} is a link, and is not followed: remove it")
    # Without waiting: to open a pipe would wait until someone writes into it.
    descriptor = os.open(path, flags | _NO_FOLLOW | _NO_WAIT, mode)
    # Of what was opened, not of the path: that may lead to something else by now.
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or _is_foreign(status):
        os.close(descriptor)
        raise ForeignFolder(f"{_shown(path)} is not a file of yours: remove it")
    return descriptor


def read_private(path: Path, limit: int = -1) -> bytes:
    """Return the content of a file of a private folder; links are not followed.

    Args:
        path: The file.
        limit: The largest number of bytes that are read; -1: all.

    Raises:
        ForeignFolder: As :func:`open_private`.
        FileNotFoundError: There is none.
    """
    with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
        return file.read(limit)


@contextlib.contextmanager
def replacing(path: Path, mode: int = 0o600, *, durable: bool = True) -> Iterator[Path]:
    """Yield a new file that takes the place of another one, as a whole or not at all.

    Several writers of one path do not disturb each other: each has a new file, the last one stays.

    Args:
        path: The file to make or to replace.
        mode: Permissions of the new file.
        durable: Flush it, so that it is there after a crash of the machine.

    Raises:
        OSError: The file cannot be written. ``path`` is as it was.
    """
    unfinished = path.with_name(f"{_unfinished_prefix(path)}{os.urandom(8).hex()}{UNFINISHED}")
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        yield unfinished
        # The umask of the process may have taken permissions away from the mode.
        os.fchmod(descriptor, mode)
        # Before the rename: after a crash of the machine the name would lead to an empty file.
        if durable:
            os.fsync(descriptor)
        unfinished.replace(path)
        if durable:
            sync_folder(path.parent)
    finally:
        os.close(descriptor)
        unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def unfinished_folder(path: Path) -> Iterator[Path]:
    """Make a folder beside a path, for as long as the block runs; see :func:`remove_unfinished`."""
    import tempfile  # noqa: PLC0415 -- as in remove_unfinished

    with tempfile.TemporaryDirectory(
        dir=path.parent,
        prefix=_unfinished_prefix(path),
        suffix=UNFINISHED,
    ) as folder:
        yield Path(folder)


def _unfinished_prefix(path: Path) -> str:
    """Return how the names of files begin that are written to take the place of another one."""
    return f".{path.name}."


def remove_unfinished(path: Path) -> None:
    """Remove what processes left that were killed while they wrote a new file for a path.

    Args:
        path: As for :func:`replacing`. The caller holds a lock under which alone it is written.
    """
    import shutil  # noqa: PLC0415 -- compression modules load with it

    prefix = _unfinished_prefix(path)
    for entry in list(path.parent.iterdir()):
        # A database that was not finished may have files beside it, such as NAME.tmp-wal.
        if not entry.name.startswith(prefix) or UNFINISHED not in entry.name:
            continue
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names of the files in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def interrupted_deployments(project: Path) -> list[Path]:
    """Return the journals of interrupted deployments, of all targets of a project.

    Raises:
        ForeignFolder: The folder is not this user's.
    """
    check(project / DEPLOY)
    return sorted((project / DEPLOY).glob(f"*/{JOURNAL}"))


def _write_gitignore(path: Path) -> None:
    """Write it, unless there is one. One that is empty was cut off before its content came."""
    descriptor = open_private(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        if not os.fstat(descriptor).st_size:
            os.write(descriptor, _GITIGNORE)
    finally:
        os.close(descriptor)


def _refuse(top: Path, doubt: str) -> None:
    if doubt:
        raise ForeignFolder(f"{_shown(top)} {doubt}")


def _doubt_of_kind(top: Path) -> str:
    """Return why a folder cannot be this user's, and what to do; "" if it can."""
    status = top.lstat()
    if stat.S_ISLNK(status.st_mode):
        return "is a link: remove it, and name another data folder with --data"
    if not stat.S_ISDIR(status.st_mode):
        return "is not a folder: move it aside"
    if _is_foreign(status):
        return (
            f"belongs to user {status.st_uid}, not to you ({os.geteuid()}): run as that user, "
            "remove it, or name a data folder of yours with --data"
        )
    return ""


def _doubt_of_writers(top: Path) -> str:
    """Return that other users may write into a folder, and what to do; "" if they may not."""
    if not _others_write(top.lstat()):
        return ""
    return (
        "can be written by other users: remove it, or, if all in it is yours: "
        f"chmod go-w {shlex.quote(_shown(top))}"
    )


def _doubt_of_mark(top: Path) -> str:
    """Return why a folder has no valid mark, and what to do; "" if it has one, or needs none."""
    # In this order: another process may write the mark, and then the first file, meanwhile.
    is_new = _is_new(top)
    if _is_marked(top):
        return ""
    doubt = _doubt_of_writers(top)
    if not doubt and not is_new:
        doubt = (
            "was not made here by this user: it came with a repository, was copied or moved, or "
            f"is of an earlier version. Remove it; if all in it is yours: {_to_trust(top)}"
        )
    return doubt


def _doubt_of_links(top: Path, folder: Path) -> str:
    """Return which link is on the way to a folder, or in it; "" if there is none."""
    path = Path(os.path.abspath(folder)) if top.name == NAME else top  # noqa: PTH100 -- as above
    inner = path.relative_to(top).parts if path.is_relative_to(top) else ()
    for number in range(1, len(inner) + 1):
        if top.joinpath(*inner[:number]).is_symlink():
            return f"has a link, {'/'.join(inner[:number])}: remove the link"
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(path) as entries:
        for entry in entries:
            if entry.is_symlink():
                return f"has a link, {'/'.join([*inner, entry.name])}: remove the link"
    return ""


def _doubt_of_git(top: Path) -> str:
    """Return that the repository has files of a folder; "" if it has none, or there is none.

    The folder's mark would not tell them: a checkout writes them into a folder that exists.
    """
    root = next((folder for folder in top.parents if (folder / ".git").exists()), None)
    if root is None:
        return ""
    name = os.fsencode(f"{top.relative_to(root).as_posix()}/")
    if any(_lists(index, name) for index in _indexes(root / ".git")):
        return (
            "has files that came with the repository (git ls-files): remove it, and let git forget "
            f"it: git rm -r --cached {shlex.quote(_shown(top))}"
        )
    return ""


def _lists(index: Path, name: bytes) -> bool:
    """Return whether an index of git has files below a folder.

    Git is not started: the configuration of a repository may name programs that it runs. In the
    index, the length of a path stands before it (https://git-scm.com/docs/index-format). It tells
    the folder from one of the same name further below. Version 4 has no lengths.
    """
    with (
        contextlib.suppress(OSError, ValueError),  # ValueError: the file is empty
        index.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        has_lengths = content[4:8] < b"\0\0\0\4"
        # Some file systems take .FC-ASYNC for the same folder.
        for match in re.finditer(re.escape(name), content, re.IGNORECASE):
            at = match.start()
            length = min(content.find(b"\0", at) - at, _LONGEST_LENGTH)
            # Entries of version 3 may have two more bytes of flags behind the length.
            flags = (content[at - 2 : at], content[at - 4 : at - 2])
            lengths = [int.from_bytes(field, "big") & _LONGEST_LENGTH for field in flags]
            if not has_lengths or length in lengths:
                return True
    return False


def _indexes(git: Path) -> list[Path]:
    """Return the files in which a repository lists its files."""
    if git.is_file():  # of a worktree or a submodule: "gitdir: PATH"
        text = git.read_text("utf-8", "replace").strip()
        git = git.parent / text.removeprefix("gitdir: ")
    return [git / "index", *git.glob("sharedindex.*")]


def _is_foreign(status: os.stat_result) -> bool:
    return sys.platform != "win32" and status.st_uid != os.geteuid()


def _others_write(status: os.stat_result) -> bool:
    """Return whether users but the owner may write.

    A group that has the number of its user is the user's own, as most distributions make it.
    """
    permissions = status.st_mode & _OTHERS_WRITE
    if status.st_gid == status.st_uid:
        permissions &= ~stat.S_IWGRP
    return sys.platform != "win32" and permissions != 0


def _is_marked(top: Path) -> bool:
    """Return whether a folder has the mark of this user, this path and this inode."""
    try:
        lines = read_private(top / MARK).decode("ascii", "replace").splitlines()
    except FileNotFoundError:
        return False
    return _mark_of(top) in lines


def _is_new(top: Path) -> bool:
    """Return whether a folder has nothing that could be believed.

    A process may have been killed before it wrote the mark.
    """
    drafts = f".{MARK}."
    names = {path.name for path in top.iterdir() if not path.name.startswith(drafts)}
    return names <= {_IGNORING}


def _mark_of(top: Path) -> str:
    """Return the signature of a folder.

    It has who may write: a file system without permissions lets others write into a new folder,
    too, and such a folder is ours; one whose permissions have changed since is not.
    """
    status = top.lstat()
    return _user_key.signature("folder", top.resolve(), status.st_ino, _others_write(status))


def _write_mark(top: Path) -> None:
    """Add the mark of a folder to those that it has of other paths, as a container sees it."""
    file = top / MARK
    try:
        lines = read_private(file).decode("ascii", "replace").splitlines()
    except FileNotFoundError:
        lines = []
    with replacing(file) as unfinished:
        marks = [*lines[-_MOST_MARKS + 1 :], _mark_of(top)]
        unfinished.write_text("".join(f"{line}\n" for line in marks), "ascii")


def _to_trust(top: Path) -> str:
    shown = _shown(top)
    return "fc-async local trust" + ("" if shown == NAME else f" {shlex.quote(shown)}")


def _shown(path: Path) -> str:
    """Return a path as a user would write it: relative to the working folder if it is below."""
    working_folder = Path.cwd()
    if path.is_relative_to(working_folder):
        path = path.relative_to(working_folder)
    return str(path)
