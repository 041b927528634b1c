"""The record: every candidate ever trained, in one database, one transaction each."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sqlalchemy as sql
import xarray as xr


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A candidate's state at one moment of its training.

    Args:
        epoch: passes over the training images, a fraction allowed. examples: training examples processed.
        accuracy: on the validation images, in [0, 1]. loss: likewise, nats.
        training_loss_sum: over all steps so far. images_shown: for this measurement, without training.
        seconds: that the measurement took. rdms: by (stimuli, level), [L, P] float16.
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
    """What the evaluation of one candidate gave; `state` is finished or diverged."""

    state: str
    failure: str | None
    parameters: int
    multiply_adds: int
    seconds: float
    snapshots: tuple[Snapshot, ...]


_METADATA = sql.MetaData()
_STUDY = sql.Table(
    "study",
    _METADATA,
    sql.Column("key", sql.String(16), primary_key=True),
    sql.Column("description", sql.JSON, nullable=False),
)
_CANDIDATE = sql.Table(
    "candidate",
    _METADATA,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("study", sql.ForeignKey("study.key"), nullable=False),
    sql.Column("number", sql.Integer, nullable=False),
    sql.Column("architecture", sql.JSON, nullable=False),
    sql.Column("hash", sql.String(16), nullable=False),
    sql.Column("seed", sql.BigInteger, nullable=False),
    sql.Column("state", sql.String(16), nullable=False),
    sql.Column("failure", sql.Text),
    sql.Column("parameters", sql.BigInteger, nullable=False),
    sql.Column("multiply_adds", sql.BigInteger, nullable=False),
    sql.Column("seconds", sql.Float, nullable=False),
    sql.Column("provenance", sql.JSON, nullable=False),
    sql.UniqueConstraint("study", "number"),
)
_SNAPSHOT = sql.Table(
    "snapshot",
    _METADATA,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("candidate", sql.ForeignKey("candidate.id"), nullable=False, index=True),
    sql.Column("epoch", sql.Float, nullable=False),
    sql.Column("examples", sql.BigInteger, nullable=False),
    # Databases store a NaN as NULL.
    sql.Column("accuracy", sql.Float),
    sql.Column("loss", sql.Float),
    sql.Column("training_loss_sum", sql.Float),
    sql.Column("images_shown", sql.BigInteger, nullable=False),
    sql.Column("seconds", sql.Float, nullable=False),
)
_RDM = sql.Table(
    "rdm",
    _METADATA,
    sql.Column("snapshot", sql.ForeignKey("snapshot.id"), primary_key=True),
    sql.Column("stimuli", sql.String(200), primary_key=True),
    sql.Column("level", sql.String(20), primary_key=True),
    sql.Column("layers", sql.Integer, nullable=False),
    sql.Column("values", sql.LargeBinary, nullable=False),  # [layers, pairs] float16, little-endian
)
_MEASURES = ("examples", "accuracy", "loss", "training_loss_sum", "images_shown", "seconds")
_SCALARS = ("hash", "seed", "state", "parameters", "multiply_adds", "seconds")


class Tracker:
    """Database of studies: a study is a set of numbered candidates evaluated alike.

    Args:
        path: an SQLite file, made if missing.
    """

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self.engine = sql.create_engine(f"sqlite:///{path}")
        _METADATA.create_all(self.engine)

    def open_study(self, key: str, description: dict) -> None:
        """Make a study unless it is there."""
        with self.engine.begin() as connection:
            if connection.scalar(sql.select(_STUDY.c.key).where(_STUDY.c.key == key)) is None:
                connection.execute(_STUDY.insert().values(key=key, description=description))

    def finished(self, study: str) -> set[int]:
        """Numbers of the candidates on record, in whatever state they ended."""
        with self.engine.connect() as connection:
            return set(connection.scalars(sql.select(_CANDIDATE.c.number).where(_CANDIDATE.c.study == study)))

    def record(
        self,
        study: str,
        number: int,
        *,
        architecture: tuple[int, ...],
        hash: str,
        seed: int,
        evaluation: Evaluation,
        provenance: dict,
    ) -> None:
        """Store one candidate's evaluation: all of it or nothing.

        Raises:
            ValueError: a candidate of this number is on record already.
        """
        with self.engine.begin() as connection:
            try:
                candidate = _insert(
                    connection,
                    _CANDIDATE,
                    study=study,
                    number=number,
                    architecture=list(architecture),
                    hash=hash,
                    seed=seed,
                    provenance=provenance,
                    **{name: getattr(evaluation, name) for name in _EVALUATED},
                )
            except sql.exc.IntegrityError as problem:
                raise ValueError(f"candidate {number} of study {study} is on record already") from problem
            for snapshot in evaluation.snapshots:
                measures = {name: getattr(snapshot, name) for name in _MEASURES}
                row = _insert(connection, _SNAPSHOT, candidate=candidate, epoch=snapshot.epoch, **measures)
                for (stimuli, level), values in snapshot.rdms.items():
                    blob = values.astype("<f2").tobytes()
                    connection.execute(
                        _RDM.insert().values(
                            snapshot=row, stimuli=stimuli, level=level, layers=len(values), values=blob
                        )
                    )

    def results(self, study: str, count: int) -> xr.Dataset:
        """The first `count` candidates of a study.

        Returns:
            Dataset over network (its number) and epoch, NaN where a network has no such snapshot, with
            the study's description as attributes.
        """
        numbered = (_CANDIDATE.c.study == study) & (_CANDIDATE.c.number < count)
        with self.engine.connect() as connection:
            description = connection.scalar(sql.select(_STUDY.c.description).where(_STUDY.c.key == study))
            candidates = connection.execute(
                sql.select(_CANDIDATE).where(numbered).order_by(_CANDIDATE.c.number)
            ).all()
            snapshots = connection.execute(
                sql.select(_CANDIDATE.c.number, _SNAPSHOT).join(_SNAPSHOT).where(numbered)
            ).all()
        if not candidates:
            raise ValueError(f"study {study} has no candidates on record")
        networks = [row.number for row in candidates]
        epochs = sorted({row.epoch for row in snapshots})
        place = {number: index for index, number in enumerate(networks)}
        measures = {name: np.full((len(networks), len(epochs)), np.nan) for name in _MEASURES}
        for row in snapshots:
            for name, values in measures.items():
                value = getattr(row, name)
                if value is not None:
                    values[place[row.number], epochs.index(row.epoch)] = value
        measures["measurement_seconds"] = measures.pop("seconds")
        scalars = {name: [getattr(row, name) for row in candidates] for name in _SCALARS}
        scalars["failure"] = [row.failure or "" for row in candidates]
        scalars["architecture"] = [json.dumps(row.architecture) for row in candidates]
        return xr.Dataset(
            {name: (("network", "epoch"), values) for name, values in measures.items()}
            | {name: ("network", values) for name, values in scalars.items()},
            coords={"network": networks, "epoch": epochs},
            attrs={
                "study": study,
                "description": json.dumps(description),
                "provenance": json.dumps(_distinct([row.provenance for row in candidates])),
            },
        )

    def rdms(self, study: str, count: int, level: str) -> Iterator[tuple[int, float, dict]]:
        """Network number, epoch, and RDMs [L, P] by (stimuli, level), of one level, one snapshot at a time."""
        query = (
            sql.select(_CANDIDATE.c.number, _SNAPSHOT.c.id, _SNAPSHOT.c.epoch)
            .join(_SNAPSHOT)
            .where((_CANDIDATE.c.study == study) & (_CANDIDATE.c.number < count))
            .order_by(_CANDIDATE.c.number, _SNAPSHOT.c.epoch)
        )
        with self.engine.connect() as connection:
            for number, snapshot, epoch in connection.execute(query).all():
                stored = sql.select(_RDM).where((_RDM.c.snapshot == snapshot) & (_RDM.c.level == level))
                yield number, epoch, {
                    (row.stimuli, row.level): np.frombuffer(row.values, "<f2").reshape(row.layers, -1)
                    for row in connection.execute(stored)
                }


_EVALUATED = ("state", "failure", "parameters", "multiply_adds", "seconds")


def _insert(connection: sql.Connection, table: sql.Table, **values) -> int:
    return connection.execute(table.insert().values(**values)).inserted_primary_key[0]


def _distinct(items: list[dict]) -> list[dict]:
    return list({json.dumps(item, sort_keys=True): item for item in items}.values())
