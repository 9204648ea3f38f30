"""Media tools by the programs ffmpeg and ffprobe: all formats that they read.

Pictures are copied when a file is cut (at key frames) and when parts are joined, so that only
`transcode` encodes them. Sound is kept as PCM until the end and encoded once, as a whole: an
encoder adds silence at the start of what it encodes, which would be heard at each cut.
"""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from media_errors import MediaError, TooLoud

# "V" leaves out the cover pictures of sound files (ffmpeg manual, "Stream specifiers").
PICTURE_AND_SOUND = ("-map", "0:V:0?", "-map", "0:a:0?")


class FfmpegCodec:
    """H.264 and AAC in an MP4 file."""

    suffix = ".mp4"

    def split(self, source: Path, folder: Path, seconds: int) -> list[Path]:
        """Cut a file into parts in a folder, and return them in order."""
        segments = ("-f", "segment", "-segment_time", str(seconds), "-reset_timestamps", "1")
        _run(
            *("ffmpeg", "-i", source, *PICTURE_AND_SOUND, "-c:v", "copy", "-c:a", "pcm_s16le"),
            *(*segments, folder / "%05d.mkv"),
        )
        return sorted(folder.glob("*.mkv"))

    def transcode(
        self, source: Path, target: Path, *, gain_db: float, height: int, clip: bool
    ) -> None:
        """Encode the picture of a part, and change the loudness of its sound."""
        peak_db = _peak_db(source) + gain_db
        if peak_db > 0 and not clip:
            raise TooLoud(peak_db)
        even_height = f"trunc(min({height}\\,ih)/2)*2"  # H.264 with yuv420p takes no odd one
        _run(
            *("ffmpeg", "-i", source, *PICTURE_AND_SOUND),
            *("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p"),
            *("-filter:v", f"scale=-2:{even_height}"),
            *("-c:a", "pcm_s16le", "-filter:a", f"volume={gain_db}dB", "-f", "matroska", target),
        )

    def join(self, parts: Sequence[Path], target: Path) -> float:
        """Put transcoded parts together, and return the length in seconds."""
        listing = target.with_suffix(".txt")
        listing.write_text("".join(f"file '{part}'\n" for part in parts), encoding="utf-8")
        _run(
            *("ffmpeg", "-f", "concat", "-safe", "0", "-i", listing, *PICTURE_AND_SOUND),
            *("-c:v", "copy", "-c:a", "aac", "-b:a", "160k", "-movflags", "+faststart", target),
        )
        probe = ("ffprobe", "-show_entries", "format=duration", "-of", "csv=p=0", target)
        return float(_run(*probe).stdout)


def _peak_db(file: Path) -> float:
    """Return the peak of the sound in dB of full scale, -inf if there is no sound."""
    report = _run(
        *("ffmpeg", "-loglevel", "info", "-i", file, "-map", "0:a?"),
        *("-filter:a", "volumedetect", "-f", "null", "-"),
    ).stderr
    peaks = re.findall(r"max_volume: (\S+) dB", report)
    return float(peaks[-1]) if peaks else float("-inf")


def _run(program: str, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    quiet = ("-hide_banner", "-loglevel", "error", *(["-nostdin"] if program == "ffmpeg" else []))
    done = subprocess.run(
        [program, *quiet, *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MediaError(f"{program} exited with {done.returncode}: {done.stderr[-1000:].strip()}")
    return done
