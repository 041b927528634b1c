"""Check that this Python's environment satisfies pyproject.toml; needs no more than pip."""

import platform
import sys
import tomllib
from importlib import metadata
from pathlib import Path

try:
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet
except ImportError:
    try:
        from pip._vendor.packaging.requirements import Requirement
        from pip._vendor.packaging.specifiers import SpecifierSet
    except ImportError:
        sys.exit(f"{sys.prefix} has neither pip nor packaging; install pip, then requirements.lock")

ROOT = Path(__file__).resolve().parent


def problems(pyproject: Path, extras: list[str]) -> list[str]:
    """Return a line for each package that is missing, too old or in the way.

    Args:
        pyproject: the file that states the requirements.
        extras: optional groups that are required too.

    Raises:
        KeyError: an extra that the file does not have.
    """
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    required = [*project["dependencies"]]
    for extra in extras:
        required += project["optional-dependencies"][extra]
    wrong = [_problem(Requirement(text)) for text in required]
    found, expected = platform.python_version(), project["requires-python"]
    if not _satisfies(found, SpecifierSet(expected)):
        wrong.append(f"python: found {found}, expected {expected}")
    # SageMath's package has the same name: only one of the two can be imported.
    others = set(metadata.packages_distributions().get("sage", [])) - {project["name"]}
    if others:
        found = ", ".join(sorted(others))
        wrong.append(f"sage: found {found} (SageMath?), expected none but this project's")
    return [line for line in wrong if line]


def _problem(requirement: Requirement) -> str | None:
    if requirement.marker and not requirement.marker.evaluate():
        return None
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        found = None
    if found and _satisfies(found, requirement.specifier):
        return None
    expected = requirement.specifier or "any version"
    return f"{requirement.name}: found {found or 'none'}, expected {expected}"


def _satisfies(version: str, specifier: SpecifierSet) -> bool:
    # Vendors' and nightly builds of torch carry pre-release numbers.
    return specifier.contains(version, prereleases=True)


def main() -> None:
    """Exit and explain if requirements are not satisfied; the process's arguments are extras."""
    wrong = problems(ROOT / "pyproject.toml", extras=sys.argv[1:])
    if wrong:
        lines = "\n".join(f"  {line}" for line in wrong)
        sys.exit(
            f"The activated environment {sys.prefix} does not satisfy pyproject.toml:\n{lines}\n"
            f"Mend it with one of\n"
            f"  conda env update -f {ROOT / 'environment.yml'}\n"
            f"  {sys.executable} -m pip install -r {ROOT / 'requirements.lock'}\n"
            f"or deactivate it: run_all.sh then makes an environment of its own, {ROOT / '.venv'}."
        )


if __name__ == "__main__":
    main()
