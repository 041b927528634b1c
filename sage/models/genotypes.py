"""Convolutional cells as data: published ones, those of the search space, and their text form."""

import re
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from sage.config import paths
from sage.config.run import Refused, unknown
from sage.spaces import OPERATIONS, Architecture, SearchSpace


class Step(NamedTuple):
    """An operation and the state that it reads."""

    operation: str
    state: int

    def __str__(self) -> str:
        return f"{self.operation}({self.state})"


Block = tuple[Step, Step]


@dataclass(frozen=True)
class Cell:
    """Blocks that add up two steps each, and the states that are concatenated to the cell's output.

    State 0 is the output of the cell before this one, state 1 that of the one before it, and state
    k > 1 is block k - 1. What makes no such cell raises ValueError.
    """

    blocks: tuple[Block, ...]
    outputs: tuple[int, ...]

    def __post_init__(self):
        if not self.blocks:
            raise ValueError("a cell without blocks, expected one or more such as sep3(0)+id(1)")
        last, names = len(self.blocks) + 1, ", ".join(OPERATIONS)
        for n, block in enumerate(self.blocks, 1):
            for operation, state in block:
                if operation not in OPERATIONS:
                    raise ValueError(f"block {n}: operation {operation!r}, expected one of {names}")
                if state not in range(n + 1):
                    raise ValueError(f"block {n} reads state {state}, expected one of 0 to {n}")
        if not self.outputs or list(self.outputs) != sorted({*self.outputs} & {*range(last + 1)}):
            expected = f"some of 0 to {last}, each once, in ascending order"
            raise ValueError(f"outputs are {self.outputs}, expected {expected}")
        if idle := sorted({*unread(self.blocks)} - {0, 1, *self.outputs}):
            wrong = f"states {idle} are blocks that nothing reads or puts out"
            raise ValueError(f"{wrong}, expected them among the outputs")

    def __str__(self) -> str:
        blocks = "; ".join(f"{left}+{right}" for left, right in self.blocks)
        return f"{blocks} -> {' '.join(map(str, self.outputs))}"


def unread(blocks: tuple[Block, ...]) -> tuple[int, ...]:
    """Return the states that no block reads, the cell's two inputs included."""
    read = {step.state for step in chain(*blocks)}
    return tuple(state for state in range(len(blocks) + 2) if state not in read)


def parse_cell(text: str) -> Cell:
    """Return the cell of a text that is like `str(cell)`: `sep3(0)+id(1); max3(2)+avg3(0) -> 3`.

    Without an arrow the outputs are all states that no block reads. Another text raises ValueError.
    """
    body, arrow, ends = text.partition("->")
    blocks: tuple[Block, ...] = ()
    step = r"\s*([\w-]+)\s*\(\s*(\d+)\s*\)\s*"
    for number, block in enumerate(body.split(";"), 1):
        if not (found := re.fullmatch(rf"{step}\+{step}", block)):
            expected = "expected two steps such as sep3(0)+id(1)"
            raise ValueError(f"block {number} is {block.strip()!r}, {expected}")
        blocks += ((Step(found[1], int(found[2])), Step(found[3], int(found[4]))),)
    if not arrow:
        return Cell(blocks, unread(blocks))
    if not re.fullmatch(r"[\s\d]*", ends):
        raise ValueError(f"outputs are {ends.strip()!r}, expected states such as 2 3 6")
    return Cell(blocks, tuple(map(int, ends.split())))


@dataclass(frozen=True)
class Genotype:
    """The cells of a network that repeats them.

    Args:
        reduction: cell with stride 2.
        in_line: the first of N cells at a size reduces; otherwise a cell is added for that.
    """

    name: str
    normal: Cell
    reduction: Cell
    in_line: bool = False

    def __str__(self) -> str:
        lines = [f"name: {self.name}", f"normal: {self.normal}"]
        lines += [f"reduction: {self.reduction}"] * (self.reduction != self.normal)
        lines += ["stride: in line"] * self.in_line
        return "\n".join(lines)

    def save(self, path: Path | str) -> Path:
        """Write the text that `parse_genotype` takes."""
        return paths.replace(Path(path), lambda partial: partial.write_text(f"{self}\n"))


