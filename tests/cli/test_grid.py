"""Grids of runs, on notebooks of a few lines and a stand-in for SLURM's sbatch."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import xarray as xr

from sage.cli.main import main, parser
from sage.cli.notebooks import Step
from sage.cli.run import plan
from sage.config import paths
from tests.support.made_up_teachers import make_teacher

PARAMETERS = """\
# %% tags=["parameters"]
profile = "quick"
dataset = "objects"
teacher = "resnet"
alpha = 1.0
workers = "auto"

# %%
"""
CODE = """\
import os
import xarray as xr
from sage.config import paths
from tests.support.made_up_teachers import make_teacher
from sage.config.run import Run
run = Run(profile=profile, dataset=dataset, teacher=teacher, alpha=alpha)
table = xr.Dataset({"value": ("epoch", [alpha, 2 * alpha])}, {"epoch": [1, 2]})
told = dict(teacher=teacher, workers=workers, folder=os.getcwd(), data=str(paths.data()))
paths.save_table(table.assign_attrs(told), run.folder / "01_summary.nc")
"""
# Notes its arguments, and runs each task of the array with bash as SLURM would, where RUN says so.
SBATCH = f"""\
#!{sys.executable}
import json, os, re, subprocess, sys
from pathlib import Path
calls = Path(__file__).with_name("calls")
number = 100 + (len(calls.read_text().splitlines()) if calls.exists() else 0)
with calls.open("a") as lines:
    print(json.dumps(sys.argv[1:]), file=lines)
options = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
if os.environ.get("FAIL_AT") == str(number):
    sys.exit("sbatch: error: Invalid partition")
first, last = re.match(r"--array=(\\d+)-?(\\d*)", "--array=" + options["--array"]).groups()
for index in range(int(first), int(last or first) + 1) if "RUN" in os.environ else []:
    log = options["--output"].replace("%A", str(number)).replace("%a", str(index))
    with open(log, "w") as out:
        environment = {{**os.environ, "SLURM_ARRAY_TASK_ID": str(index)}}
        for name in ("SAGE_DATA", "SAGE_DEVICE", "SAGE_FIGURES"):
            environment.pop(name, None)
        where = dict(env=environment, stdout=out, stderr=out, cwd="/")
        subprocess.run(["bash", sys.argv[-1]], **where, check=True)
