"""The tracker: every study and every network ever trained, in one database; a transaction per change of state."""

import json
import math
import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import sqlalchemy as sql
import xarray as xr
from filelock import FileLock, Timeout

from sage.config import paths
from sage.search.record import (
    CANDIDATE,
    EVALUATED,
    EVALUATION,
    MEASURES,
    RDM,
    SNAPSHOT,
    STUDY,
    Candidate,
    Evaluation,
    Snapshot,
    make_tables,
)


class StudyInUse(RuntimeError):
    """Another explorer is at work on the study; the message says which."""


class Tracker:
    """Database of studies; a study is a set of numbered candidates evaluated alike.

    Args:
        url: as SQLAlchemy takes it, `sqlite:///FILE` or `postgresql://USER@HOST/NAME`; None for
            `paths.tracker()`. Tables are made if missing.

    Raises:
        ValueError: the database is of another version of this package.
    """

    def __init__(self, url: str | None = None):
        address = sql.make_url(url or paths.tracker())
        if address.drivername == "postgresql":
            address = address.set(drivername="postgresql+psycopg")
        self._file = address.database if address.get_backend_name() == "sqlite" else None
        if self._file:
            os.makedirs(os.path.dirname(os.path.abspath(self._file)), exist_ok=True)
        # A minute for other studies' explorers to finish writing; SQLite lets one write at a time.
        options = {"timeout": 60} if self._file else {}
        # Without a pool no connection outlives its use: candidates take seconds, connecting milliseconds.
        self.engine = sql.create_engine(address, connect_args=options, poolclass=sql.NullPool)
        make_tables(self.engine)

    def open_study(self, key: str, description: dict) -> None:
        """Make a study unless it is there."""
        # Another process may make it at the same moment.
        with suppress(sql.exc.IntegrityError), self.engine.begin() as connection:
            connection.execute(STUDY.insert().values(key=key, description=description))

    @contextmanager
    def exclusive(self, study: str) -> Iterator[None]:
        """Keeps other explorers off a study; ends with this process, however that ends.

        Raises:
            StudyInUse: another one is at work on it.
        """
        patience = (
            time.monotonic() + 2
        )  # Whoever only looks whether it is explored is gone by then.
        while True:
            with self._lock(study) as mine:
                if mine:
                    self._sign(study)
                    yield
                    return
            if time.monotonic() > patience:
                with self.engine.connect() as connection:
                    other = connection.scalar(
                        sql.select(STUDY.c.explorer).where(STUDY.c.key == study)
                    )
                raise StudyInUse(
                    f"study {study} is being explored by {other}: wait for it or stop it; what it has finished is "
                    "on record"
                )
            time.sleep(0.1)

    def _sign(self, study: str) -> None:
        me = (
            f"process {os.getpid()} on {platform.node()} since {time.strftime('%Y-%m-%d %H:%M:%S')}"
        )
        with self.engine.begin() as connection:
            connection.execute(STUDY.update().where(STUDY.c.key == study).values(explorer=me))

    @contextmanager
    def _lock(self, study: str) -> Iterator[bool]:
        """Whether the lock was free. Operating system and server release it when their client is gone."""
        if self._file:
            folder = Path(f"{self._file}.locks")
            folder.mkdir(exist_ok=True)
            lock = FileLock(folder / study)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                yield False
                return
            try:
                yield True
            finally:
                lock.release()
        else:
            number = int(study, 16) - 2**63  # PostgreSQL's numbers are signed.
            with self.engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            ) as connection:
                yield connection.scalar(
                    sql.select(sql.func.pg_try_advisory_lock(number))
                )  # until it closes

    def explored(self, study: str) -> bool:
        """Whether an explorer is at work on the study now."""
        with self._lock(study) as free:
            return not free

    def candidates(self, study: str) -> list[Candidate]:
        """All that the study has proposed, by number."""
        with self.engine.connect() as connection:
            rows = connection.execute(
                sql.select(CANDIDATE).where(CANDIDATE.c.study == study).order_by(CANDIDATE.c.number)
            ).all()
        return [
            Candidate(
                number=row.number,
                architecture=tuple(row.architecture),
                hash=row.hash,
                seed=row.seed,
                state=row.state,
                attempts=row.attempts,
                failure=row.failure,
                score=_number(row.score),
                told=row.told,
            )
            for row in rows
        ]

    def ended(self, study: str, count: int) -> bool:
        """Whether the first `count` candidates of a study have all ended."""
        query = sql.select(sql.func.count()).where(
            (CANDIDATE.c.study == study)
            & (CANDIDATE.c.number < count)
            & CANDIDATE.c.told.is_not(None)
        )
        with self.engine.connect() as connection:
            return connection.scalar(query) == count

    def propose(self, study: str, candidate: Candidate) -> None:
        """Put a new candidate on record, before any work is done on it.

        Raises:
            ValueError: a candidate of this number is on record already.
        """
        values = {
            name: getattr(candidate, name)
            for name in ("number", "hash", "seed", "state", "attempts")
        }
        try:
            with self.engine.begin() as connection:
                connection.execute(
                    CANDIDATE.insert().values(
                        study=study,
                        architecture=list(candidate.architecture),
                        proposed_at=time.time(),
                        **values,
                    )
                )
        except sql.exc.IntegrityError as problem:
            raise ValueError(
                f"candidate {candidate.number} of study {study} is on record already"
            ) from problem

    def attempt(self, study: str, number: int) -> None:
        """Count that a candidate is handed to a worker."""
        self._change(study, number, attempts=CANDIDATE.c.attempts + 1)

    def store(
        self, protocol: str, hash: str, seed: int, evaluation: Evaluation, provenance: dict
    ) -> int:
        """Store an evaluation, all of it or nothing; returns its id, that of the first if there is one already."""
        values = {name: getattr(evaluation, name) for name in EVALUATED} | {
            "provenance": provenance
        }
        try:
            with self.engine.begin() as connection:
                stored = _insert(
                    connection, EVALUATION, protocol=protocol, hash=hash, seed=seed, **values
                )
                for snapshot in evaluation.snapshots:
                    measures = {name: _storable(getattr(snapshot, name)) for name in MEASURES}
                    row = _insert(
                        connection, SNAPSHOT, evaluation=stored, epoch=snapshot.epoch, **measures
                    )
                    for (stimuli, level), rdms in snapshot.rdms.items():
                        place = {"snapshot": row, "stimuli": stimuli, "level": level}
                        blob = rdms.astype("<f2").tobytes()
                        connection.execute(
                            RDM.insert().values(layers=len(rdms), values=blob, **place)
                        )
        except sql.exc.IntegrityError:
            stored = self.find(protocol, hash, seed)  # Another study had the same in the making.
            if stored is None:
                raise
        return stored

    def find(self, protocol: str, hash: str, seed: int) -> int | None:
        """Id of the evaluation of an architecture with this protocol and seed, if it is on record."""
        wanted = (
            (EVALUATION.c.protocol == protocol)
            & (EVALUATION.c.hash == hash)
            & (EVALUATION.c.seed == seed)
        )
        with self.engine.connect() as connection:
            return connection.scalar(sql.select(EVALUATION.c.id).where(wanted))

    def evaluation(self, stored: int) -> Evaluation:
        """A stored evaluation by its id."""
        with self.engine.connect() as connection:
            row = connection.execute(sql.select(EVALUATION).where(EVALUATION.c.id == stored)).one()
            points = connection.execute(
                sql.select(SNAPSHOT)
                .where(SNAPSHOT.c.evaluation == stored)
                .order_by(SNAPSHOT.c.epoch)
            ).all()
            snapshots = tuple(
                Snapshot(
                    epoch=point.epoch,
                    rdms=_rdms(connection, RDM.c.snapshot == point.id),
                    **{name: _number(getattr(point, name)) for name in MEASURES},
                )
                for point in points
            )
        return Evaluation(snapshots=snapshots, **{name: getattr(row, name) for name in EVALUATED})

    def finish(self, study: str, ended: Candidate, evaluation: int | None = None) -> None:
        """Record how a candidate ended: its state, score and failure, as the next of the results.

        Args:
            evaluation: id of its evaluation, None for a candidate that failed.
        """
        last = sql.select(sql.func.coalesce(sql.func.max(CANDIDATE.c.told), -1)).where(
            CANDIDATE.c.study == study
        )
        self._change(
            study,
            ended.number,
            state=ended.state,
            score=_storable(ended.score),
            evaluation=evaluation,
            failure=ended.failure,
            told=last.scalar_subquery() + 1,
            ended_at=time.time(),
        )

    def reopen(self, study: str, numbers: list[int]) -> None:
        """Take back that candidates have ended, so that they are evaluated again; their failure stays to be read."""
        for number in numbers:
            self._change(
                study,
                number,
                state="running",
                score=None,
                evaluation=None,
                told=None,
                ended_at=None,
            )

    def results(self, study: str, count: int | None = None) -> xr.Dataset:
        """The first `count` candidates of a study, or all, as far as they have ended.

        Returns:
            Dataset over network (its number) and epoch, NaN where a network has no such snapshot, with
            the study's description as attributes; losses [network, step], and zero-cost proxies where measured.

        Raises:
            ValueError: none of them has ended.
        """
        wanted = (CANDIDATE.c.study == study) & CANDIDATE.c.told.is_not(None)
        if count is not None:
            wanted &= CANDIDATE.c.number < count
        query = (
            sql.select(CANDIDATE, EVALUATION)
            .where(wanted)
            .order_by(CANDIDATE.c.number)
            .outerjoin(EVALUATION)
        )
        with self.engine.connect() as connection:
            description = connection.scalar(
                sql.select(STUDY.c.description).where(STUDY.c.key == study)
            )
            rows = connection.execute(
                query.set_label_style(sql.LABEL_STYLE_TABLENAME_PLUS_COL)
            ).all()
            points = connection.execute(
                sql.select(CANDIDATE.c.number, SNAPSHOT)
                .join(SNAPSHOT, SNAPSHOT.c.evaluation == CANDIDATE.c.evaluation)
                .where(wanted)
            ).all()
        if not rows:
            raise ValueError(f"study {study} has no candidates on record that have ended")
        epochs = sorted({point.epoch for point in points})
        place = {row.candidate_number: index for index, row in enumerate(rows)}
        measures = {name: np.full((len(rows), len(epochs)), np.nan) for name in MEASURES}
        for point in points:
            for name, values in measures.items():
                values[place[point.number], epochs.index(point.epoch)] = _number(
                    getattr(point, name)
                )
        measures["measurement_seconds"] = measures.pop("seconds")
        numbers = {
            name: [_number(getattr(row, f"evaluation_{name}")) for row in rows] for name in _NUMBERS
        }
        proxies = [row.evaluation_proxies for row in rows]
        numbers |= {
            name: [one.get(name, math.nan) for one in proxies]
            for name in sorted(set().union(*proxies))
        }
        losses = np.full(
            (len(rows), max(len(row.evaluation_losses) for row in rows)), np.nan, np.float32
        )
        for values, row in zip(losses, rows):
            values[: len(row.evaluation_losses)] = row.evaluation_losses
        provenance = [
            (row.evaluation_provenance or {}) | {"hardware": row.evaluation_hardware}
            for row in rows
        ]
        return xr.Dataset(
            {name: (("network", "epoch"), values) for name, values in measures.items()}
            | {name: ("network", values) for name, values in numbers.items()}
            | {
                "losses": (("network", "step"), losses),
                "architecture": (
                    "network",
                    [json.dumps(row.candidate_architecture) for row in rows],
                ),
                "hash": ("network", [row.candidate_hash for row in rows]),
                "seed": ("network", [row.candidate_seed for row in rows]),
                "state": ("network", [row.candidate_state for row in rows]),
                "failure": ("network", [row.candidate_failure or "" for row in rows]),
                "attempts": ("network", [row.candidate_attempts for row in rows]),
                "score": ("network", [_number(row.candidate_score) for row in rows]),
                "told": ("network", [row.candidate_told for row in rows]),
                "proposed_at": ("network", [row.candidate_proposed_at for row in rows]),
                "ended_at": ("network", [row.candidate_ended_at for row in rows]),
            },
            coords={"network": list(place), "epoch": epochs},
            attrs={
                "study": study,
                "description": json.dumps(description),
                "provenance": json.dumps(_distinct(provenance)),
            },
        )

    def rdms(
        self, study: str, numbers: Sequence[int], level: str
    ) -> Iterator[tuple[int, float, dict]]:
        """Of these candidates number, epoch, and RDMs [L, P] by (stimuli, level), of one level, a snapshot at a time."""
        query = (
            sql.select(CANDIDATE.c.number, SNAPSHOT.c.id, SNAPSHOT.c.epoch)
            .join(SNAPSHOT, SNAPSHOT.c.evaluation == CANDIDATE.c.evaluation)
            .where((CANDIDATE.c.study == study) & CANDIDATE.c.number.in_(numbers))
            .order_by(CANDIDATE.c.number, SNAPSHOT.c.epoch)
        )
        with self.engine.connect() as connection:
            for number, snapshot, epoch in connection.execute(query).all():
                yield (
                    number,
                    epoch,
                    _rdms(connection, (RDM.c.snapshot == snapshot) & (RDM.c.level == level)),
                )

    def studies(self) -> list[dict]:
        """Of every study: key, description, who explored it last, and the number of candidates by state."""
        counts = sql.select(CANDIDATE.c.study, CANDIDATE.c.state, sql.func.count()).group_by(
            CANDIDATE.c.study, CANDIDATE.c.state
        )
        with self.engine.connect() as connection:
            rows = connection.execute(sql.select(STUDY).order_by(STUDY.c.key))
            found = {row.key: row._asdict() | {"states": {}} for row in rows}
            for study, state, count in connection.execute(counts):
                found[study]["states"][state] = count
        return list(found.values())

    def _change(self, study: str, number: int, **values) -> None:
        place = (CANDIDATE.c.study == study) & (CANDIDATE.c.number == number)
        with self.engine.begin() as connection:
            connection.execute(CANDIDATE.update().where(place).values(**values))


_NUMBERS = ("parameters", "multiply_adds", "seconds")


def _insert(connection: sql.Connection, table: sql.Table, **values) -> int:
    return connection.execute(table.insert().values(**values)).inserted_primary_key[0]


def _rdms(
    connection: sql.Connection, wanted: sql.ColumnElement
) -> dict[tuple[str, str], np.ndarray]:
    return {
        (row.stimuli, row.level): np.frombuffer(row.values, "<f2").reshape(row.layers, -1)
        for row in connection.execute(sql.select(RDM).where(wanted))
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _storable(value: float) -> float | None:
    return None if math.isnan(value) else value


def _distinct(items: list[dict]) -> list[dict]:
    return list({json.dumps(item, sort_keys=True): item for item in items}.values())