def parse_genotype(text: str) -> Genotype:
    """Return the genotype of a text, `str(genotype)` or one written by hand.

    Lines are `name:`, `normal:`, and where the genotype has them, `reduction:` for a cell unlike
    the normal one and `stride: in line`. Cells are written as `parse_cell` takes them.

    Raises:
        ValueError: a line is missing, unknown or there twice; as `parse_cell`.
    """
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        if not colon or name not in ("name", "normal", "reduction", "stride") or name in found:
            expected = "one each of name:, normal:, reduction: and stride:"
            raise ValueError(f"line {line!r}, expected {expected}")
        found[name] = value.strip()
    for name in ("name", "normal"):
        if not found.get(name):
            raise ValueError(f"no line {name}: in the text of a genotype")
    if found.get("stride", "in line") != "in line":
        raise ValueError(f"stride is {found['stride']!r}, expected in line, or no such line")
    cells = {}
    for name in ("normal", "reduction"):
        try:
            cells[name] = parse_cell(found.get(name, found["normal"]))
        except ValueError as problem:
            raise ValueError(f"{name} cell: {problem}") from problem
    return Genotype(found["name"], **cells, in_line="stride" in found)


def load_genotype(name: str) -> Genotype:
    """Return a published genotype, the one that a published run found, or one from a text file.

    Args:
        name: of the genotype, of the run's folder in `data/results/`, or the path of a .txt file.

    Raises:
        ValueError: an unknown name, or a file that cannot be read; as `parse_genotype`.
    """
    if name in PUBLISHED:
        return PUBLISHED[name]
    runs = {file.parent.name: str(file) for file in sorted(paths.results().glob("*/03_cell.txt"))}
    name = runs.get(name, name)
    if not name.endswith(".txt"):
        raise unknown("genotype", name, [*PUBLISHED, *runs], "or a file's path (.txt)")
    try:
        return parse_genotype(Path(name).read_text())
    except OSError as problem:
        raise Refused(f"cell {name!r} cannot be read: {problem}") from problem
    except ValueError as problem:
        raise ValueError(f"{name}: {problem}") from problem


def from_architecture(space: SearchSpace, architecture: Architecture, name: str = "") -> Genotype:
    """Return the genotype of an architecture of a `spaces.cells` space, with one and the same cell.

    Its outputs are the states that no block reads, and the inputs that the architecture forces.

    Args:
        name: of the genotype; the architecture's hash if empty.
    """
    *chosen, first, second = space.values(architecture).values()
    steps = list(map(Step, chosen[1::2], chosen[::2]))  # an input is chosen before its operation
    blocks = tuple(zip(steps[::2], steps[1::2]))
    forced = {state for state, put_out in enumerate((first, second)) if put_out}
    cell = Cell(blocks, tuple(sorted(forced.union(unread(blocks)))))
    return Genotype(name or space.hash(architecture), cell, cell)


def separable(genotype: Genotype) -> Genotype:
    """Return the paper's "-sep" variant, with 7 x 7 separable convolutions for 1 x 7 then 7 x 1."""
    variant = str(genotype).replace("1x7-7x1", "sep7")
    return replace(parse_genotype(variant), name=f"{genotype.name}-sep")


# Zoph et al. 2018, doi:10.1109/CVPR.2018.00907, figure 4.
NASNET_A = parse_genotype("""name: NASNet-A
normal: sep5(0)+sep3(1);sep5(1)+sep3(1);avg3(0)+id(1);avg3(1)+avg3(1);sep3(0)+id(0) -> 1 2 3 4 5 6
reduction: sep5(0)+sep7(1);max3(0)+sep7(1);avg3(0)+sep5(1);id(3)+avg3(2);sep3(2)+max3(0) -> 3 4 5 6
""")
# Liu et al. 2018, arXiv:1712.00559, figure 1.
PNASNET_5 = parse_genotype("""name: PNASNet-5
normal: sep5(1)+max3(1);sep7(0)+max3(0);sep5(0)+sep3(0);sep3(4)+max3(0);sep3(1)+id(0) -> 2 3 4 5 6
stride: in line
""")
# Real et al. 2019, arXiv:1802.01548, figure 5.
AMOEBANET_A = parse_genotype("""name: AmoebaNet-A
normal: avg3(1)+max3(0);sep3(1)+sep5(2);sep3(1)+avg3(3);sep3(0)+id(0);id(1)+avg3(0) -> 4 5 6
reduction: avg3(1)+sep3(0);max3(1)+sep7(2);sep7(1)+avg3(0);max3(1)+max3(0);1x7-7x1(1)+sep3(5)
""")
PUBLISHED = {genotype.name: genotype for genotype in (NASNET_A, PNASNET_5, AMOEBANET_A)}