print(f"{{number}};cluster")
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one notebook, and sbatch on the path; runs write to `figures` in it."""
    monkeypatch.setenv("SAGE_FIGURES", str(tmp_path / "figures"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    for folder in ("notebooks", "bin"):
        (tmp_path / folder).mkdir()
    write(tmp_path, "01_first")
    sbatch = tmp_path / "bin" / "sbatch"
    sbatch.write_text(SBATCH)
    sbatch.chmod(0o755)
    return tmp_path


def write(checkout: Path, name: str, code: str = CODE) -> None:
    (checkout / "notebooks" / f"{name}.py").write_text(PARAMETERS + code)


def calls(checkout: Path) -> list[list[str]]:
    path = checkout / "bin" / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def finish(
    checkout: Path, *parameters: str, notebook: str = "01", table: xr.Dataset | None = None
) -> Step:
    """Leave what a finished run leaves: the executed notebook with its key, and a summary."""
    arguments = ["run", "--notebook", notebook]
    for name, value in zip(parameters[::2], parameters[1::2]):
        arguments += ["-p", name, value]
    (step,) = plan(parser().parse_args(arguments), checkout / "notebooks")
    step.folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(metadata={"sage": {"key": step.key()}}), step.output)
    if table is not None:
        paths.save_table(table, step.folder / f"{notebook}_summary.nc")
    return step


def summary(value: float, epochs=(0, 1), **attributes) -> xr.Dataset:
    variables = {
        "value": (("epoch", "predictor"), np.full((len(epochs), 2), value)),
        "n": ("epoch", [7] * len(epochs)),
    }
    return xr.Dataset(variables, {"epoch": list(epochs), "predictor": ["P", "TG"]}, attributes)


def grid(checkout: Path, *arguments: str) -> int:
    return main(["grid", *arguments], checkout=checkout)


def gather(checkout: Path, *arguments: str, table: str = "grid.nc") -> int:
    return grid(checkout, "gather", *arguments, "--table", str(checkout / table))


def test_submitted_jobs_run_and_are_gathered(checkout, monkeypatch, capsys):
    """Every point runs once with its values, quotes, spaces and relative paths included."""
    shutil.copytree(
        paths.ROOT / "sage", checkout / "sage", ignore=shutil.ignore_patterns("__pycache__")
    )
    monkeypatch.setattr(
        paths, "ROOT", checkout
    )  # The code the jobs run, whose key says what is finished.
    here = checkout / "work's here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("RUN", "yes")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # of what the job imports
    odd = 'it\'s "my" $HOME; bank*.nc'
    make_teacher().save(odd)
    arguments = ["--profile", "smoke", "-p", "teacher", "pixels", odd, "-p", "alpha", "2"]
    extra = "--sbatch=--partition=gpu --comment='a b'"
    submit = ["submit", *arguments, "--workers", "3", "--at-once", "2", extra]
    assert grid(checkout, *submit) == 0
    said = capsys.readouterr().out

    slurm = checkout / "figures" / "slurm"
    (script,) = slurm.glob("*.sh")
    common = ["--parsable", "--job-name=sage-grid", f"--output={slurm}/%A_%a.out"]
    after = ["--array=1-1%2", "--dependency=afterok:100", "--kill-on-invalid-dep=yes"]
    tail = ["--partition=gpu", "--comment=a b", str(script)]
    assert calls(checkout) == [[*common, "--array=0", *tail], [*common, *after, *tail]]
    assert sorted(path.name for path in slurm.glob("*.out")) == ["100_0.out", "101_1.out"]
    assert "teacher pixels, alpha 2.0, workers 3" in (slurm / "100_0.out").read_text()
    assert script.stat().st_mode & 0o77 == 0
    assert str(script) in said and "job 100" in said and "job 101" in said

    command = shlex.split(said.splitlines()[-1])
    assert command[:6] == [sys.executable, "-P", "-m", "sage", "grid", "gather"]
    assert command[-2:] == ["--table", "grid.nc"]
    assert grid(checkout, *command[5:]) == 0
    table = xr.load_dataset(here / "grid.nc")
    assert dict(table.sizes) == {"teacher": 2, "alpha": 1, "epoch": 2}
    assert table.teacher.values.tolist() == ["pixels", odd]
    assert table.value.sel(alpha=2, teacher=odd).values.tolist() == [2, 4]
    assert (
        table.attrs["workers"] == "3"
        and table.folder == str(here)
        and table.data == str(paths.data())
    )
    teachers = json.loads(table.attrs["teacher"])
    assert teachers["01_first, teacher pixels, alpha 2"] == "pixels" and len(teachers) == 2

    assert grid(checkout, *submit) == 0
    assert len(calls(checkout)) == 2 and "finished already" in capsys.readouterr().out


def test_finished_points_are_not_submitted(checkout, capsys, monkeypatch):
    """What is left keeps its order; a single point needs no array."""
    finish(checkout, "alpha", "1")
    monkeypatch.setenv("SAGE_DEVICE", "cpu")
    assert grid(checkout, "submit", "-p", "alpha", "1", "2", "3") == 0
    (script,) = (checkout / "figures" / "slurm").glob("*.sh")
    assert [call[3] for call in calls(checkout)] == ["--array=0", "--array=1-1"]
    text = script.read_text()
    assert (
        "0) set -- --profile quick --dataset objects -p alpha 2 ;;" in text
        and "-p alpha 1 " not in text
    )
    assert "SAGE_TRACKER" not in text and f"export SAGE_DATA={paths.data()}" in text
    assert "export SAGE_DEVICE=cpu" in text

    finish(checkout, "alpha", "2")
    assert grid(checkout, "submit", "-p", "alpha", "1", "2", "3") == 0
    assert [call[3] for call in calls(checkout)[2:]] == ["--array=0"]

    finish(checkout, "alpha", "3")
    capsys.readouterr()
    assert grid(checkout, "submit", "-p", "alpha", "1", "2", "3") == 0
    assert (
        len(calls(checkout)) == 3 and "All points are finished already" in capsys.readouterr().out
    )


def test_script_refuses_a_number_without_a_point(checkout, monkeypatch):
    monkeypatch.setenv("SAGE_TRACKER", "postgresql://me:it's@host/db")
    assert grid(checkout, "submit", "-p", "alpha", "2") == 0
    (script,) = (checkout / "figures" / "slurm").glob("*.sh")
    assert shlex.quote(os.environ["SAGE_TRACKER"]) in script.read_text()
    result = subprocess.run(
        ["bash", script],
        env={**os.environ, "SLURM_ARRAY_TASK_ID": "1"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2 and result.stderr == "no point 1\n"


def test_what_is_not_there_is_not_submitted(checkout, capsys):
    with pytest.raises(SystemExit, match="2"):
        grid(checkout, "submit", "-p", "teacher", "pixels", "pixel", "-p", "alpha", "-1e-3", "1")
    assert "unknown teacher 'pixel' (did you mean 'pixels'?)" in capsys.readouterr().err
    assert calls(checkout) == [] and not (checkout / "figures").exists()


@pytest.mark.parametrize("option", ["--at-once=0", "--at-once=few", "--sbatch='"])
def test_wrong_options_of_submit(checkout, capsys, option):
    with pytest.raises(SystemExit, match="2"):
        grid(checkout, "submit", "-p", "alpha", "1", "2", option)
    name, value = option.split("=")
    assert name in (error := capsys.readouterr().err) and value in error
    assert calls(checkout) == []


@pytest.mark.parametrize("command", ["submit", "gather"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "gamma", "1", "2"], "unknown parameter 'gamma'"),
        (["-p", "alpha", "1", "abc"], "parameter alpha is 'abc', expected a finite number"),
        (["-p", "profile", "smoke", "huge"], "unknown profile 'huge'"),
        (["-p", "alpha", "1", "--notebook", "07"], "unknown notebook '07'"),
        (["-p", "alpha", "1", "-p", "alpha", "2"], "parameter 'alpha' is given twice"),
        (["-p", "alpha", "2", "2"], "points 'alpha 2' and 'alpha 2' are the same run"),
        (["-p", "alpha", "1", "1.0"], "points 'alpha 1' and 'alpha 1.0' are the same run"),
        (["-p", "workers", "1", "2"], "points 'workers 1' and 'workers 2' are the same run"),
        (["-p", "alpha"], "parameter 'alpha' has no value"),
        ([], "-p"),
    ],
)
def test_wrong_request(checkout, capsys, command, arguments, message):
    """What is not there is refused, for any point, before anything is submitted or written."""
    table = ["--table", str(checkout / "grid.nc")] if command == "gather" else []
    with pytest.raises(SystemExit, match="2"):
        grid(checkout, command, *arguments, *table)
    assert message in capsys.readouterr().err
    assert calls(checkout) == [] and not (checkout / "figures").exists()


def test_sbatch_fails(checkout, monkeypatch, capsys):
    """Its error is shown; a first job that waits in the queue already is named."""
    monkeypatch.setenv("FAIL_AT", "100")
    arguments = ["submit", "-p", "alpha", "1", "2"]
    assert grid(checkout, *arguments) == 1
    error = capsys.readouterr().err
    assert (
        "sbatch failed with exit code 1: sbatch: error: Invalid partition" in error
        and "scancel" not in error
    )

    monkeypatch.setenv("FAIL_AT", "102")
    assert grid(checkout, *arguments) == 1
    error = capsys.readouterr().err
    assert "Invalid partition" in error and "scancel 101" in error


def test_sbatch_is_strange_or_missing(checkout, monkeypatch, capsys):
    sbatch = checkout / "bin" / "sbatch"
    sbatch.write_text("#!/bin/sh\necho Welcome")
    assert grid(checkout, "submit", "-p", "alpha", "1") == 1
    assert "Welcome" in capsys.readouterr().err
    sbatch.unlink()
    monkeypatch.setenv("PATH", str(checkout / "bin"))
    assert grid(checkout, "submit", "-p", "alpha", "1") == 1
    assert "cannot run sbatch" in capsys.readouterr().err


def test_gather_aligns_the_parts(checkout, capsys):
    """Dimensions are joined in the order of the command line; attributes survive."""
    finish(checkout, "alpha", "2", table=summary(0.2, method="a", commit="x", numbers=np.arange(2)))
    second = summary(0.1, epochs=(1, 4), method="a", commit="y", numbers=np.arange(2))
    second.value.attrs["units"] = "r"
    finish(checkout, "alpha", "1", table=second.assign_coords(alpha=1.0))
    assert gather(checkout, "-p", "alpha", "2", "1") == 0
    assert "alpha" in capsys.readouterr().out
    table = xr.load_dataset(checkout / "grid.nc")
    assert table.value.dims == ("alpha", "epoch", "predictor")
    assert table.alpha.values.tolist() == [2, 1] and table.epoch.values.tolist() == [0, 1, 4]
    np.testing.assert_array_equal(
        table.value.sel(predictor="TG"), [[0.2, 0.2, np.nan], [np.nan, 0.1, 0.1]]
    )
    np.testing.assert_array_equal(table.n, [[7, 7, np.nan], [np.nan, 7, 7]])
    assert table.method == "a" and table.numbers.tolist() == [0, 1]
    assert json.loads(table.commit) == {"01_first, alpha 2": "x", "01_first, alpha 1": "y"}
    assert json.loads(table.value.units) == {"01_first, alpha 1": "r"}


def test_missing_points(checkout, capsys):
    """They fail the command, or are NaN on demand; what other code made is missing too."""
    arguments = ["-p", "teacher", "pixels", "resnet", "-p", "alpha", "1", "2"]
    assert gather(checkout, *arguments, "--partial") == 1
    assert "4 of 4 points are missing" in capsys.readouterr().err
    text = xr.Dataset({"best": "a b", "significant": True})
    for teacher, alpha in (("pixels", "1"), ("pixels", "2"), ("resnet", "1")):
        step = finish(
            checkout, "teacher", teacher, "alpha", alpha, table=text.merge(summary(float(alpha)))
        )
    nbformat.write(nbformat.v4.new_notebook(metadata={"sage": {"key": "other"}}), step.output)
    finish(checkout, "teacher", "resnet", "alpha", "2")

    assert gather(checkout, *arguments) == 1
    error = capsys.readouterr().err
    assert "2 of 4 points are missing" in error and "--partial" in error and "pixels" not in error
    assert (
        f"teacher resnet, alpha 1: {step.output} is not there or was made with other code" in error
    )
    assert "teacher resnet, alpha 2:" in error and "01_summary.nc is not there" in error
    assert not (checkout / "grid.nc").exists()

    assert gather(checkout, *arguments, "--partial") == 0
    assert "2 of 4 points are missing" in capsys.readouterr().err
    table = xr.load_dataset(checkout / "grid.nc")
    assert table.teacher.values.tolist() == ["pixels", "resnet"]
    assert table.value.isel(epoch=0, predictor=0).sel(teacher="pixels").values.tolist() == [1, 2]
    assert (
        table.value.sel(teacher="resnet").isnull().all()
        and table.n.sel(teacher="resnet").isnull().all()
    )
    assert table.best.values.tolist() == [["a b", "a b"], ["", ""]]
    np.testing.assert_array_equal(table.significant, [[1, 1], [np.nan, np.nan]])


def test_several_notebooks(checkout, capsys):
    """Without a summary they need only be finished; summaries must not share names."""
    write(checkout, "02_second")
    write(checkout, "03_third")
    finish(checkout, "alpha", "2", table=summary(2.0))
    finish(
        checkout, "alpha", "2", notebook="02", table=summary(3.0).rename(value="other", n="count")
    )
    assert gather(checkout, "-p", "alpha", "2") == 1
    assert "03_third.ipynb is not there" in capsys.readouterr().err
    finish(checkout, "alpha", "2", notebook="03")
    assert gather(checkout, "-p", "alpha", "2") == 0
    table = xr.load_dataset(checkout / "grid.nc")
    assert (table.value == 2).all() and (table.other == 3).all() and table.value.dims[0] == "alpha"

    finish(checkout, "alpha", "2", notebook="02", table=summary(3.0))
    assert gather(checkout, "-p", "alpha", "2") == 1
    assert "several notebooks' summaries have n, value" in capsys.readouterr().err
    assert gather(checkout, "-p", "alpha", "2", "--notebook", "02", table="second.nc") == 0


def test_summary_with_a_dimension_of_the_grid(checkout, capsys):
    finish(checkout, "alpha", "2", table=summary(2.0).rename(epoch="alpha"))
    assert gather(checkout, "-p", "alpha", "2") == 1
    assert "01_summary.nc has its own alpha" in capsys.readouterr().err


def test_a_table_is_never_replaced(checkout, capsys):
    """The same table again is fine; another needs another name."""
    finish(checkout, "alpha", "1", table=summary(0.1, commit="x"))
    finish(checkout, "alpha", "2", table=summary(0.2, commit="y"))
    arguments = ["-p", "alpha", "1", "2"]
    assert gather(checkout, *arguments) == 0
    made = (checkout / "grid.nc").stat().st_mtime_ns
    assert gather(checkout, *arguments) == 0
    finish(checkout, "alpha", "2", table=summary(0.3, commit="y"))
    assert gather(checkout, *arguments) == 1
    assert "grid.nc exists and is another table" in capsys.readouterr().err
    assert (checkout / "grid.nc").stat().st_mtime_ns == made
    (checkout / "text").write_text("not a table")
    assert gather(checkout, *arguments, table="text") == 1
    assert (checkout / "text").read_text() == "not a table"
