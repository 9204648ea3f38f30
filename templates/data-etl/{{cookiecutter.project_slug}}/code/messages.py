"""What the functions tell each other. Rows stay in the database, because a destination event that
goes to a function may have at most 128 KB: messages have names of batches and parts only.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Batch:
    """Rows of the source that are transformed together: batch `number`, from 0, of a run."""

    run: int
    number: int


@dataclass(frozen=True)
class OneOrder:
    """A row of the source that is transformed by itself, because it was bad in its run."""

    run: int
    order: int


@dataclass(frozen=True)
class Part:
    """Clean rows in the table staging, to be loaded together."""

    part: str
