"""The tables of the database that keeps the record."""

import math
from typing import Any

import sqlalchemy as sql


class _Measure(sql.TypeDecorator):
    """A number that may be NaN, which databases store as NULL."""

    impl, cache_ok = sql.Float, True

    def process_bind_param(self, value: Any, dialect: Any) -> float | None:
        return None if math.isnan(value) else value

    def process_result_value(self, value: Any, dialect: Any) -> float:
        return math.nan if value is None else value


class _Measures(sql.TypeDecorator):
    """Numbers by name; JSON has no NaN."""

    impl, cache_ok = sql.JSON, True

    def process_bind_param(self, value: Any, dialect: Any) -> dict:
        return {name: None if math.isnan(number) else number for name, number in value.items()}

    def process_result_value(self, value: Any, dialect: Any) -> dict[str, float]:
        found = value or {}
        return {name: math.nan if number is None else number for name, number in found.items()}


METADATA = sql.MetaData()
STUDY = sql.Table(
    "study",
    METADATA,
    sql.Column("key", sql.String(16), primary_key=True),
    sql.Column("description", sql.JSON, nullable=False),
    sql.Column("explorer", sql.Text),  # who explores it, or did last
)
EVALUATION = sql.Table(
    "evaluation",
    METADATA,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("protocol", sql.String(16), nullable=False),
    sql.Column("hash", sql.String(16), nullable=False),
    sql.Column("seed", sql.BigInteger, nullable=False),
    sql.Column("state", sql.String(16), nullable=False),
    sql.Column("failure", sql.Text),
    sql.Column("parameters", sql.BigInteger, nullable=False),
    sql.Column("multiply_adds", sql.BigInteger, nullable=False),
    sql.Column("seconds", sql.Float, nullable=False),
    sql.Column("test_accuracy", sql.Float),
    sql.Column("hardware", sql.Text, nullable=False),
    sql.Column("losses", sql.LargeBinary, nullable=False),  # [steps] float32, little-endian
    sql.Column("proxies", _Measures, nullable=False),
    sql.Column("provenance", sql.JSON, nullable=False),
    sql.UniqueConstraint("protocol", "hash", "seed"),
)
CANDIDATE = sql.Table(
    "candidate",
    METADATA,
    sql.Column("study", sql.ForeignKey("study.key"), primary_key=True),
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("architecture", sql.JSON, nullable=False),
    sql.Column("hash", sql.String(16), nullable=False),
    sql.Column("seed", sql.BigInteger, nullable=False),
    sql.Column("state", sql.String(16), nullable=False),
    sql.Column("attempts", sql.Integer, nullable=False),
    sql.Column("failure", sql.Text),
    sql.Column("evaluation", sql.ForeignKey("evaluation.id")),
    sql.Column("score", _Measure),
    sql.Column("told", sql.Integer),
    sql.Column("proposed_at", sql.Float, nullable=False),  # seconds since 1970, as time.time
    sql.Column("ended_at", sql.Float),
    sql.UniqueConstraint("study", "told"),
)
SNAPSHOT = sql.Table(
    "snapshot",
    METADATA,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("evaluation", sql.ForeignKey("evaluation.id"), nullable=False, index=True),
    sql.Column("epoch", sql.Float, nullable=False),
    sql.Column("examples", sql.BigInteger, nullable=False),
    sql.Column("accuracy", _Measure),
    sql.Column("loss", _Measure),
    sql.Column("training_loss_sum", _Measure),
    sql.Column("images_shown", sql.BigInteger, nullable=False),
    sql.Column("seconds", sql.Float, nullable=False),
)
RDM = sql.Table(
    "rdm",
    METADATA,
    sql.Column("snapshot", sql.ForeignKey("snapshot.id"), primary_key=True),
    sql.Column("stimuli", sql.String(200), primary_key=True),
    sql.Column("level", sql.String(20), primary_key=True),
    sql.Column("layers", sql.Integer, nullable=False),
    sql.Column("values", sql.LargeBinary, nullable=False),  # [layers, pairs] float16, little-endian
)


def check_tables(engine: sql.Engine, *, make: bool) -> None:
    """Make the tables that are missing, if asked to, and check all.

    Raises:
        ValueError: tables of these names have other columns than this version's.
        sqlalchemy.exc.NoSuchTableError: one is missing and is not to be made.
    """
    for table in METADATA.sorted_tables:
        try:
            if make:
                table.create(engine, checkfirst=True)
        except sql.exc.DBAPIError:  # Another process may have made it at this moment.
            if not sql.inspect(engine).has_table(table.name):
                raise
        found = {column["name"] for column in sql.inspect(engine).get_columns(table.name)}
        if different := ", ".join(sorted(found ^ set(table.c.keys()))):
            told = f"was made by another version: table {table.name} differs in {different}"
            advice = "move it away, or name another one in SAGE_TRACKER"
            raise ValueError(f"the record {engine.url.render_as_string()} {told}; {advice}")
