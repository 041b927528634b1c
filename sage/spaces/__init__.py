"""Search spaces as data; imports no torch."""

from sage.spaces.cell_space import OPERATIONS, cells
from sage.spaces.cnn_space import Layer, cnn, cnn_layers, depth, describe
from sage.spaces.search_space import Architecture, Choice, SearchSpace
