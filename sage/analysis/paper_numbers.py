"""Numbers that others report, to stand beside ours; none of them was measured here.

The paper's numbers, sections, tables and figures are those of its version submitted to ICLR 2019.
"""

_SIZES = ("network", "B", "N", "F", "parameters (M)")


def _read(columns: tuple[str, ...], *rows: tuple) -> tuple[dict, ...]:
    """Return a dict for each row, without what is not reported."""
    return tuple({k: v for k, v in zip(columns, row) if v is not None} for row in rows)


# The paper's Table 2: B, N and F of the cells' networks on CIFAR, errors in percent; M1 candidates
# searched with E1 examples each, M2 trained further with E2, and the sum in examples. Of two errors
# it is that of the network which the paper's authors trained, not what its own authors report.
# fmt: off
TABLE_2 = _read(
    (*_SIZES, "cifar10 error (%)", "cifar100 error (%)", "M1", "E1", "M2", "E2", "cost"),
    ("AmoebaNet-A", 5, 6, 36, 3.2, 3.34, None, 20_000, 1.13e6, 100, 27e6, 25.2e9),
    ("NASNet-A", 5, 6, 32, 3.3, 3.72, 17.88, 20_000, 0.9e6, 250, 13.5e6, 21.4e9),
    ("PNASNet-5", 5, 3, 48, 3.2, 4.06, 19.26, 1160, 0.9e6, 0, 0.0, 1.0e9),
    ("ENAS (cost only)", None, None, None, None, None, None, 310, 50e3, 0, 0.0, 15.5e6),
    ("SAGENet", 5, 6, 32, 6.0, 3.66, 17.42, 1000, 90e3, 10, 13.5e6, 225e6),
    ("SAGENet-sep", 5, 6, 32, 2.7, 3.88, 17.51),
)

# The paper's Table 3: ImageNet in the mobile setting; operations are two per multiply-add.
TABLE_3 = _read(
    (*_SIZES, "top-1 error (%)", "top-5 error (%)", "operations (G)"),
    ("NASNet-A", 5, 4, 44, 5.3, 31.07, 11.41),
    ("PNASNet-5", 5, 3, 56, 5.4, 29.92, 10.63, 1.30),
    ("SAGENet", 5, 4, 48, 9.7, 31.81, 11.79, 2.15),
    ("SAGENet-sep", 5, 4, 48, 4.9, 31.9, 11.99, 1.03),
    ("SAGENet-neuro", 5, 4, 40, 6.1, 31.77, 11.72, 1.59),
)
# fmt: on
