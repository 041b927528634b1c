"""Accuracies that others published, as targets beside those of networks trained here."""

import re
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from sage.config import paths
from sage.spaces import from_nasbench201_string

FILE = "nasbench201.csv"
ACCURACIES = r"(c100|c10|in16)_(val|test)_(12|200|200_nats)"  # columns, explained in data/README.md
# By a column's first part, what NATS-Bench calls the data set that is tested on and validated on.
_SETS = {
    "c100": ("cifar100", "cifar100"),
    "c10": ("cifar10", "cifar10-valid"),
    "in16": ("ImageNet16-120", "ImageNet16-120"),
}


def load_nasbench201() -> pd.DataFrame:
    """Return the published accuracies of NAS-Bench-201's architectures, or of some of them.

    They are read from `nasbench201.csv` among the raw data, see data/README.md.

    Returns:
        A row for each official name, and the `ACCURACIES` that the file has as columns, in percent.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no accuracies, a name of no cell or one twice, or what is not in percent.
    """
    path = paths.raw() / FILE
    if not path.exists():
        way = "make it from the official file by benchmarks.convert_nats_bench, see data/README.md"
        raise FileNotFoundError(f"no table {path} of published accuracies: {way}")
    table = pd.read_csv(path)
    columns = [name for name in table if re.fullmatch(ACCURACIES, name)]
    if "arch" not in table or not columns or table.empty:
        expected = "expected arch, columns such as c100_test_200_nats, and rows"
        raise ValueError(f"{path} has columns {', '.join(table)}, {expected}")
    table = table.set_index("arch")[columns]
    for name in table.index:
        from_nasbench201_string(str(name))
    if not table.index.is_unique:
        twice = table.index[table.index.duplicated()][0]
        raise ValueError(f"{path} has {twice} twice, expected each architecture once")
    for name, values in table.items():
        numbers = pd.to_numeric(values, errors="coerce")
        wrong = values[~numbers.between(0, 100)]
        if len(wrong) or numbers.max() <= 1:
            told = f"{wrong.iloc[0]} of {wrong.index[0]}" if len(wrong) else "no value above 1"
            raise ValueError(f"{path}: {name} has {told}, expected accuracies in percent")
    return table


def convert_nats_bench(source: Path) -> Path:
    """Write the table that `load_nasbench201` reads from the official file, and return its path.

    Args:
        source: `NATS-tss-v1_0-3ffb9.pickle.pbz2`, or the folder `NATS-tss-v1_0-3ffb9-simple`.

    Raises:
        ModuleNotFoundError: the package `nats_bench` is not installed.

    Source: Dong et al. 2021, arXiv:2009.00437. Accuracies are means over their trainings.
    """
    from nats_bench import create  # optional

    api = create(str(source), "tss", fast_mode=Path(source).is_dir(), verbose=False)
    rows = []
    for index, name in enumerate(tqdm(api.meta_archs, unit="architecture")):
        row = {"index": index, "arch": name}
        for short, (tested, validated) in _SETS.items():
            for epochs, suffix in (("200", "200_nats"), ("12", "12")):
                for part, kind, of in (("val", "valid", validated), ("test", "test", tested)):
                    # Cells on all of CIFAR-10 were trained for 200 epochs only.
                    of = validated if epochs == "12" else of
                    found = api.get_more_info(index, of, hp=epochs, is_random=False)
                    row[f"{short}_{part}_{suffix}"] = found[f"{kind}-accuracy"]
        rows.append(row)
    table = pd.DataFrame(rows)
    return paths.replace(paths.raw() / FILE, lambda partial: table.to_csv(partial, index=False))
