"""Files in the store that FCASYNC_PAYLOADS names: a bucket of OSS, or a folder.

On this machine it is not set, and the store is a folder of the local runtime. A file is seen
complete or not at all, and as soon as it was put: `collect` counts on both.
"""

from pathlib import Path

from fc_async_sdk.payloads import DefaultStore

store = DefaultStore()


def get(key: str, file: Path) -> None:
    """Copy a stored file to a local one, or raise FileNotFoundError."""
    with file.open("wb") as target:
        target.writelines(store.get(key))


def put(file: Path, key: str) -> None:
    """Store a local file, in place of the one that has this key."""
    with file.open("rb") as content:
        store.put(key, content)
