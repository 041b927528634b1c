#!/usr/bin/env bash
# Sets up the Python environment where that is not done yet, then analyses the published results
# again and runs the notebooks, or does one of these, or runs the tests or the checks of the code.
# `./run_all.sh --help` lists the options.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
venv=$root/.venv
stamp=$venv/.set-up

fail() {
    printf 'run_all.sh: %s\n' "$*" >&2
    exit 1
}

# Runs the interpreter: version managers put commands on the path that only print an error.
is_supported() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# The newest one, or the one that the variable PYTHON names.
find_python() {
    local name
    for name in ${PYTHON:+"$PYTHON"} python3.13 python3.12 python3.11 python3; do
        if is_supported "$name"; then
            echo "$name"
            return
        fi
    done
    fail "no Python 3.11 or newer found, looked for python3.13, python3.12, python3.11 and python3;" \
        "install one, or activate a conda or virtual environment that has one"
}

# -P: a folder called sage in the working directory is not what counts.
sage_is_this_checkout() {
    "$1" -P -c '
import importlib.util, os, sys
spec = importlib.util.find_spec("sage")
found = spec and spec.origin
sys.exit(not (found and os.path.samefile(found, sys.argv[1])))' "$root/sage/__init__.py"
}

# With uv where it is there: a quarter of pip's processor time (tests/benchmarks/NOTES.md).
install() {
    local python=$1
    shift
    if command -v uv >/dev/null; then
        uv pip install --python "$python" "$@"
    else
        "$python" -m pip install --disable-pip-version-check "$@"
    fi
}

install_sage() {
    install "$1" --no-deps -e "$root"
}

use_activated() {
    python=$1/bin/python
    is_supported "$python" || fail "$python of the activated environment is not Python 3.11 or newer," \
        "activate one that is, or none: then .venv is made"
    "$python" -P "$root/requirements_check.py" ${2:+"$2"}
    if ! sage_is_this_checkout "$python"; then
        install_sage "$python" || fail "could not install this package into $1"
        sage_is_this_checkout "$python" || fail "in $1 'import sage' does not give $root/sage;" \
            "remove the other package called sage (SageMath?) or use an environment without it"
    fi
    echo "Environment: $1 (activated), satisfies pyproject.toml"
}

# Changes with what is to be installed, and with the place: a moved environment does not work.
checksum() {
    (printf '%s\n' "$root" && cat "$root/requirements.lock" "$root/pyproject.toml") | cksum
}

use_own() {
    python=$venv/bin/python
    if [[ -x $python && -f $stamp && $(<"$stamp") == "$(checksum)" ]]; then
        echo "Environment: $venv, set up already"
        return
    fi
    local base clear=
    base=$(find_python)
    rm -f "$stamp"
    if ! is_supported "$python" || ! grep -qF "$venv" "$venv/pyvenv.cfg"; then
        clear=--clear
    fi
    echo "Environment: setting up $venv with $base; this takes minutes and about 6 GB, once"
    "$base" -m venv $clear "$venv" ||
        fail "$base could not make $venv (on Debian and Ubuntu the package python3-venv is needed)"
    install "$python" -r "$root/requirements.lock"
    install_sage "$python"
    # Written last: an interrupted set-up is taken up again.
    checksum >"$stamp"
}

activated=${VIRTUAL_ENV:-${CONDA_PREFIX:-}}
mode=${1:-}

# Help needs the standard library alone, so that it is there before anything is installed.
if [[ $mode != --test && " $* " =~ \ (-h|--help)\  ]]; then
    python=${activated:+$activated/bin/python}
    is_supported "$python" || python=$(find_python)
    cat <<'END'
usage: run_all.sh [options of `tg-sage run`, below]
       run_all.sh --published [options of `tg-sage published`]
       run_all.sh --test [options of pytest]
       run_all.sh --check

Set up where that is not done yet. Then run the notebooks. Without any option this begins with the
published results, whose figures and tables are made again without training, in under two minutes.
With --published as the first argument do only that, with --test run the tests instead, with --check
ruff and mypy.

END
    command=run
    [[ $mode != --published ]] || command=published
    PYTHONPATH=$root exec "$python" -P -m sage "$command" --help
fi

extra=
if [[ $mode == --test || $mode == --check ]]; then
    extra=test
    shift
fi
if [[ -n $activated ]]; then
    use_activated "$activated" "$extra"
else
    use_own
fi

case $mode in
--test)
    cd "$root"
    # A worker takes 1 GB of memory, and those behind the fourth wait for the notebooks. A file's
    # tests share what they prepare; files are taken in the order of tests/conftest.py.
    exec "$python" -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder "$@"
    ;;
--check)
    cd "$root"
    "$python" -m ruff check .
    "$python" -m ruff format --check .
    exec "$python" -m mypy
    ;;
--published) exec "$python" -P -m sage published "${@:2}" ;;
*)
    [[ $# != 0 ]] || "$python" -P -m sage published
    exec "$python" -P -m sage run "$@"
    ;;
esac
