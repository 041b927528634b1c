"""Search spaces as data; imports no torch."""

from sage.spaces.cell_space import OPERATIONS, cells
from sage.spaces.cnn_space import Layer, cnn, cnn_layers, depth, describe
from sage.spaces.nasbench201_space import (
    NASBENCH201_EDGES,
    NASBENCH201_OPERATIONS,
    from_nasbench201_string,
    nasbench201,
    nasbench201_depth,
    nasbench201_string,
    representatives,
)
from sage.spaces.search_space import Architecture, Choice, SearchSpace
