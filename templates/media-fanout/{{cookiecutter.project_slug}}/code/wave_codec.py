"""Media tools without a program: WAV files with 16 bits per sample, in pure Python."""

import sys
import wave
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import ceil, log10
from pathlib import Path

from media_errors import MediaError, TooLoud

FULL_SCALE = 32767


class WaveCodec:
    """Cuts by time, transcodes by changing the loudness, joins by appending."""

    suffix = ".wav"

    def split(self, source: Path, folder: Path, seconds: int) -> list[Path]:
        """Cut a file into parts in a folder, and return them in order."""
        with _reading(source) as whole:
            frames = seconds * whole.getframerate()
            count = ceil(whole.getnframes() / frames)
            parts = [folder / f"{index:05d}.wav" for index in range(count)]
            for part in parts:
                with _writing(part, like=whole) as piece:
                    piece.writeframes(whole.readframes(frames))
        if not parts:
            raise MediaError("the file has no samples")
        return parts

    def transcode(
        self, source: Path, target: Path, *, gain_db: float, height: int, clip: bool
    ) -> None:
        """Change the loudness of a part; sound has no height."""
        with _reading(source) as before, _writing(target, like=before) as after:
            while data := before.readframes(before.getframerate()):
                after.writeframes(louder(data, gain_db, clip=clip))

    def join(self, parts: Sequence[Path], target: Path) -> float:
        """Append parts, and return the length in seconds."""
        with _reading(parts[0]) as first, _writing(target, like=first) as whole:
            for part in parts:
                with _reading(part) as piece:
                    whole.writeframes(piece.readframes(piece.getnframes()))
            return whole.getnframes() / whole.getframerate()


def louder(data: bytes, gain_db: float, *, clip: bool) -> bytes:
    """Return little-endian samples of 16 bits with another loudness.

    Raises:
        TooLoud: A sample would be over full scale, and `clip` is false.
    """
    factor = 10 ** (gain_db / 20)
    samples = _swapped(array("h", data))
    wanted = [round(sample * factor) for sample in samples]
    peak = max(map(abs, wanted), default=0)
    if peak > FULL_SCALE and not clip:
        raise TooLoud(20 * log10(peak / FULL_SCALE))
    limited = (max(-FULL_SCALE - 1, min(FULL_SCALE, sample)) for sample in wanted)
    return _swapped(array("h", limited)).tobytes()


def _swapped(samples: "array[int]") -> "array[int]":
    """Swap the bytes of samples on a machine that is not little-endian, as WAV files are."""
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


@contextmanager
def _reading(file: Path) -> Iterator[wave.Wave_read]:
    try:
        with wave.open(str(file), "rb") as reader:
            if reader.getsampwidth() != 2:
                raise MediaError("the samples do not have 16 bits; install ffmpeg for them")
            yield reader
    except (wave.Error, EOFError) as error:
        raise MediaError(f"not a WAV file ({error}); install ffmpeg for other formats") from error


@contextmanager
def _writing(file: Path, *, like: wave.Wave_read | wave.Wave_write) -> Iterator[wave.Wave_write]:
    with wave.open(str(file), "wb") as writer:
        writer.setparams(like.getparams())
        yield writer
