"""The batch runner, on notebooks of a few lines."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import jupytext
import nbformat
import papermill
import psutil
import pytest
import xarray as xr

from sage.cli import notebooks
from sage.cli.main import main
from sage.config import paths
from tests.support.waiting import PATIENCE, until

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Title

# %% tags=["parameters"]
profile = "quick"  # how large
dataset = "objects"  # images
alpha = 1.0  # weight
seed = 0  # of everything
workers = "1"  # where

# %%
"""


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with an empty notebooks folder, whose runs write to `figures` in it."""
    monkeypatch.setenv("SAGE_FIGURES", str(tmp_path / "figures"))
    (tmp_path / "notebooks").mkdir()
    return tmp_path


def write(checkout: Path, name: str, code: str) -> Path:
    path = checkout / "notebooks" / f"{name}.py"
    path.write_text(HEADER + code + "\n")
    return path


def run(checkout: Path, *arguments: str) -> int:
    return main(["run", *arguments], checkout=checkout)


def outputs(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", []))


def test_run_skip_and_run_again(checkout, capsys):
    """A finished notebook is skipped until its source changes; workers change nothing."""
    write(checkout, "01_first", "print('alpha', alpha, 'workers', workers)")
    result = checkout / "figures" / "objects-quick" / "01_first.ipynb"

    assert run(checkout) == 0
    assert outputs(result) == "alpha 1.0 workers 1\n"
    said = capsys.readouterr().out
    assert "about 3 min" in said and f"Open {result.parent / 'index.html'}" in said

    made = result.stat().st_mtime_ns
    assert run(checkout, "--workers", "2") == 0
    assert result.stat().st_mtime_ns == made
    assert "finished already, skipped" in capsys.readouterr().out

    write(checkout, "01_first", "print('changed')")
    assert run(checkout) == 0
    assert outputs(result) == "changed\n"
    made = {path.name for path in result.parent.iterdir()}
    assert made == {"01_first.ipynb", "01_first.html", "index.html"}


def test_a_source_that_came_back_runs_again_if_another_failed_meanwhile(checkout, capsys):
    result = checkout / "figures" / "objects-quick" / "01_first.ipynb"
    write(checkout, "01_first", "print('one')")
    assert run(checkout) == 0
    write(checkout, "01_first", "raise KeyError('after its tables')")
    assert run(checkout) == 1 and outputs(result) == "one\n"
    write(checkout, "01_first", "print('one')")
    capsys.readouterr()
    assert run(checkout) == 0
    assert "skipped" not in capsys.readouterr().out


def test_all_values_that_notebooks_have_for_a_parameter_are_told(checkout, capsys):
    for name, value in (("01_first", 1.0), ("02_second", 2.0), ("03_third", 1.0)):
        source = write(checkout, name, "")
        source.write_text(source.read_text().replace("alpha = 1.0", f"alpha = {value}"))
    assert run(checkout) == 0
    assert "dataset objects, alpha 1.0 or 2.0, seed 0" in capsys.readouterr().out


def test_failure(checkout, capsys):
    """A failing notebook stops the batch, is named and kept apart; what is finished stays."""
    write(checkout, "01_good", "print('fine')")
    write(checkout, "02_bad", "x = 1\n\n# %%\nraise KeyError('nonsense')")
    write(checkout, "03_later", "print('never')")
    assert run(checkout) == 1
    error = capsys.readouterr().err
    assert (
        "02_bad" in error
        and "raise KeyError('nonsense')" in error
        and "KeyError: 'nonsense'" in error
    )
    assert "code cell 4" in error  # After the parameters, the ones put in their place, and x = 1.

    folder = checkout / "figures" / "objects-quick"
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == ["01_good.ipynb", "failed/02_bad.ipynb"]

    write(checkout, "02_bad", "x = 1")
    assert run(checkout, "--notebook", "02") == 0
    assert (folder / "02_bad.ipynb").is_file() and not (folder / "failed" / "02_bad.ipynb").exists()


def test_dead_kernel(checkout, capsys):
    """A kernel that is killed, as for want of memory, is a failure like any other."""
    write(
        checkout,
        "01_bad",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n\n# %%\nprint('not reached')",
    )
    assert run(checkout) == 1
    error = capsys.readouterr().err
    assert "01_bad failed" in error and "import os, signal" in error and "the kernel died" in error


def test_a_notebook_is_not_written_after_every_cell(checkout, monkeypatch):
    written = []
    monkeypatch.setattr(
        papermill.engines, "write_ipynb", lambda notebook, path: written.append(path)
    )
    source = write(
        checkout, "01_long", "\n\n# %%\n".join(f"print({number})" for number in range(10))
    )
    assert run(checkout) == 0
    assert len(written) == 2  # at the start, and at the end
    assert outputs(notebooks.Step(source, notebooks.defaults(source)).output).split() == [
        *"0123456789"
    ]


@pytest.mark.parametrize("name", ["teacher", "dataset"])
def test_nothing_is_left_of_a_request_for_what_is_not_there(checkout, capsys, monkeypatch, name):
    """No kernel is started, and no folder made."""
    source = write(checkout, "01_first", "run = Run.of(globals())")
    source.write_text(source.read_text().replace("seed = 0", 'teacher = "resnet"\nseed = 0'))
    monkeypatch.setattr(papermill, "execute_notebook", lambda *_, **__: pytest.fail("starts"))
    with pytest.raises(SystemExit, match="2"):
        run(checkout, "-p", name, "resnett")
    assert "unknown" in (error := capsys.readouterr().err) and "'resnett'" in error
    assert not (checkout / "figures").exists()


def test_a_small_negative_number(checkout):
    """argparse takes only what has no exponent for a number."""
    write(checkout, "01_first", "print(alpha)")
    assert run(checkout, "-p", "alpha", "-1e-3") == 0
    result = checkout / "figures" / "objects-quick-alpha--0.001" / "01_first.ipynb"
    assert outputs(result) == "-0.001\n"


def test_key_of_a_text_that_no_file_can_have_as_its_name(checkout):
    step = notebooks.Step(write(checkout, "01_first", ""), {"teacher": "torchvision:" + "x," * 200})
    assert step.key() != replace(step, parameters={"teacher": "torchvision:" + "x," * 201}).key()


def test_whole_number_for_a_float(checkout):
    """`-p alpha 2` is 2.0, and the folder says so."""
    write(checkout, "01_first", "print(type(alpha).__name__, alpha)")
    write(checkout, "02_second", "")
    assert run(checkout, "-p", "alpha", "2", "--notebook", "01_first") == 0
    result = checkout / "figures" / "objects-quick-alpha-2.0" / "01_first.ipynb"
    assert outputs(result) == "float 2.0\n"
    made = {path.name for path in result.parent.iterdir()}
    assert made == {"01_first.ipynb", "01_first.html", "index.html"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-p", "gamma", "1"], "unknown parameter 'gamma'"),
        (["-p", "alpha", "abc"], "parameter alpha is 'abc', expected a finite number"),
        (["-p", "seed", "1.5"], "parameter seed is 1.5, expected a whole number"),
        (["-p", "seed", "-1"], "seed is -1, expected 0 or more"),
        (["-p", "seed", "9223372036854775808"], "seed is 9223372036854775808, expected 0 or more"),
        (["-p", "seed", "{[]: 1}"], "parameter seed is '{[]: 1}', expected a whole number"),
        (["-p", "alpha", "-inf"], "parameter alpha is '-inf', expected a finite number"),
        (["-p", "alpha", "1" * 400], "expected a finite number"),
        (["-p", "alpha", "1", "-p", "alpha", "2"], "parameter alpha is given twice: '1' and '2'"),
        (["-p", "aplha", "2"], "unknown parameter 'aplha' (did you mean 'alpha'?)"),
        (["--dataset", "object"], "unknown data set 'object' (did you mean 'objects'?)"),
        (["-p", "profile", "huge"], "unknown profile 'huge'"),
        (["--workers", "many"], "workers is 'many', expected 0 (within this process), a number"),
        (["--profile", "huge"], "'huge'"),
        (["--notebook", "07"], "unknown notebook '07', expected one of 01_first, or its number"),
        (["--notebok", "01"], "--notebok"),
    ],
)
def test_wrong_request(checkout, capsys, arguments, message):
    """What is not there is refused before anything runs, with what there is."""
    write(checkout, "01_first", "")
    with pytest.raises(SystemExit, match="2"):
        run(checkout, *arguments)
    error = capsys.readouterr().err
    assert message in error
    if arguments[0] == "-p":
        assert "alpha: float = 1.0" in error and "profile: str = 'quick'" in error
    assert not (checkout / "figures").exists()


def test_truth_values():
    """Both spellings of a truth value give one; papermill would hand on the text."""
    assert notebooks.parse("flag", "true", like=False) is True
    assert notebooks.parse("flag", "False", like=True) is False
    with pytest.raises(ValueError, match="flag is 'perhaps', expected True or False"):
        notebooks.parse("flag", "perhaps", like=True)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("# %%\nx = 1", "0 cells tagged 'parameters', expected 1"),
        ('# %% tags=["parameters"]\nimport os', "'import os' among its parameters"),
    ],
)
def test_parameters_cell_is_checked(tmp_path, cell, message):
    """A notebook without a plain parameters cell is refused."""
    path = tmp_path / "01_first.py"
    path.write_text(cell)
    with pytest.raises(ValueError, match=message):
        notebooks.defaults(path)


def test_key_follows_the_content_of_a_file(checkout):
    """A parameter that names a file counts by what is in the file."""
    source = write(checkout, "01_first", "")
    responses = checkout / "the responses.nc"
    for named in (
        f"'{responses}' other",
        str(responses),
        f"NASNet-A '{responses}'",
        f"{responses}-shuffled",
    ):
        step = notebooks.Step(source, {"teacher": named})
        responses.write_text("a")
        first = step.key()
        responses.write_text("b")
        assert step.key() != first
    plain = notebooks.Step(source, {"teacher": str(responses)})
    assert plain.key() != step.key()  # shuffled


def test_key_follows_the_content_of_a_published_pool(checkout, monkeypatch):
    monkeypatch.setattr(paths, "results", lambda: checkout / "results")
    step = notebooks.Step(write(checkout, "01_first", ""), {"pools": "one two"})
    keys = {step.key()}
    for content in ("a", "b"):
        (checkout / "results" / "two").mkdir(parents=True, exist_ok=True)
        (checkout / "results" / "two" / "01_pool.nc").write_text(content)
        keys.add(step.key())
    assert len(keys) == 3


def test_key_follows_all_that_a_parameter_may_name(checkout, monkeypatch):
    """Class folders, images beside recordings, a published cell, the module of a teacher."""
    monkeypatch.setattr(paths, "results", lambda: checkout / "results")
    monkeypatch.syspath_prepend(str(checkout / "code"))
    recordings = checkout / "v4.nc"
    recordings.touch()
    source = write(checkout, "01_first", "")
    for name, value, read in (
        ("dataset", "pets", paths.raw() / "pets" / "cat" / "1.png"),
        ("transfer", "birds", paths.raw() / "birds.npz"),
        ("recordings", f"{recordings}", checkout / "v4" / "1.png"),
        ("beside", "NASNet-A mine", checkout / "results" / "mine" / "03_cell.txt"),
        ("banks", "others/pool.nc", checkout / "results" / "others" / "pool.nc"),
        ("pools", "pools", checkout / "results" / "pools" / "seed-1" / "01_pool.nc"),
        ("teacher", "python:lab.nets.make:layer1-shuffled", checkout / "code/lab/nets.py"),
    ):
        step = notebooks.Step(source, {name: value})
        keys = {step.key()}
        read.parent.mkdir(parents=True, exist_ok=True)
        for content in ("a", "longer"):
            read.write_text(content)
            keys.add(step.key())
        assert len(keys) == 3 and step.key() in keys, name
    nothing = notebooks.Step(source, {"pools": ""})
    before = nothing.key()
    (paths.raw() / "other").mkdir()
    (paths.raw() / "other" / "1.png").touch()
    assert nothing.key() == before


@pytest.mark.parametrize(
    "address, told",
    [("nowhere", "'nowhere', expected sqlite:///FILE"), ("sqlite:////dev/null/a", "")],
)
def test_a_record_that_cannot_be_used_is_told_before_any_work(
    checkout, monkeypatch, capsys, address, told
):
    monkeypatch.setenv("SAGE_TRACKER", address)
    write(checkout, "01_first", "from sage.config.run import PoolRun\nrun = PoolRun.of(globals())")
    with pytest.raises(SystemExit, match="2"):
        run(checkout)
    error = capsys.readouterr().err.splitlines()[-1]
    assert "SAGE_TRACKER" in error and told in error
    assert not (checkout / "figures").exists()


def test_kernel_is_this_python(checkout, monkeypatch):
    """A kernelspec of the user's, called python3 as well, is not what runs."""
    spec = checkout / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    (spec / "kernel.json").write_text(
        '{"argv": ["/nowhere/python"], "display_name": "", "language": ""}'
    )
    monkeypatch.setenv("JUPYTER_PATH", str(checkout / "jupyter"))
    write(checkout, "01_first", "import sys\nprint(sys.executable)")
    assert run(checkout) == 0
    assert (
        outputs(checkout / "figures" / "objects-quick" / "01_first.ipynb") == f"{sys.executable}\n"
    )


