"""What the functions send each other, and the names of a job's files. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

CodecName = Literal["ffmpeg", "wave"]
LIMITS = {"part_seconds": (1, 3600), "gain_db": (-60, 60), "height": (16, 4320)}


@dataclass(frozen=True)
class Request:
    """What `split` is asked to do.

    Attributes:
        job: Name of the job. Task ids and file names begin with it, so use a name once.
        source: Key of the file in the storage.
        part_seconds: Length of a part, 1 to 3600 seconds.
        gain_db: Change of the loudness, -60 to 60 dB.
        height: Largest height of the picture, 16 to 4320 pixels.
    """

    job: str
    source: str
    part_seconds: int = 60
    gain_db: float = 0.0
    height: int = 720

    def __post_init__(self) -> None:
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_-]{0,99}", self.job):
            raise ValueError("job must be a letter or '_', then letters, digits, '_' and '-'")
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be from {low} to {high}")


@dataclass(frozen=True)
class Started:
    """What `split` returns: the job, and how many parts it has."""

    job: str
    parts: int


@dataclass(frozen=True)
class Part:
    """One part of a job: what `transcode` is asked to do, and what it returns."""

    job: str
    index: int
    count: int
    codec: CodecName
    gain_db: float
    height: int


@dataclass(frozen=True)
class Complete:
    """A job whose parts are all transcoded: what `join` is asked to do."""

    job: str
    count: int
    codec: CodecName


@dataclass(frozen=True)
class Result:
    """What `join` returns and the event bus gets: the key of the file, and its length."""

    job: str
    file: str
    seconds: float
    parts: int


def request_key(job: str) -> str:
    """Return the key of the request that a job was started with."""
    return f"jobs/{job}/request.json"


def source_key(job: str, index: int) -> str:
    """Return the key of a part as it was cut."""
    return f"jobs/{job}/cut/{index:05d}"


def done_key(job: str, index: int) -> str:
    """Return the key of a transcoded part."""
    return f"jobs/{job}/done/{index:05d}"


def result_key(job: str, suffix: str) -> str:
    """Return the key of the result."""
    return f"out/{job}{suffix}"
