"""Real video through ffmpeg: nothing is lost or added where the file was cut."""

import shutil
import subprocess
from array import array
from pathlib import Path

import pytest

from ffmpeg_codec import FfmpegCodec
from media_errors import MediaError, TooLoud

pytestmark = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="ffmpeg is not installed"
)

SECONDS, RATE, FRAMES_PER_SECOND = 6, 48_000, 25


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return six seconds of a test picture and a tone, with a key frame every two seconds."""
    file = tmp_path_factory.mktemp("video") / "in.mp4"
    run(
        *("ffmpeg", "-f", "lavfi", "-i", f"testsrc=s=320x180:r={FRAMES_PER_SECOND}:d={SECONDS}"),
        *("-f", "lavfi", "-i", f"sine=f=440:r={RATE}:d={SECONDS}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-g", str(2 * FRAMES_PER_SECOND)),
        *("-c:a", "aac", str(file)),
    )
    return file


def run(program: str, *arguments: str) -> bytes:
    command = [program, "-loglevel", "error", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


def sound(file: Path) -> "array[int]":
    return array("h", run("ffmpeg", "-i", str(file), "-map", "0:a", "-f", "s16le", "-"))


def loudness(samples: "array[int]") -> float:
    """Return the root mean square."""
    return float((sum(sample * sample for sample in samples) / len(samples)) ** 0.5)


def test_a_video_that_was_cut_and_joined_has_all_frames_and_an_even_tone(
    video: Path, tmp_path: Path
) -> None:
    codec = FfmpegCodec()
    cut = codec.split(video, tmp_path, 2)
    assert len(cut) == 3
    done = [tmp_path / f"done{index}" for index in range(3)]
    for source, target in zip(cut, done, strict=True):
        codec.transcode(source, target, gain_db=-6.0, height=91, clip=False)
    result = tmp_path / "out.mp4"
    assert codec.join(done, result) == pytest.approx(SECONDS, abs=0.1)

    show = ("-count_frames", "-show_entries", "stream=codec_name,height,nb_read_frames")
    streams = run("ffprobe", *show, "-of", "csv=p=0", str(result)).decode().split()
    assert streams[0] == f"h264,90,{SECONDS * FRAMES_PER_SECOND}"
    assert streams[1].startswith("aac,")

    before, after = sound(video), sound(result)
    assert len(after) == pytest.approx(len(before), abs=RATE * 0.1)
    tenth = RATE // 10
    expected = loudness(before[tenth:-tenth]) * 10 ** (-6.0 / 20)
    pieces = [after[start : start + tenth] for start in range(tenth, len(after) - 2 * tenth, tenth)]
    assert [loudness(piece) for piece in pieces] == [
        pytest.approx(expected, rel=0.05) for _ in pieces
    ]


def test_a_gain_that_would_distort_the_sound_is_refused(video: Path, tmp_path: Path) -> None:
    with pytest.raises(TooLoud):
        FfmpegCodec().transcode(video, tmp_path / "out", gain_db=40, height=90, clip=False)


def test_a_file_that_is_not_media_is_an_error_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no picture")
    with pytest.raises(MediaError, match="Invalid data"):
        FfmpegCodec().split(tmp_path / "text.mp4", tmp_path, 2)
