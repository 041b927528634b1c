"""Numbers that others report, to stand beside ours; none of them was measured here.

Those of the paper are of its version submitted to ICLR 2019, as are all numbers of its sections, tables and figures.
"""

# The paper's Table 2: B, N and F of the cells' networks on CIFAR, millions of parameters, errors in percent; M1
# candidates searched with E1 examples each, M2 trained further with E2, and the sum in examples. Of two errors it
# is that of the network which the paper's authors trained, not what the network's own authors report.
TABLE_2 = (
    {"network": "AmoebaNet-A", "B": 5, "N": 6, "F": 36, "parameters (M)": 3.2, "cifar10 error (%)": 3.34,
     "M1": 20_000, "E1": 1.13e6, "M2": 100, "E2": 27e6, "cost": 25.2e9},
    {"network": "NASNet-A", "B": 5, "N": 6, "F": 32, "parameters (M)": 3.3, "cifar10 error (%)": 3.72,
     "cifar100 error (%)": 17.88, "M1": 20_000, "E1": 0.9e6, "M2": 250, "E2": 13.5e6, "cost": 21.4e9},
    {"network": "PNASNet-5", "B": 5, "N": 3, "F": 48, "parameters (M)": 3.2, "cifar10 error (%)": 4.06,
     "cifar100 error (%)": 19.26, "M1": 1160, "E1": 0.9e6, "M2": 0, "E2": 0.0, "cost": 1.0e9},
    {"network": "ENAS (cost only)", "M1": 310, "E1": 50e3, "M2": 0, "E2": 0.0, "cost": 15.5e6},
    {"network": "SAGENet", "B": 5, "N": 6, "F": 32, "parameters (M)": 6.0, "cifar10 error (%)": 3.66,
     "cifar100 error (%)": 17.42, "M1": 1000, "E1": 90e3, "M2": 10, "E2": 13.5e6, "cost": 225e6},
    {"network": "SAGENet-sep", "B": 5, "N": 6, "F": 32, "parameters (M)": 2.7, "cifar10 error (%)": 3.88,
     "cifar100 error (%)": 17.51},
)  # fmt: skip

# The paper's Table 3: ImageNet in the mobile setting; operations are two per multiply-add.
TABLE_3 = (
    {"network": "NASNet-A", "B": 5, "N": 4, "F": 44, "top-1 error (%)": 31.07, "top-5 error (%)": 11.41,
     "parameters (M)": 5.3},
    {"network": "PNASNet-5", "B": 5, "N": 3, "F": 56, "top-1 error (%)": 29.92, "top-5 error (%)": 10.63,
     "parameters (M)": 5.4, "operations (G)": 1.30},
    {"network": "SAGENet", "B": 5, "N": 4, "F": 48, "top-1 error (%)": 31.81, "top-5 error (%)": 11.79,
     "parameters (M)": 9.7, "operations (G)": 2.15},
    {"network": "SAGENet-sep", "B": 5, "N": 4, "F": 48, "top-1 error (%)": 31.9, "top-5 error (%)": 11.99,
     "parameters (M)": 4.9, "operations (G)": 1.03},
    {"network": "SAGENet-neuro", "B": 5, "N": 4, "F": 40, "top-1 error (%)": 31.77, "top-5 error (%)": 11.72,
     "parameters (M)": 6.1, "operations (G)": 1.59},
)  # fmt: skip
