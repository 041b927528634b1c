"""Two run folders beside each other: which parameters differ, and by how much their numbers."""

import argparse
from pathlib import Path

import nbformat
import pandas as pd
import xarray as xr

from sage.config.run import Refused

SHOWN = 5  # numbers of a kind, those that differ most
SPREADS = ("s.d.", "low", "high")  # end the names of what belongs to a number


def compare(options: argparse.Namespace, _checkout: Path) -> None:
    """Print the parameters in which two runs differ, and the numbers of tables that both have."""
    folders = options.folders
    parameters = pd.DataFrame(
        {number: _parameters(one) for number, one in enumerate(folders, 1)}, dtype=object
    )
    same = parameters[1].eq(parameters[2]) | parameters.isna().all(axis=1)
    print(*(f"{number}: {one}" for number, one in enumerate(folders, 1)), sep="\n")
    print("\nParameters that differ:" if not same.all() else "\nThe parameters are the same.")
    if not same.all():
        print(parameters[~same].fillna("-").to_string())
    first, second = ({path.name: path for path in one.glob("*_summary.nc")} for one in folders)
    for name in sorted(first.keys() & second.keys()):
        print(f"\n{name}")
        tables = [xr.load_dataset(found[name], engine="h5netcdf") for found in (first, second)]
        for variable in [one for one in tables[0] if not str(one).endswith(SPREADS)]:
            if variable in tables[1]:
                _print_numbers(str(variable), *(one[variable] for one in tables))
    if not first.keys() & second.keys():
        print("\nThere is no summary that both have.")


def _parameters(folder: Path) -> dict:
    """Return the parameters of the notebooks that were run, all in one."""
    found: dict = {}
    for path in sorted(folder.glob("[0-9][0-9]_*.ipynb")):
        found |= (
            nbformat.read(path, as_version=4).metadata.get("papermill", {}).get("parameters", {})
        )
    if not found:
        raise Refused(f"{folder} has no notebook that was run, expected a run's folder in figures/")
    return found


def _print_numbers(name: str, one: xr.DataArray, two: xr.DataArray) -> None:
    labelled = all(name in one.coords and name in two.coords for name in one.dims)
    if one.dtype.kind not in "fiu" or not one.ndim or {*one.dims} != {*two.dims} or not labelled:
        return  # places without a label may be of something else in the other run
    tables = enumerate((one, two.transpose(*one.dims)), 1)
    series = {number: table.to_series() for number, table in tables}
    joined = pd.concat(series, axis=1, join="inner").dropna(how="all")
    joined["difference"] = joined[2] - joined[1]  # NaN if one of them is
    differ = joined[joined[1] != joined[2]]
    print(f"{name}: {len(differ)} of {len(joined)} numbers differ", end="")
    print(f", by {differ.difference.abs().mean():.4g} on average; the most:" if len(differ) else "")
    if len(differ):
        most = differ.sort_values("difference", key=abs, ascending=False, na_position="first")
        print(most.head(SHOWN).to_string(float_format="{:.4g}".format))
