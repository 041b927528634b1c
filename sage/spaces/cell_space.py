"""The paper's space of convolutional cells.

To add an operation, append its name to `OPERATIONS`, whose positions are stored, and add its module
to those in `models/cells.py`.
"""

from itertools import product

from sage.spaces.search_space import Choice, SearchSpace

BEGAN = 8  # operations of the first studies on record, see `Choice.began`
OPERATIONS = ("id", "avg3", "max3", "dil3", "1x7-7x1", "sep3", "sep5", "sep7")


def cells(blocks: int = 5) -> SearchSpace:
    """Return the paper's space of convolutional cells, see `models.genotypes.from_architecture`.

    A block adds up two operations. Each reads a state: 0 is the cell's first input, 1 its second
    one, and k > 1 is block k - 1. The last two choices put an input among the cell's outputs
    although blocks read it.

    Source: supplement, "Experimental Details for Search in Space of Convolutional Cells".
    """
    if blocks < 1:
        raise ValueError(f"blocks is {blocks}, expected 1 or more")
    choices = []
    for block, side in product(range(1, blocks + 1), ("left", "right")):
        kind, states = f"{side} input", tuple(range(block + 1))
        choices.append(Choice(f"{kind} {block}", states, None, kind, block))
        kind = f"{side} operation"
        choices.append(Choice(f"{kind} {block}", OPERATIONS, None, kind, block, began=BEGAN))
    choices += [Choice(f"output {state}", (False, True), step=blocks) for state in (0, 1)]
    return SearchSpace(f"cells{blocks}", tuple(choices))
