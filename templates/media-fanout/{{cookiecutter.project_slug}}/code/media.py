"""Cuts, transcodes and joins media: the port, and the choice of its implementation."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ffmpeg_codec import FfmpegCodec
from jobs import CodecName
from wave_codec import WaveCodec


class Codec(Protocol):
    """Media tools. The same input gives the same parts, so that each step can be repeated.

    Attributes:
        suffix: Suffix of the result.
    """

    suffix: str

    def split(self, source: Path, folder: Path, seconds: int) -> list[Path]:
        """Cut a file into parts in a folder, and return them in order."""

    def transcode(
        self, source: Path, target: Path, *, gain_db: float, height: int, clip: bool
    ) -> None:
        """Transcode a part. Unless `clip`, raise TooLoud if the gain would distort it."""

    def join(self, parts: Sequence[Path], target: Path) -> float:
        """Put transcoded parts together, and return the length in seconds."""


def available() -> CodecName:
    """Return the name of the codec for new jobs: ffmpeg if it is installed.

    MEDIA_CODEC=wave uses the pure Python one in any case.
    """
    installed = shutil.which("ffmpeg") and shutil.which("ffprobe")
    return "ffmpeg" if installed and os.environ.get("MEDIA_CODEC") != "wave" else "wave"


def codec(name: CodecName) -> Codec:
    """Return a codec. All steps of a job use the one that cut it."""
    return FfmpegCodec() if name == "ffmpeg" else WaveCodec()
