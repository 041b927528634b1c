"""Set-up: run_all.sh, the check of an activated environment, and the lists of requirements."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import requirements_check
from sage.config import paths

PROJECT = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]
REQUIRED = {
    requirement.name: requirement.specifier
    for requirement in map(
        Requirement, PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
    )
}

# Stands for both the interpreter found on the path and the one in .venv.
FAKE_PYTHON = """\
#!/bin/sh
echo "$*" >>"$LOG"
case "$*" in
"-m venv "*)
    for folder; do :; done
    mkdir -p "$folder/bin"
    cp "$0" "$folder/bin/python"
    echo "command = python -m venv $folder" >"$folder/pyvenv.cfg" ;;
"-m pip install "*requirements.lock) [ -z "${BREAK:-}" ] ;;
esac
"""


def test_environment_yml_matches_pyproject():
    """environment.yml has the names and bounds of pyproject.toml, and the package itself last."""
    listed = yaml.safe_load((paths.ROOT / "environment.yml").read_text())["dependencies"]
    assert listed[-1]["pip"][-1] == "-e ."
    found = {}
    for text in [*listed[:-1], *listed[-1]["pip"][:-1]]:
        requirement = Requirement(text)
        found[requirement.name] = requirement.specifier
    assert found.pop("python") == PROJECT["requires-python"]
    assert found.pop("pip") == ""
    assert found == REQUIRED
    by_pip = {Requirement(text).name for text in listed[-1]["pip"][:-1]}
    assert by_pip == {"hyperopt", "igraph", "torch", "torchvision"}


def locked() -> dict[str, list[str]]:
    """The versions in requirements.lock; a package can have one for every Python."""
    versions = {}
    for line in (paths.ROOT / "requirements.lock").read_text().splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement = Requirement(line)
            (pin,) = requirement.specifier
            assert pin.operator == "==", line
            versions.setdefault(canonicalize_name(requirement.name), []).append(pin.version)
    return versions


def test_lock_satisfies_pyproject():
    """Every requirement is pinned, within its bound."""
    versions = locked()
    for name, bound in REQUIRED.items():
        assert versions.get(canonicalize_name(name)), f"{name} is not in requirements.lock"
        for version in versions[canonicalize_name(name)]:
            assert bound.contains(version), f"{name} is {version}, expected {bound}"


def test_torch_and_torchvision_are_a_pair():
    """torchvision says which torch it was built for; the lock has these two."""
    versions = locked()
    if metadata.version("torchvision").split("+")[0] not in versions["torchvision"]:
        pytest.skip("another torchvision than the locked one is installed")
    needs = {need.name: need for need in map(Requirement, metadata.requires("torchvision"))}
    assert all(needs["torch"].specifier.contains(version) for version in versions["torch"])


def test_requirements_check(tmp_path):
    """What is missing and what is too old is named, with what was found and expected."""
    pyproject = tmp_path / "pyproject.toml"
    pyproject.write_text(
        '[project]\nname = "tg-sage"\nrequires-python = ">=3.99"\n'
        'dependencies = ["no-such-package-here>=1.2", "numpy>=2", '
        "\"pytest; python_version < '3'\"]\n"
        '[project.optional-dependencies]\ntest = ["papermill>=999"]\n'
    )
    missing, python = requirements_check.problems(pyproject, extras=[])
    assert missing == "no-such-package-here: found none, expected >=1.2"
    assert python.startswith("python: found 3.") and python.endswith("expected >=3.99")
    old = requirements_check.problems(pyproject, extras=["test"])[1]
    assert old == f"papermill: found {metadata.version('papermill')}, expected >=999"


def test_this_environment_satisfies_pyproject():
    """The check passes where the tests run."""
    assert requirements_check.problems(paths.ROOT / "pyproject.toml", extras=["test"]) == []


@pytest.fixture
def fake(tmp_path):
    """Start run_all.sh of a scratch checkout with a made-up Python and none activated."""
    checkout = tmp_path / "a folder"
    (checkout / "sage").mkdir(parents=True)
    for name in ("run_all.sh", "pyproject.toml", "requirements.lock"):
        shutil.copy(paths.ROOT / name, checkout)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "python3.13").write_text(FAKE_PYTHON)
    (tools / "python3.13").chmod(0o755)

    def start(*arguments: str, **environment: str) -> tuple[subprocess.CompletedProcess, str]:
        log = tmp_path / "log"
        log.write_text("")
        variables = {"PATH": f"{tools}:/usr/bin:/bin", "LOG": str(log), **environment}
        command = [checkout / "run_all.sh", *arguments]
        result = subprocess.run(command, env=variables, cwd="/", capture_output=True, text=True)
        return result, log.read_text()

    return start


def test_set_up_once(fake):
    """The first start sets up, the second does not; arguments are handed on."""
    result, log = fake("--notebook", "01")
    assert result.returncode == 0, result.stderr
    assert "-m venv" in log and "requirements.lock" in log and "--no-deps -e" in log
    assert log.endswith("-P -m sage run --notebook 01\n") and "sage published" not in log
    result, log = fake("--test", "-k", "two words")
    assert "set up already" in result.stdout
    options = "-n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder"
    assert log == f"-m pytest {options} -k two words\n"
    assert fake()[1] == "-P -m sage published\n-P -m sage run\n"
    assert fake("--published", "macaque-search")[1] == "-P -m sage published macaque-search\n"
    _, log = fake("--check")
    assert log == "-m ruff check .\n-m ruff format --check .\n-m mypy\n"


def test_uv_installs_where_it_is_there(fake, tmp_path):
    uv = tmp_path / "bin" / "uv"
    uv.write_text('#!/bin/sh\necho "uv $*" >>"$LOG"\n')
    uv.chmod(0o755)
    _, log = fake()
    python = tmp_path / "a folder" / ".venv" / "bin" / "python"
    assert f"uv pip install --python {python} -r {tmp_path}/a folder/requirements.lock\n" in log
    assert f"uv pip install --python {python} --no-deps -e {tmp_path}/a folder\n" in log
    assert "-m pip" not in log


def test_interrupted_set_up_does_not_count(fake):
    """A set-up that stopped half-way is taken up again, without throwing away what it had."""
    result, log = fake(BREAK="yes")
    assert result.returncode != 0 and "sage run" not in log
    result, log = fake()
    assert result.returncode == 0 and "set up already" not in result.stdout
    assert "requirements.lock" in log and "--clear" not in log


def test_set_up_follows_the_lock(fake, tmp_path):
    """Another lock is installed, and a checkout that was moved gets a new environment."""
    fake()
    checkout = tmp_path / "a folder"
    with (checkout / "requirements.lock").open("a") as lock:
        lock.write("# changed\n")
    result, log = fake()
    assert "set up already" not in result.stdout and "--clear" not in log

    config = checkout / ".venv" / "pyvenv.cfg"
    config.write_text(config.read_text().replace(str(checkout), "/elsewhere"))
    (checkout / ".venv" / ".set-up").unlink()
    assert "--clear" in fake()[1]


def test_help_from_anywhere():
    """Help needs no set-up and no working directory."""
    result = subprocess.run(
        [paths.ROOT / "run_all.sh", "--help"], cwd="/", capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    options = "--published --test --check --profile --dataset --notebook --workers --publish"
    for option in (*options.split(), "-p NAME VALUE"):
        assert option in result.stdout


def test_help_needs_the_standard_library_alone():
    """It is there before anything is installed."""
    command = [sys.executable, "-S", "-m", "sage", "run", "--help"]
    result = subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True)
    assert result.returncode == 0 and "usage: tg-sage" in result.stdout, result.stderr


def test_activated_environment_without_requirements(tmp_path):
    """An activated environment that lacks something is refused, with what is missing and how to
    mend it.
    """
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "bare"], check=True)
    variables = {**os.environ, "VIRTUAL_ENV": str(tmp_path / "bare")}
    result = subprocess.run(
        [paths.ROOT / "run_all.sh"], env=variables, capture_output=True, text=True
    )
    assert result.returncode != 0
    assert (
        "papermill: found none, expected >=2.6" in result.stderr
        and "conda env update" in result.stderr
    )
    assert "pytest: found" not in result.stderr
