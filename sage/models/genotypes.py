"""Convolutional cells as data: the published ones, those of the search space, and their text form."""

import re
from dataclasses import dataclass
from pathlib import Path

from sage.config import paths
from sage.spaces import OPERATIONS, Architecture, SearchSpace


@dataclass(frozen=True)
class Step:
    """An operation and the state that it reads."""

    operation: str
    state: int

    def __str__(self) -> str:
        return f"{self.operation}({self.state})"


Block = tuple[Step, Step]


@dataclass(frozen=True)
class Cell:
    """Blocks that add up two steps each, and the states that are concatenated to the cell's output.

    State 0 is the output of the cell before this one, state 1 that of the one before it, and the blocks
    follow: state k is block k - 1.

    Raises:
        ValueError: no blocks, an unknown operation, a state that comes later, a block that nothing reads or
            puts out, outputs that are none or not in ascending order.
    """

    blocks: tuple[Block, ...]
    outputs: tuple[int, ...]

    def __post_init__(self):
        if not self.blocks:
            raise ValueError("a cell without blocks, expected one or more such as sep3(0)+id(1)")
        for number, step in (
            (number, step) for number, block in enumerate(self.blocks, 1) for step in block
        ):
            if step.operation not in OPERATIONS:
                raise ValueError(
                    f"block {number}: operation {step.operation!r}, expected one of {', '.join(OPERATIONS)}"
                )
            if step.state not in range(number + 1):
                raise ValueError(
                    f"block {number} reads state {step.state}, expected one of 0 to {number}"
                )
        last = len(self.blocks) + 1
        if not self.outputs or list(self.outputs) != sorted(
            set(self.outputs) & set(range(last + 1))
        ):
            raise ValueError(
                f"outputs are {self.outputs}, expected some of 0 to {last}, each once, in ascending order"
            )
        idle = [state for state in unread(self.blocks) if state >= 2 and state not in self.outputs]
        if idle:
            raise ValueError(
                f"states {idle} are blocks that nothing reads or puts out, expected them among the outputs"
            )

    def __str__(self) -> str:
        blocks = "; ".join(f"{left}+{right}" for left, right in self.blocks)
        return f"{blocks} -> {' '.join(map(str, self.outputs))}"


def unread(blocks: tuple[Block, ...]) -> tuple[int, ...]:
    """States that no block reads, the cell's two inputs included."""
    read = {step.state for block in blocks for step in block}
    return tuple(state for state in range(len(blocks) + 2) if state not in read)


def parse_cell(text: str) -> Cell:
    """The cell that a text describes, as `str(cell)` writes it: `sep3(0)+id(1); max3(2)+avg3(0) -> 3`.

    Without an arrow the outputs are all states that no block reads.

    Raises:
        ValueError: no such text, or as `Cell`.
    """
    body, arrow, ends = text.partition("->")
    blocks = tuple(_block(number, block) for number, block in enumerate(body.split(";"), 1))
    if not arrow:
        return Cell(blocks, unread(blocks))
    if not re.fullmatch(r"[\s\d]*", ends):
        raise ValueError(
            f"outputs are {ends.strip()!r}, expected states such as 2 3 6 after the arrow"
        )
    return Cell(blocks, tuple(map(int, ends.split())))


def _block(number: int, text: str) -> Block:
    steps = [re.fullmatch(r"\s*([\w-]+)\s*\(\s*(\d+)\s*\)\s*", step) for step in text.split("+")]
    if len(steps) != 2 or None in steps:
        raise ValueError(
            f"block {number} is {text.strip()!r}, expected two steps such as sep3(0)+id(1)"
        )
    left, right = (Step(step[1], int(step[2])) for step in steps)
    return left, right


@dataclass(frozen=True)
class Genotype:
    """The cells of a network that repeats them.

    Args:
        reduction: the cell with stride 2. in_line: of the N normal cells at a size, the first halves it, rather
            than a cell of its own between N and N.
    """

    name: str
    normal: Cell
    reduction: Cell
    in_line: bool = False

    def __str__(self) -> str:
        """The text that `read` takes: a line for the name and for each cell."""
        lines = [f"name: {self.name}", f"normal: {self.normal}"]
        if self.reduction != self.normal:
            lines.append(f"reduction: {self.reduction}")
        if self.in_line:
            lines.append("stride: in line")
        return "\n".join(lines)

    def save(self, path: Path | str) -> Path:
        """Write the text form."""
        return paths.replace(Path(path), lambda partial: partial.write_text(f"{self}\n"))


