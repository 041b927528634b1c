"""Cells as data: text form, errors, the search space."""

import numpy as np
import pytest

from sage import spaces
from sage.models import genotypes
from sage.models.genotypes import Cell, Step
from sage.search import searchers

SPACE = spaces.cells(5)


def test_a_cell_written_by_hand_is_read():
    found = genotypes.parse_cell(" sep3 ( 0 )+id(1) ;max3(2) + avg3(0)-> 1 3 ")
    assert found == Cell(
        ((Step("sep3", 0), Step("id", 1)), (Step("max3", 2), Step("avg3", 0))), (1, 3)
    )
    assert str(found) == "sep3(0)+id(1); max3(2)+avg3(0) -> 1 3"
    assert genotypes.parse_cell("sep3(0)+id(0); max3(0)+avg3(0)").outputs == (
        1,
        2,
        3,
    )  # all that is unread


@pytest.mark.parametrize(
    "text, message",
    [
        ("sep3(0)", "block 1 is 'sep3\\(0\\)', expected two steps"),
        ("sep3(0)+id(1); x", "block 2 is 'x', expected two steps"),
        ("sep9(0)+id(1)", "block 1: operation 'sep9', expected one of id, avg3"),
        ("sep3(0)+id(2)", "block 1 reads state 2, expected one of 0 to 1"),
        ("sep3(0)+id(1) -> a", "outputs are 'a', expected states"),
        ("sep3(0)+id(1) -> 3", "outputs are \\(3,\\), expected some of 0 to 2"),
        ("sep3(0)+id(1) -> 2 1", "in ascending order"),
        ("sep3(0)+id(1) ->", "outputs are \\(\\), expected some"),
        (
            "sep3(0)+id(1); id(0)+id(0) -> 2",
            "states \\[3\\] are blocks that nothing reads or puts out",
        ),
    ],
)
def test_what_is_no_cell_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        genotypes.parse_cell(text)


@pytest.mark.parametrize(
    "text, message",
    [
        ("normal: sep3(0)+id(1)", "no line name:"),
        ("name: a", "no line normal:"),
        ("name: a\nname: b", "line 'name: b', expected one each"),
        ("name: a\ncolour: red", "line 'colour: red', expected one each"),
        ("name: a\nnormal: x", "normal cell: block 1 is 'x'"),
        ("name: a\nnormal: sep3(0)+id(1)\nstride: 3", "stride is '3', expected in line"),
    ],
)
def test_what_is_no_genotype_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        genotypes.parse_genotype(text)


@pytest.mark.parametrize("name", genotypes.PUBLISHED)
def test_genotypes_survive_their_file(name, tmp_path):
    published = genotypes.load_genotype(name)
    path = published.save(tmp_path / "own.txt")
    assert genotypes.load_genotype(str(path)) == published
    path.write_text("name: broken")
    with pytest.raises(ValueError, match="own.txt: no line normal:"):
        genotypes.load_genotype(str(path))


def test_what_a_published_run_found_is_loaded_by_the_runs_name(tmp_path, monkeypatch):
    monkeypatch.setattr(genotypes.paths, "results", lambda: tmp_path)
    genotypes.AMOEBANET_A.save(tmp_path / "mine-cpu" / "03_cell.txt")
    assert genotypes.load_genotype("mine-cpu") == genotypes.AMOEBANET_A
    with pytest.raises(
        ValueError, match="expected one of NASNet-A, PNASNet-5, AmoebaNet-A, mine-cpu, or a file"
    ):
        genotypes.load_genotype("mine-gpu")


def test_every_published_cell_is_loaded():
    for file in genotypes.paths.results().glob("*/03_cell.txt"):
        assert genotypes.load_genotype(file.parent.name).name == file.parent.name


def test_an_unknown_genotype_is_refused():
    with pytest.raises(
        ValueError, match="unknown genotype 'NASNet-B' .*NASNet-A'.*one of NASNet-A, PNASNet-5"
    ):
        genotypes.load_genotype("NASNet-B")


def test_the_separable_variant_differs_in_one_operation():
    original, variant = genotypes.AMOEBANET_A, genotypes.separable(genotypes.AMOEBANET_A)
    assert variant.normal == original.normal and variant.name == "AmoebaNet-A-sep"
    assert str(variant.reduction) == str(original.reduction).replace("1x7-7x1(1)", "sep7(1)")
    assert variant.reduction != original.reduction


def test_the_space_of_one_block_is_counted():
    assert spaces.cells(1).size == (2 * 8) ** 2 * 2**2
    with pytest.raises(ValueError, match="blocks is 0, expected 1 or more"):
        spaces.cells(0)


def test_architectures_of_the_space_are_cells():
    rng = np.random.default_rng(0)
    for _ in range(300):
        architecture = SPACE.sample(rng)
        values = SPACE.values(architecture)
        genotype = genotypes.from_architecture(SPACE, architecture)
        assert genotypes.parse_genotype(str(genotype)) == genotype and genotype.name == SPACE.hash(
            architecture
        )
        assert len(genotype.normal.blocks) == 5 and genotype.normal == genotype.reduction
        for number, (left, right) in enumerate(genotype.normal.blocks, 1):
            assert left == Step(values[f"left operation {number}"], values[f"left input {number}"])
            assert right == Step(
                values[f"right operation {number}"], values[f"right input {number}"]
            )
        forced = {state for state in (0, 1) if values[f"output {state}"]}
        assert set(genotype.normal.outputs) == forced | set(
            genotypes.unread(genotype.normal.blocks)
        )


@pytest.mark.parametrize("name", searchers.SEARCHERS)
def test_searchers_propose_cells(name):
    space = spaces.cells(2)
    searcher = searchers.make(name, space, seed=0)
    for number in range(30):
        asked, architecture = searcher.ask()
        space.check(architecture)
        searcher.tell(asked, float(number % 7))