def git(checkout: Path, *arguments: str) -> str:
    command = ["git", "-C", checkout, "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(checkout: Path) -> None:
    git(checkout, "init")
    git(checkout, "add", ".")
    git(checkout, "commit", "-m", "start")


# Makes what a run makes, in the folder of its seed.
MAKES = """\
import sys
import xarray as xr
from PIL import Image
from sage.config import paths
from sage.config.run import Run
folder = Run(seed=seed).folder
paths.save_table(xr.Dataset({"value": alpha}), folder / "01_table.nc")
(folder / "01_a.txt").write_text(f"name: {folder.name}")
for name in ("01_a.png", "02_of_another.png"):
    Image.new("RGB", (8, 8)).save(folder / name)
"""


def test_publish(checkout):
    """All is copied; the notebook keeps its defaults and names no folder of ours."""
    folder = checkout / "figures" / "objects-quick-seed-3"
    code = f"{MAKES}print(seed, '{paths.ROOT}/setup', '{folder}', sys.prefix + '/lib')\n'done'"
    source = write(checkout, "01_first", code)
    shutil.copy(paths.ROOT / ".gitignore", checkout)
    commit(checkout)

    assert run(checkout, "-p", "seed", "3") == 0
    assert git(checkout, "status", "--porcelain") == ""

    assert run(checkout, "-p", "seed", "3", "--publish", "my-run.2") == 0
    new = git(checkout, "ls-files", "--others", "--exclude-standard").splitlines()
    results = checkout / "data" / "results" / "my-run.2"
    assert new == [
        "data/results/my-run.2/01_a.txt",
        "data/results/my-run.2/01_table.nc",
        "figures/published/index.html",
        "figures/published/my-run.2/01_a.png",
        "notebooks/01_first.ipynb",
    ]
    assert (results / "01_a.txt").read_text() == "name: my-run.2"
    table = xr.load_dataset(results / "01_table.nc")
    assert table.value == 1 and json.loads(table.run_parameters) == {
        "profile": "quick",
        "dataset": "objects",
        "alpha": 1.0,
        "seed": 3,
    }
    published = checkout / "notebooks" / "01_first.ipynb"
    notebook = nbformat.read(published, as_version=4)
    assert [cell.source for cell in notebook.cells] == [
        cell.source for cell in jupytext.read(source).cells
    ]
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.jupytext == {"formats": "ipynb,py:percent"}
    assert notebook.metadata.sage.commit == git(checkout, "rev-parse", "HEAD")
    assert notebook.metadata.sage.published == "my-run.2"
    assert [set(cell.metadata) for cell in notebook.cells] == [set(), {"tags"}, set()]
    assert notebook.cells[2].outputs[0].text == "3 setup figures/objects-quick-seed-3 lib\n"
    assert notebook.cells[2].execution_count == notebook.cells[2].outputs[1].execution_count == 2

    executed = nbformat.read(folder / "01_first.ipynb", as_version=4)
    assert "papermill" in executed.metadata and str(checkout) in executed.cells[3].outputs[0].text


@pytest.mark.parametrize("dataset", ["objects", "pets"])
def test_pictures_of_others_images_are_not_published(checkout, capsys, dataset):
    code = """
from PIL import Image
from sage.config.run import Run
folder = Run(dataset=dataset).folder
folder.mkdir(parents=True, exist_ok=True)
image = Image.new("RGB", (8, 8))
image.save(folder / "01_curve.png")
image

# %%
print("fine")
image.save(folder / "01_images.png")
image
"""
    write(checkout, "01_first", code)
    commit(checkout)
    (paths.raw() / "pets" / "cat").mkdir(parents=True)
    assert run(checkout, "--dataset", dataset, "--publish", "mine") == 0
    pictures = {path.name for path in (checkout / "figures" / "published" / "mine").iterdir()}
    notebook = nbformat.read(checkout / "notebooks" / "01_first.ipynb", as_version=4)
    curve, images = ([*map(dict, cell.outputs)] for cell in notebook.cells[-2:])
    assert "image/png" in curve[0]["data"] and images[0]["text"] == "fine\n"
    rendered = dataset == "objects"
    assert pictures == {"01_curve.png"} | ({"01_images.png"} if rendered else set())
    assert len(images) == 1 + rendered
    assert ("Left out" in capsys.readouterr().out) == (not rendered)


def test_publish_again(checkout, capsys):
    """The same run replaces what it published; another one is refused before it runs."""
    write(checkout, "01_first", MAKES)
    code = MAKES.replace("01_table", "02_table").replace("alpha", "level")
    second = write(checkout, "02_second", code)
    second.write_text(second.read_text().replace("alpha = 1.0", "level = 'class'"))
    commit(checkout)
    assert run(checkout, "--publish", "mine") == 0
    assert run(checkout, "--publish", "mine", "--workers", "2") == 0
    table = checkout / "data" / "results" / "mine" / "01_table.nc"
    made = table.read_bytes()
    for other in (["-p", "seed", "3"], ["-p", "seed", "3", "--notebook", "02"]):
        with pytest.raises(SystemExit, match="2"):
            run(checkout, *other, "--publish", "mine")
        error = capsys.readouterr().err
        assert f"{table} is of another run: seed 0 instead of 3; publish under another" in error
    assert not (checkout / "figures" / "objects-quick-seed-3").exists()
    assert run(checkout, "-p", "seed", "3", "--publish", "other") == 0

    # A notebook on stored networks means something else by alpha.
    code = MAKES.replace("01_table", "quickstart_table").replace("seed=seed", "alpha=alpha")
    other = write(checkout, "quickstart", code)
    other.write_text(other.read_text().replace("alpha = 1.0", "alpha = 0.5"))
    commit(checkout)
    assert run(checkout, "--publish", "mine") == run(checkout, "--publish", "mine") == 0
    assert table.with_name("quickstart_table.nc").is_file()

    xr.Dataset({"value": 1.0}).to_netcdf(table, engine="h5netcdf")
    with pytest.raises(SystemExit, match="2"):
        run(checkout, "--publish", "mine")
    assert "its parameters are not on record" in capsys.readouterr().err
    assert table.read_bytes() != made


@pytest.mark.parametrize("name", ["..", "a/b", "-a", "", "my run"])
def test_publish_wants_a_plain_name(checkout, capsys, name):
    write(checkout, "01_first", "")
    with pytest.raises(SystemExit, match="2"):
        run(checkout, f"--publish={name}")
    assert "expected letters, digits, dots and hyphens" in capsys.readouterr().err
    assert not (checkout / "figures").exists()


def test_publish_needs_a_commit(checkout, capsys):
    """Code that is not committed cannot be published, and nothing runs."""
    write(checkout, "01_first", "")
    for message in ("not a git repository", "ambiguous argument", "results must name a commit"):
        with pytest.raises(SystemExit, match="2"):
            run(checkout, "--publish", "mine")
        error = capsys.readouterr().err
        assert message in error
        git(checkout, "init")
        if "ambiguous" in message:
            git(checkout, "commit", "--allow-empty", "-m", "start")
    assert "notebooks/" in error and not (checkout / "figures").exists()


def test_publish_when_code_changes_meanwhile(checkout, capsys):
    """Code that is no longer the commit's after the run is not published; the results stay."""
    source = write(checkout, "01_first", f"open('{checkout}/notebooks/02_new.py', 'w').close()")
    commit(checkout)
    assert run(checkout, "--publish", "mine") == 1
    assert "02_new.py" in capsys.readouterr().err
    assert (checkout / "figures" / "objects-quick" / "01_first.ipynb").is_file()
    assert not source.with_suffix(".ipynb").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt(checkout, number):
    """Ctrl-C and SIGTERM stop notebook and child processes; the same command can follow."""
    shutil.copytree(
        paths.ROOT / "sage", checkout / "sage", ignore=shutil.ignore_patterns("__pycache__")
    )
    marker = checkout / "processes"
    code = "import os, subprocess, time\nchild = subprocess.Popen(['sleep', '1000'])\n"
    code += f"open('{marker}', 'w').write(f'{{os.getpid()}} {{child.pid}}\\n')\ntime.sleep(1000)"
    write(checkout, "01_first", code)
    process = subprocess.Popen(
        [sys.executable, "-m", "sage", "run"],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stderr=subprocess.PIPE,
        text=True,
        cwd=checkout,
    )
    until(lambda: marker.is_file() and marker.read_text().endswith("\n"))
    process.send_signal(number)
    _, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "the same command continues" in error and "Traceback" not in error
    until(lambda: not any(alive(int(text)) for text in marker.read_text().split()))
    assert list((checkout / "figures" / "objects-quick").iterdir()) == []


def alive(process: int) -> bool:
    try:
        # A zombie ended; that nobody waited for it is no concern of ours.
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


SOURCES = sorted((paths.ROOT / "notebooks").glob("*.py"))
assert SOURCES


def test_notebooks_are_paired():
    """Every notebook's .ipynb has the cells of its .py."""
    for source in SOURCES:
        paired = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
        expected = [(cell.cell_type, cell.source) for cell in jupytext.read(source).cells]
        assert [(cell.cell_type, cell.source) for cell in paired.cells] == expected, source.name


def test_notebooks_parameters_are_known():
    """Every parameter of a notebook is one of its run's, or workers, and has the run's default."""
    for source in SOURCES:
        found = notebooks.defaults(source)
        kind = type(notebooks.Step(source, found).run())
        found.pop("workers", None)
        assert found.items() <= {field.name: field.default for field in fields(kind)}.items(), (
            source.name
        )


def test_published_tables_tell_their_parameters():
    # No notebook made those of `nasbench201`: docs/plans/nasbench201.md says what did.
    tables = {*paths.results().rglob("*.nc")} - {*(paths.results() / "nasbench201").iterdir()}
    for path in sorted(tables):
        table = xr.load_dataset(path, engine="h5netcdf")
        found = json.loads(table.attrs["run_parameters"])
        study = json.loads(table.attrs.get("description", "{}"))
        if path.parent.name != "cifar100-teachers":  # Of some nobody knows all parameters.
            source = next(one for one in SOURCES if one.stem[:2] == path.stem[:2])
            assert found.keys() <= notebooks.defaults(source).keys()
            notebooks.Step(source, found).run()
        assert all(found[name] == study[name] for name in found.keys() & study.keys()), path
