"""What the tests share: s.yaml, deployed to a Function Compute on this machine, and a database.

{% if cookiecutter.database == "postgresql" -%}
The database is a new SQLite file for each test, and a new schema of the PostgreSQL server that
TEST_DATABASE_URL names, if it does. It is never the one of DATABASE_URL.
{% else -%}
The database is a new SQLite file for each test, never the one of DATABASE_URL.
{% endif -%}
"""

{% if cookiecutter.database == "postgresql" -%}
import os
import uuid
{% endif -%}
from collections.abc import Iterable{% if cookiecutter.database == "postgresql" %}, Iterator{% endif %}
from pathlib import Path

{% if cookiecutter.database == "postgresql" -%}
import psycopg
{% endif -%}
import pytest
from fc_async_local.settings import Settings
from fc_async_local.testing import FcLocal

from database import Row, transaction

PROJECT = Path(__file__).parent.parent


class Warehouse:
    """The database, as the tests write and read it."""

    def __init__(self) -> None:
        with transaction() as db:
            db.create_tables()

    def sell(self, *amounts: str, first: int = 1) -> None:
        """Write orders into the source, with these amounts and ids from `first` on."""
        self.write((first + n, "Ada", amount, first + n) for n, amount in enumerate(amounts))

    def write(self, orders: Iterable[Row]) -> None:
        """Insert rows into the source, or replace them: id, customer, amount, version."""
        with transaction() as db:
            for order in orders:
                db.run("DELETE FROM orders WHERE id = ?", order[0])
                db.run(
                    "INSERT INTO orders (id, customer, amount, version) VALUES (?, ?, ?, ?)", *order
                )

    def stage(self, part: str, *sales: Row) -> None:
        """Stage rows under a name: order_id, customer, cents, version."""
        with transaction() as db:
            db.run_many(
                "INSERT INTO staging (part, order_id, customer, cents, version)"
                " VALUES (?, ?, ?, ?, ?)",
                [(part, *sale) for sale in sales],
            )

    def run(self, sql: str) -> None:
        """Execute a statement."""
        with transaction() as db:
            db.run(sql)

    def rows(self, sql: str) -> list[Row]:
        """Return what a query finds."""
        with transaction() as db:
            return db.rows(sql)

    def sales(self) -> dict[int, int]:
        """Return the cents of each order that is loaded."""
        return dict(self.rows("SELECT order_id, cents FROM sales ORDER BY order_id"))


{% if cookiecutter.database == "postgresql" -%}
SERVER = os.environ.get("TEST_DATABASE_URL", "")


@pytest.fixture(params=["sqlite", *(["postgresql"] if SERVER else [])])
def warehouse(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Warehouse]:
    """Return a database with empty tables, that DATABASE_URL names."""
    if request.param == "sqlite":
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'etl.db'}")
        yield Warehouse()
        return
    schema = f"etl_{uuid.uuid4().hex}"
    with psycopg.connect(SERVER, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        option = f"options=-csearch_path%3D{schema}"
        monkeypatch.setenv("DATABASE_URL", f"{SERVER}{'&' if '?' in SERVER else '?'}{option}")
        yield Warehouse()
        connection.execute(f"DROP SCHEMA {schema} CASCADE")
{% else -%}
@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """Return a database with empty tables, that DATABASE_URL names."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'etl.db'}")
    return Warehouse()
{% endif %}

@pytest.fixture
def fc_local_settings() -> Settings:
    """Return the settings of a runtime that is as strict as the service.

    Destinations need a role, and a package that functions would not have there fails its import.
    """
    return Settings.of(enforce_roles=True, strict_imports=True)


@pytest.fixture
def deployed(fc_local: FcLocal, warehouse: Warehouse) -> FcLocal:
    """Return the local runtime with this project on it. Its clock is virtual."""
    fc_local.deploy_template(PROJECT / "s.yaml")
    return fc_local
