"""The paper's space of convolutional cells."""

from sage.spaces.search_space import Choice, SearchSpace

OPERATIONS = ("id", "avg3", "max3", "dil3", "1x7-7x1", "sep3", "sep5", "sep7")


def cells(blocks: int = 5) -> SearchSpace:
    """The paper's space of convolutional cells of so many blocks; `models.genotypes` says what one means.

    Each block adds up two operations, each on one of the states before it: 0 is the cell's first input, 1 its
    second one, k the block k - 1. The last two choices put an input among the cell's outputs although blocks
    read it.

    Raises:
        ValueError: blocks < 1.

    Source: supplement of the paper, "Experimental Details for Search in Space of Convolutional Cells".
    """
    if blocks < 1:
        raise ValueError(f"blocks is {blocks}, expected 1 or more")
    choices = []
    for block in range(1, blocks + 1):
        for side in ("left", "right"):
            for kind, options in (("input", tuple(range(block + 1))), ("operation", OPERATIONS)):
                choices.append(
                    Choice(f"{side} {kind} {block}", options, kind=f"{side} {kind}", step=block)
                )
    choices += [Choice(f"output {state}", (False, True), step=blocks) for state in (0, 1)]
    return SearchSpace(f"cells{blocks}", tuple(choices))