def parse_genotype(text: str) -> Genotype:
    """The genotype that a text describes, `str(genotype)` or one written by hand.

    Lines are `name:`, `normal:`, and where they differ from the normal cell added with stride 2, `reduction:`
    and `stride: in line`. Cells are written as `parse_cell` takes them.

    Raises:
        ValueError: a line that is missing, unknown or there twice; as `parse_cell`.
    """
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, value = line.partition(":")
        if not colon or name not in ("name", "normal", "reduction", "stride") or name in found:
            raise ValueError(
                f"line {line!r}, expected one each of name:, normal:, reduction: and stride:"
            )
        found[name] = value.strip()
    for name in ("name", "normal"):
        if not found.get(name):
            raise ValueError(f"no line {name}: in the text of a genotype")
    if found.get("stride", "in line") != "in line":
        raise ValueError(f"stride is {found['stride']!r}, expected in line, or no such line")
    normal = _named("normal", found["normal"])
    reduction = _named("reduction", found["reduction"]) if "reduction" in found else normal
    return Genotype(found["name"], normal, reduction, in_line="stride" in found)


def _named(name: str, text: str) -> Cell:
    try:
        return parse_cell(text)
    except ValueError as problem:
        raise ValueError(f"{name} cell: {problem}") from problem


def load_genotype(name: str) -> Genotype:
    """A published genotype by its name, the one that a run in `data/results/` found, or one from a text file.

    Args:
        name: of the published, or of the run's folder, or the path of the file (.txt).

    Raises:
        FileNotFoundError: no such file. ValueError: an unknown name; as `parse_genotype`.
    """
    if name in PUBLISHED:
        return PUBLISHED[name]
    runs = {file.parent.name: str(file) for file in sorted(paths.results().glob("*/03_cell.txt"))}
    name = runs.get(name, name)
    if not name.endswith(".txt"):
        known = ", ".join([*PUBLISHED, *runs])
        raise ValueError(
            f"unknown genotype {name!r}, expected one of {known}, or a file's path (.txt)"
        )
    try:
        return parse_genotype(Path(name).read_text())
    except ValueError as problem:
        raise ValueError(f"{name}: {problem}") from problem


def from_architecture(space: SearchSpace, architecture: Architecture, name: str = "") -> Genotype:
    """What an architecture of a `spaces.cells` space means: one cell, also with stride 2.

    Its outputs are the states that no block reads, and the inputs that the architecture forces.

    Args:
        name: of the genotype; the architecture's hash if empty.
    """
    values = space.values(architecture)
    blocks = tuple(
        tuple(
            Step(values[f"{side} operation {number}"], values[f"{side} input {number}"])
            for side in ("left", "right")
        )
        for number in range(1, space.choices[-1].step + 1)
    )
    forced = {state for state in (0, 1) if values[f"output {state}"]}
    found = Cell(blocks, tuple(sorted(forced.union(unread(blocks)))))
    return Genotype(name or space.hash(architecture), found, found)


def separable(genotype: Genotype) -> Genotype:
    """The paper's "-sep" variant: 7 x 7 separable convolutions in place of 1 x 7 followed by 7 x 1."""
    return Genotype(
        f"{genotype.name}-sep",
        _separable(genotype.normal),
        _separable(genotype.reduction),
        genotype.in_line,
    )


def _separable(original: Cell) -> Cell:
    return parse_cell(str(original).replace("1x7-7x1", "sep7"))


NASNET_A = Genotype(
    "NASNet-A",
    parse_cell(
        "sep5(0)+sep3(1); sep5(1)+sep3(1); avg3(0)+id(1); avg3(1)+avg3(1); sep3(0)+id(0) -> 1 2 3 4 5 6"
    ),
    parse_cell(
        "sep5(0)+sep7(1); max3(0)+sep7(1); avg3(0)+sep5(1); id(3)+avg3(2); sep3(2)+max3(0) -> 3 4 5 6"
    ),
)  # Zoph et al. 2018, doi:10.1109/CVPR.2018.00907, figure 4
_PNASNET = parse_cell(
    "sep5(1)+max3(1); sep7(0)+max3(0); sep5(0)+sep3(0); sep3(4)+max3(0); sep3(1)+id(0) -> 2 3 4 5 6"
)
PNASNET_5 = Genotype(
    "PNASNet-5", _PNASNET, _PNASNET, in_line=True
)  # Liu et al. 2018, arXiv:1712.00559, figure 1
AMOEBANET_A = Genotype(
    "AmoebaNet-A",
    parse_cell(
        "avg3(1)+max3(0); sep3(1)+sep5(2); sep3(1)+avg3(3); sep3(0)+id(0); id(1)+avg3(0) -> 4 5 6"
    ),
    parse_cell(
        "avg3(1)+sep3(0); max3(1)+sep7(2); sep7(1)+avg3(0); max3(1)+max3(0); 1x7-7x1(1)+sep3(5) -> 3 4 6"
    ),
)  # Real et al. 2019, arXiv:1802.01548, figure 5
PUBLISHED = {genotype.name: genotype for genotype in (NASNET_A, PNASNET_5, AMOEBANET_A)}
