"""Stands for the application that writes the source, to try the functions: not deployed.

Usage:
    python code/shop.py write FILE      writes the rows of a CSV file into the table orders
    python code/shop.py show [COUNT]    prints the table sales when it has COUNT rows
"""

import csv
import os
import sys
import time
from pathlib import Path

from database import Row, transaction

DEFAULT = f"sqlite:///{Path(__file__).parents[1] / 'etl.db'}"  # as local_file
PATIENCE = 60


def write(file: str) -> None:
    """Insert the rows of a CSV file into the source, or replace them."""
    with Path(file).open(newline="") as lines:
        orders = [tuple(row) for row in csv.reader(lines)][1:]
    with transaction() as db:
        db.create_tables()
        db.run_many(
            "INSERT INTO orders (id, customer, amount, version) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET customer = excluded.customer,"
            " amount = excluded.amount, version = excluded.version",
            orders,
        )
    print(f"wrote {len(orders)} orders")


def show(count: str = "0") -> None:
    """Print what is loaded, but first wait until it is `count` rows, at most a minute."""
    for _ in range(PATIENCE * 4):
        if len(rows := sales()) >= int(count):
            break
        time.sleep(0.25)
    else:
        sys.exit(f"after {PATIENCE} seconds {len(rows)} orders are loaded, not {count}")
    for order, customer, cents in rows:
        print(f"{order:>5}  {customer:<20} {cents / 100:>10.2f}")


def sales() -> list[Row]:
    """Return what is loaded."""
    with transaction() as db:
        return db.rows("SELECT order_id, customer, cents FROM sales ORDER BY order_id")


if __name__ == "__main__":
    os.environ.setdefault("DATABASE_URL", DEFAULT)
    match sys.argv[1:]:
        case ["write", file]:
            write(file)
        case ["show", *count]:
            show(*count)
        case _:
            sys.exit(__doc__)
