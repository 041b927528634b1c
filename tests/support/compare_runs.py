"""Compare the tables and records of two runs: `python -m tests.support.compare_runs OLD NEW`.

Each folder has `figures/RUN/*.nc` and `data/cache/tracker.sqlite`, as a run with SAGE_FIGURES and
SAGE_DATA set to its subfolders leaves them. Times, hardware and provenance may differ, nothing
else.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sql
import xarray as xr

TIMED = {"seconds", "measurement_seconds", "proposed_at", "ended_at"}
STAMPED = {"provenance"}


def main(old: Path, new: Path) -> int:
    """Print what differs; return 1 if anything does."""
    differences = [*compare_tables(old, new), *compare_records(old, new)]
    print("\n".join(differences) or "The tables and the records are the same.")
    return int(bool(differences))


def compare_tables(old: Path, new: Path) -> Iterator[str]:
    """Yield a line for each table that is missing or differs to the last digit."""
    names = [
        {path.relative_to(folder) for path in folder.glob("figures/*/*.nc")}
        for folder in (old, new)
    ]
    for name in sorted(names[0] ^ names[1]):
        yield f"{name} is in one of the runs only"
    for name in sorted(names[0] & names[1]):
        before, after = (_read_table(folder / name) for folder in (old, new))
        for variable in sorted({*before.variables} | {*after.variables}):
            known = variable in before.variables and variable in after.variables
            if not known or not before[variable].variable.identical(after[variable].variable):
                yield f"{name}: {variable} differs"
        for key in sorted({*before.attrs} | {*after.attrs}):
            if str(before.attrs.get(key)) != str(after.attrs.get(key)):
                yield f"{name}: attribute {key} differs"


def compare_records(old: Path, new: Path) -> Iterator[str]:
    """Yield a line for each study, candidate or evaluation that is missing or differs."""
    queries = {
        "study": "select key from study",
        "candidate": "select study, number, architecture, hash, seed, state, score from candidate",
        "evaluation": "select protocol, hash, seed, state, parameters, losses from evaluation",
        "RDM": (
            'select protocol, hash, seed, epoch, accuracy, loss, stimuli, level, rdm."values" '
            "from rdm join snapshot on snapshot.id = rdm.snapshot "
            "join evaluation on evaluation.id = snapshot.evaluation"
        ),
    }
    for kind, query in queries.items():
        before, after = (_read_rows(folder, query) for folder in (old, new))
        for number, where in ((len(before - after), "old"), (len(after - before), "new")):
            if number:
                yield f"{number} of {len(before)} {kind} rows are in the {where} record only"


def _read_table(path: Path) -> xr.Dataset:
    table = xr.load_dataset(path, engine="h5netcdf").drop_encoding()
    stamped = [name for name in table.attrs if name in STAMPED]
    for name in stamped:
        del table.attrs[name]
    return table.drop_vars((TIMED | STAMPED) & {*table.variables})


def _read_rows(folder: Path, query: str) -> set[tuple]:
    engine = sql.create_engine(f"sqlite:///{folder / 'data' / 'cache' / 'tracker.sqlite'}")
    with engine.connect() as connection:
        return {tuple(map(str, row)) for row in connection.execute(sql.text(query))}


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
