"""The tracker: all studies and networks ever trained, in one database; a transaction per change."""

import fcntl
import json
import os
import platform
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import sqlalchemy as sql
import xarray as xr
from filelock import FileLock, Timeout

from sage.config import paths
from sage.search.record import Candidate, Evaluation, Snapshot
from sage.search.tables import CANDIDATE, EVALUATION, RDM, SNAPSHOT, STUDY, check_tables

# Columns of `Tracker.results` by the table that they are from.
_OF_CANDIDATES = "architecture hash seed state attempts score told proposed_at ended_at".split()
_OF_EVALUATIONS = "parameters multiply_adds seconds losses proxies test_accuracy".split()
_OF_EVALUATIONS += ["provenance", "hardware"]
_OF_SNAPSHOTS = "epoch examples accuracy loss training_loss_sum images_shown".split()
_TAKEN = SNAPSHOT.c.evaluation == CANDIDATE.c.evaluation


class StudyInUse(RuntimeError):
    """Another explorer is at work on the study; the message says which."""


class Tracker:
    """A database of studies; a study is a set of numbered candidates that are evaluated alike.

    Args:
        url: as SQLAlchemy takes it, `sqlite:///FILE` or `postgresql://USER@HOST/NAME`, or SQLite's
            file; None for `paths.tracker()`.
        make: make database and tables if missing.

    Raises:
        ValueError: another address, or the database is of another version of this package.
        OSError: the database cannot be opened, or is missing and is not to be made.
    """

    def __init__(self, url: str | Path | None = None, *, make: bool = True):
        address = _address(url or paths.tracker())
        self.name = f"the record {address.render_as_string()}"  # without password
        self.name += " in SAGE_TRACKER" * (not url and isinstance(paths.tracker(), str))
        self._file = address.database if address.get_backend_name() == "sqlite" else None
        missing = f"{self.name} is not there: nothing was searched or trained with it yet"
        if self._file and not make and not os.path.exists(self._file):
            raise FileNotFoundError(missing)
        # A minute for other studies' explorers to finish writing; SQLite lets one write at a time.
        options = {"timeout": 60} if self._file else {"connect_timeout": 30}  # seconds
        # No pool, so that no connection outlives its use: to connect takes milliseconds only.
        self.engine = sql.create_engine(address, connect_args=options, poolclass=sql.NullPool)
        try:
            if self._file:
                Path(self._file).absolute().parent.mkdir(parents=True, exist_ok=True)
            check_tables(self.engine, make=make)
        except sql.exc.NoSuchTableError:
            raise FileNotFoundError(missing) from None
        except (sql.exc.DBAPIError, OSError) as problem:
            told = " ".join(str(getattr(problem, "orig", problem)).split())
            # Without its cause, whose traceback has a hundred lines of others' code.
            raise OSError(f"{self.name} cannot be opened: {told}") from None

    def check_writable(self) -> None:
        """Raise PermissionError if the record is a file that cannot be changed."""
        file = Path(self._file or "").absolute()
        places = [file, file.parent] if self._file else []
        if not all(os.access(one, os.W_OK) for one in places):
            raise PermissionError(f"{self.name} cannot be written: it or its folder is read-only")

    def open_study(self, key: str, description: dict) -> None:
        with suppress(sql.exc.IntegrityError):  # Another process may make it at this moment.
            self._write(STUDY.insert().values(key=key, description=description))

    @contextmanager
    def exclusive(self, study: str) -> Iterator[None]:
        """Keep other explorers off a study; ends with this process, however that ends.

        Raises:
            StudyInUse: another explorer is at work on it.
        """
        patience = time.monotonic() + 2  # A process that only asks `explored` is done by then.
        while True:
            with self._lock(study) as free:
                if free:
                    since = time.strftime("%Y-%m-%d %H:%M:%S")
                    me = f"process {os.getpid()} on {platform.node()} since {since}"
                    self._write(STUDY.update().where(STUDY.c.key == study).values(explorer=me))
                    yield
                    return
            if time.monotonic() > patience:
                other = self._scalar(sql.select(STUDY.c.explorer).where(STUDY.c.key == study))
                told = f"study {study} is being explored by {other}"
                raise StudyInUse(f"{told}: wait for it or stop it, what it finished is on record")
            time.sleep(0.1)

    @contextmanager
    def _lock(self, study: str) -> Iterator[bool]:
        """Try to hold a study's lock until this process ends; gives False if another has it."""
        if self._file:
            folder = Path(f"{self._file}.locks")
            folder.mkdir(exist_ok=True)
            lock = FileLock(folder / study)
            with suppress(Timeout):
                lock.acquire(timeout=0)
            try:
                yield lock.is_locked
            finally:
                lock.release()
            return
        number = int(study, 16) - 2**63  # PostgreSQL's numbers are signed.
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            free = bool(connection.scalar(sql.select(sql.func.pg_try_advisory_lock(number))))
            try:
                yield free
            finally:  # The server notices only later that a connection was closed.
                with suppress(sql.exc.DBAPIError):  # closed already, and released by that
                    connection.execute(sql.select(sql.func.pg_advisory_unlock_all()))

    def explored(self, study: str) -> bool:
        """Return whether an explorer is at work on a study; neither makes nor writes anything."""
        if self._file:
            try:
                with open(Path(f"{self._file}.locks", study)) as lock:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except FileNotFoundError:
                return False
            except BlockingIOError:
                return True
            return False
        with self._lock(study) as free:
            return not free

    def candidates(self, study: str) -> list[Candidate]:
        """Return all that the study has proposed, by number."""
        proposed = sql.select(CANDIDATE).where(CANDIDATE.c.study == study)
        with self.engine.connect() as connection:
            rows = connection.execute(proposed.order_by(CANDIDATE.c.number))
            return [_made(Candidate, row, architecture=tuple(row.architecture)) for row in rows]

    def ended(self, study: str, count: int) -> bool:
        """Return whether the first `count` candidates of a study have all ended."""
        return self._scalar(sql.select(sql.func.count()).where(_ended(study, count))) == count

    def propose(self, study: str, candidate: Candidate) -> None:
        """Put a new candidate on record, before any work is done on it.

        Raises:
            ValueError: a candidate of this number is on record already.
        """
        try:
            with self.engine.begin() as connection:
                _insert(connection, CANDIDATE, candidate, study=study, proposed_at=time.time())
        except sql.exc.IntegrityError as problem:
            told = f"candidate {candidate.number} of study {study} is on record already"
            raise ValueError(told) from problem

    def attempt(self, study: str, number: int) -> None:
        """Count that a candidate is handed to a worker."""
        self._change(study, number, attempts=CANDIDATE.c.attempts + 1)

    def store(self, protocol: str, hash: str, seed: int, result: Evaluation, stamp: dict) -> int:
        """Store an evaluation, all of it or nothing; return its id, or that of one on record."""
        key = {"protocol": protocol, "hash": hash, "seed": seed, "provenance": stamp}
        losses = result.losses.astype("<f4").tobytes()
        try:
            with self.engine.begin() as connection:
                stored = _insert(connection, EVALUATION, result, losses=losses, **key)
                for snapshot in result.snapshots:
                    place = _insert(connection, SNAPSHOT, snapshot, evaluation=stored)
                    for (stimuli, level), rdms in snapshot.rdms.items():
                        values = {"values": rdms.astype("<f2").tobytes(), "layers": len(rdms)}
                        values |= {"snapshot": place, "stimuli": stimuli, "level": level}
                        connection.execute(RDM.insert().values(values))
            return stored
        except sql.exc.IntegrityError:
            earlier = self.find(protocol, hash, seed)  # Another study trained the same meanwhile.
            if earlier is None:
                raise
            return earlier

    def find(self, protocol: str, hash: str, seed: int) -> int | None:
        """Return the id of an architecture's evaluation with this protocol and seed, or None."""
        key = {"protocol": protocol, "hash": hash, "seed": seed}
        return self._scalar(sql.select(EVALUATION.c.id).filter_by(**key))

    def evaluation(self, stored: int) -> Evaluation:
        """Return a stored evaluation by its id."""
        taken = sql.select(SNAPSHOT).where(SNAPSHOT.c.evaluation == stored)
        with self.engine.connect() as connection:
            row = connection.execute(sql.select(EVALUATION).where(EVALUATION.c.id == stored)).one()
            snapshots = [
                _made(Snapshot, each, rdms=_rdms(connection, RDM.c.snapshot == each.id))
                for each in connection.execute(taken.order_by(SNAPSHOT.c.epoch)).all()
            ]
        losses = np.frombuffer(row.losses, "<f4")
        return _made(Evaluation, row, losses=losses, snapshots=tuple(snapshots))

    def finish(self, study: str, ended: Candidate, evaluation: int | None = None) -> None:
        """Record how a candidate ended, as the latest of the results, with its evaluation's id."""
        last = sql.select(sql.func.max(CANDIDATE.c.told)).where(CANDIDATE.c.study == study)
        told = {"told": sql.func.coalesce(last.scalar_subquery() + 1, 0), "ended_at": time.time()}
        end = {"state": ended.state, "score": ended.score, "failure": ended.failure}
        self._change(study, ended.number, evaluation=evaluation, **end, **told)

    def reopen(self, study: str, numbers: list[int]) -> None:
        """Have candidates evaluated again; their failure stays to be read."""
        nothing = {"score": np.nan, "evaluation": None, "told": None, "ended_at": None}
        for number in numbers:
            self._change(study, number, state="running", **nothing)

    def results(self, study: str, count: int | None = None) -> xr.Dataset:
        """Return the first `count` candidates of a study, or all, as far as they have ended.

        Returns:
            Dataset over network (its number) and epoch, NaN where a network has no such snapshot;
            losses [network, step], zero-cost proxies where measured; the study's description and
            the provenance as attributes.

        Raises:
            ValueError: none of them has ended.
        """
        wanted = _ended(study, count)
        number = CANDIDATE.c.number.label("network")
        failure = sql.func.coalesce(CANDIDATE.c.failure, "").label("failure")
        columns = *CANDIDATE.c[*_OF_CANDIDATES], *EVALUATION.c[*_OF_EVALUATIONS]
        networks = sql.select(number, failure, *columns).outerjoin(EVALUATION).where(wanted)
        measures = *SNAPSHOT.c[*_OF_SNAPSHOTS], SNAPSHOT.c.seconds.label("measurement_seconds")
        taken = sql.select(number, *measures).join_from(CANDIDATE, SNAPSHOT, _TAKEN).where(wanted)
        described = sql.select(STUDY.c.description).where(STUDY.c.key == study)
        with self.engine.connect() as connection:
            description = json.dumps(connection.scalar(described))
            rows = connection.execute(networks.order_by(number))
            found = dict(zip(rows.keys(), zip(*rows)))
            points = pd.read_sql(taken, connection, index_col=["network", "epoch"])
        if not found:
            raise ValueError(f"study {study} has no candidates on record that have ended")
        losses = [np.frombuffer(values or b"", "<f4") for values in found.pop("losses")]
        proxies = found.pop("proxies")
        names = sorted(set().union(*proxies))
        found |= {name: tuple(one.get(name) for one in proxies) for name in names}
        found["architecture"] = tuple(map(json.dumps, found["architecture"]))
        made = zip(found.pop("provenance"), found.pop("hardware"))
        stamps = [stamp | {"hardware": hardware} for stamp, hardware in made if stamp]
        different = {json.dumps(stamp, sort_keys=True): stamp for stamp in stamps}
        padded = np.full((len(losses), max(map(len, losses))), np.nan, np.float32)
        for row, values in zip(padded, losses):
            row[: len(values)] = values
        table = points.astype(float).to_xarray().reindex(network=list(found.pop("network")))
        table["losses"] = ("network", "step"), padded
        for name, values in found.items():  # A failed candidate's None becomes NaN.
            table[name] = "network", np.array(values, float if None in values else None)
        provenance = json.dumps(list(different.values()))
        return table.assign_attrs(study=study, description=description, provenance=provenance)

    def rdms(
        self, study: str, numbers: Sequence[int], level: str
    ) -> Iterator[tuple[int, float, dict]]:
        """Give number, epoch and a level's RDMs [L, P] by (stimuli, level), by snapshot."""
        columns = CANDIDATE.c.number, SNAPSHOT.c.epoch, SNAPSHOT.c.id
        wanted = (CANDIDATE.c.study == study) & CANDIDATE.c.number.in_(numbers)
        query = sql.select(*columns).join_from(CANDIDATE, SNAPSHOT, _TAKEN).where(wanted)
        with self.engine.connect() as connection:
            for number, epoch, snapshot in connection.execute(query.order_by(*columns)).all():
                chosen = (RDM.c.snapshot == snapshot) & (RDM.c.level == level)
                yield number, epoch, _rdms(connection, chosen)

    def studies(self) -> list[dict]:
        """Return what is known of each study, those where something happened last at the end.

        Returns:
            By name: key, description, latest explorer, states (candidate counts by state), best
            (highest score, NaN without one) and when (time of the last event, seconds since 1970,
            or None).
        """
        kinds, last = (CANDIDATE.c.study, CANDIDATE.c.state), sql.func.max
        happened = last(CANDIDATE.c.proposed_at), last(CANDIDATE.c.ended_at)
        measures = sql.func.count(), last(CANDIDATE.c.score), *happened
        counts = sql.select(*kinds, *measures).group_by(*kinds)
        nothing: dict = {"best": np.nan, "when": None}
        with self.engine.connect() as connection:
            rows = connection.execute(sql.select(STUDY).order_by(STUDY.c.key))
            found = {row.key: row._asdict() | nothing | {"states": {}} for row in rows}
            for study, state, count, best, *times in connection.execute(counts):
                one = found[study]
                one["states"][state] = count
                one["best"] = float(np.fmax(one["best"], best))
                one["when"] = max(filter(None, [one["when"], *times]))
        return sorted(found.values(), key=lambda one: one["when"] or 0)

    def _change(self, study: str, number: int, **values) -> None:
        place = (CANDIDATE.c.study == study) & (CANDIDATE.c.number == number)
        self._write(CANDIDATE.update().where(place).values(**values))

    def _write(self, statement: sql.Executable) -> None:
        with self.engine.begin() as connection:
            connection.execute(statement)

    def _scalar(self, query: sql.Select) -> Any:
        with self.engine.connect() as connection:
            return connection.scalar(query)


