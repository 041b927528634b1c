"""What the record holds: one evaluation of a candidate as data, and the database's tables."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import sqlalchemy as sql


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A candidate's state at one moment of its training.

    Args:
        epoch: passes over the training images, a fraction allowed. examples: training examples processed.
        accuracy: on the validation images, in [0, 1]. loss: likewise, nats.
        training_loss_sum: over all steps so far. images_shown: for this measurement, without training.
        seconds: that the measurement took. rdms: by (stimuli, level), [L, P] float16, Gram matrices
            likewise, see `responses.Responses`.
    """

    epoch: float
    examples: int
    accuracy: float
    loss: float
    training_loss_sum: float
    images_shown: int
    seconds: float
    rdms: Mapping[tuple[str, str], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the evaluation of one architecture with one seed gave; `state` is finished or diverged.

    Args:
        test_accuracy: at the end, in [0, 1]; None where the test images were not shown.
        hardware: that it ran on. losses: [steps] float32, nats, of every training step.
        proxies: zero-cost proxies by name, none where they were not measured.
    """

    state: str
    failure: str | None
    parameters: int
    multiply_adds: int
    seconds: float
    test_accuracy: float | None
    hardware: str
    losses: np.ndarray
    proxies: Mapping[str, float]
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One numbered proposal of a study.

    Args:
        state: running, or how it ended: finished, diverged or failed.
        attempts: how often it was submitted; a worker that dies is replaced within one.
        score: higher is better, NaN where there is none.
        told: place in the order in which results came in; None while running.
    """

    number: int
    architecture: tuple[int, ...]
    hash: str
    seed: int
    state: str = "running"
    attempts: int = 0
    failure: str | None = None
    score: float = math.nan
    told: int | None = None


class _Floats(sql.TypeDecorator):
    """An array [n] as its float32 values, little-endian."""

    impl, cache_ok = sql.LargeBinary, True

    def process_bind_param(self, value: np.ndarray, dialect) -> bytes:
        return value.astype("<f4").tobytes()

    def process_result_value(self, value: bytes | None, dialect) -> np.ndarray:
        return np.frombuffer(value or b"", "<f4")


class _Numbers(sql.TypeDecorator):
    """Numbers by name; JSON has no NaN."""

    impl, cache_ok = sql.JSON, True

    def process_bind_param(self, value: Mapping[str, float], dialect) -> dict:
        return {name: None if math.isnan(number) else number for name, number in value.items()}

    def process_result_value(self, value: dict | None, dialect) -> dict[str, float]:
        return {
            name: math.nan if number is None else number for name, number in (value or {}).items()
        }


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
    sql.Column("losses", _Floats, nullable=False),
    sql.Column("proxies", _Numbers, nullable=False),
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
    sql.Column("score", sql.Float),
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
    # Databases store a NaN as NULL.
    sql.Column("accuracy", sql.Float),
    sql.Column("loss", sql.Float),
    sql.Column("training_loss_sum", sql.Float),
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
EVALUATED = tuple(field.name for field in fields(Evaluation) if field.name != "snapshots")
MEASURES = tuple(field.name for field in fields(Snapshot) if field.name not in ("epoch", "rdms"))


def make_tables(engine: sql.Engine) -> None:
    """Make the tables that are missing.

    Raises:
        ValueError: tables of these names have other columns than this version's.
    """
    for table in METADATA.sorted_tables:
        try:
            table.create(engine, checkfirst=True)
        except sql.exc.DBAPIError:  # Another process may have made it at this moment.
            if not sql.inspect(engine).has_table(table.name):
                raise
    inspector = sql.inspect(engine)
    for table in METADATA.sorted_tables:
        found, expected = (
            {column["name"] for column in inspector.get_columns(table.name)},
            set(table.c.keys()),
        )
        if found != expected:
            raise ValueError(
                f"the record {engine.url} was made by another version: table {table.name} differs in "
                f"{', '.join(sorted(found ^ expected))}; move it away, or name another one in SAGE_TRACKER"
            )
