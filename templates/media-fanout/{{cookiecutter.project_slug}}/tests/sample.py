"""Makes a WAV file to try the functions with: `python tests/sample.py` writes `in/talk.wav`."""

import math
import sys
import wave
from array import array
from pathlib import Path
from tempfile import TemporaryDirectory

RATE = 8000
SECONDS = 6


def samples() -> "array[int]":
    """Return a tone of 440 Hz, loud from 2.5 to 3.5 s: 0.8 of full scale, otherwise 0.2."""
    return array(
        "h",
        (
            round(
                (0.8 if 2.5 <= frame / RATE < 3.5 else 0.2)
                * 32767
                * math.sin(2 * math.pi * 440 * frame / RATE)
            )
            for frame in range(RATE * SECONDS)
        ),
    )


def write(file: Path) -> None:
    """Write the tone to a file."""
    with wave.open(str(file), "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(samples().tobytes())


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1] / "code"))
    import files

    with TemporaryDirectory() as folder:
        made = Path(folder, "talk.wav")
        write(made)
        files.put(made, "in/talk.wav")
    print(f"in/talk.wav, {SECONDS} s, loud in the middle")
