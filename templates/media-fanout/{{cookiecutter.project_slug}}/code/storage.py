"""Where the files are: in a folder that all functions see, or in a bucket of OSS."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Protocol

from oss_storage import Oss


class Storage(Protocol):
    """Files by key, such as `jobs/talk/done/00001`.

    A file is seen complete or not at all, and as soon as `put` has returned it is in `keys` of all
    instances: `collect` counts on both.
    """

    def get(self, key: str, file: Path) -> None:
        """Copy a stored file to a local one, or raise FileNotFoundError."""

    def put(self, file: Path, key: str) -> None:
        """Store a local file, in place of the one that has this key."""

    def keys(self, prefix: str) -> set[str]:
        """Return the keys that begin with a prefix, which ends with '/'."""


class Folder:
    """Files below a folder of this machine, or of a mounted file system."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def get(self, key: str, file: Path) -> None:
        """Copy a stored file to a local one, or raise FileNotFoundError."""
        shutil.copyfile(self._path(key), file)

    def put(self, file: Path, key: str) -> None:
        """Store a local file: copy it beside its place, then rename it in one step."""
        target = self._path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".", delete=False) as copy:
            try:
                with file.open("rb") as content:
                    shutil.copyfileobj(content, copy)
                os.replace(copy.name, target)
            except BaseException:
                os.unlink(copy.name)
                raise

    def keys(self, prefix: str) -> set[str]:
        """Return the keys that begin with a prefix, without files that are being written."""
        files = self._path(prefix).glob("[!.]*")
        return {file.relative_to(self.root).as_posix() for file in files if file.is_file()}

    def _path(self, key: str) -> Path:
        path = (self.root / key).resolve()
        if not path.is_relative_to(self.root):
            raise ValueError(f"{key!r} is outside of the storage")
        return path


def opened() -> Storage:
    """Return the storage: the bucket MEDIA_BUCKET or the folder MEDIA_ROOT.

    On this machine functions have no keys of an account: they use the folder, which is one for
    temporary files unless it is set. The instances of a deployed function do not share such a
    folder, so there one of the two must be set.
    """
    bucket, root = (os.environ.get(name, "") for name in ("MEDIA_BUCKET", "MEDIA_ROOT"))
    here = "FC_ASYNC_ENDPOINT" in os.environ
    if bucket and not here:
        return Oss(bucket)
    if not root and not here:
        raise RuntimeError("set MEDIA_BUCKET or MEDIA_ROOT: see 'Storage' in README.md")
    return Folder(Path(root or Path(tempfile.gettempdir(), "{{ cookiecutter.project_slug }}")))
