"""What is wrong with a file of the user."""


class MediaError(Exception):
    """The file cannot be read as audio or video."""


class TooLoud(MediaError):
    """The gain would lift the peak of a part over full scale."""

    def __init__(self, peak_db: float) -> None:
        super().__init__(
            f"the gain lifts the peak to {peak_db:+.1f} dB of full scale: send a lower gain_db, or "
            "set PEAKS to clip in s.yaml"
        )