def _address(place: str | Path) -> sql.URL:
    """Return the address of a database that SAGE_TRACKER may name, or of a file."""
    if isinstance(place, Path):
        return sql.URL.create("sqlite", database=str(place))
    with suppress(sql.exc.ArgumentError, ValueError):  # what is no URL, or has no number as port
        url = sql.make_url(place)
        if url.get_backend_name() == "postgresql":
            return url.set(drivername="postgresql+psycopg")
        if url.get_backend_name() == "sqlite" and url.database and "?" not in place:
            return url.set(drivername="sqlite", database=os.path.expanduser(url.database))
    shown = re.sub(":[^:/@]+@", ":***@", place)  # a password is not to be seen
    expected = "sqlite:///FILE (a path without ?) or postgresql://USER@HOST/NAME"
    raise ValueError(f"SAGE_TRACKER is {shown!r}, expected {expected}")


def _ended(study: str, count: int | None) -> sql.ColumnElement[bool]:
    ended = (CANDIDATE.c.study == study) & CANDIDATE.c.told.is_not(None)
    return ended if count is None else ended & (CANDIDATE.c.number < count)


def _made(kind: type, row: sql.Row, **more) -> Any:
    """Return a dataclass of a row's columns, and of fields that are not in the row."""
    names = {field.name for field in fields(kind)} - more.keys()
    return kind(**{name: getattr(row, name) for name in names}, **more)


def _insert(connection: sql.Connection, table: sql.Table, item: Any, **more) -> int:
    """Insert what of a dataclass the table has columns for, and more; return the row's key."""
    values = {name: value for name, value in vars(item).items() if name in table.c} | more
    return cast(sql.Row, connection.execute(table.insert(), values).inserted_primary_key)[0]


def _rdms(connection: sql.Connection, wanted: sql.ColumnElement) -> dict[tuple[str, str], Any]:
    return {
        (row.stimuli, row.level): np.frombuffer(row.values, "<f2").reshape(row.layers, -1)
        for row in connection.execute(sql.select(RDM).where(wanted))
    }
