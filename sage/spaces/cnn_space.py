"""The paper's space of convolutional networks."""

from dataclasses import dataclass

from sage.spaces.search_space import Architecture, Choice, SearchSpace

LAYER_OPTIONS = {
    "filters": (32, 64, 128),
    "height": (1, 3, 5, 7),
    "width": (1, 3, 5, 7),
    "stride": (1, 2),
    "activation": ("identity", "relu"),
    "normalization": ("none", "batch norm"),
}
MOST_LAYERS = 100  # choices grow with their square; the paper has 20
# How many of them the first studies on record had, see `Choice.began`.
BEGAN = dict(filters=3, height=4, width=4, stride=2, activation=2, normalization=2)


@dataclass(frozen=True)
class Layer:
    """One convolution of a network."""

    filters: int
    kernel: tuple[int, int]  # height, width
    stride: int
    activation: str
    normalization: str
    inputs: tuple[int, ...]  # 0 is the image, k is layer k

    def __str__(self) -> str:
        height, width = self.kernel
        stride = f"/{self.stride}" if self.stride > 1 else "none"
        parts = f"{height}x{width} conv {self.filters}", stride, self.normalization, self.activation
        said = " ".join(part for part in parts if part not in ("none", "identity"))
        return f"{said} <- {', '.join(str(source or 'image') for source in self.inputs)}"


def cnn(layers: int) -> SearchSpace:
    """Return the paper's space of networks with up to `layers` convolutions, 10 or 20 there.

    Source: supplement, "Experimental Details for Search in Space of Convolutional Networks".
    """
    if not 1 <= layers <= MOST_LAYERS:
        raise ValueError(f"layers is {layers}, expected 1 to {MOST_LAYERS}")
    choices = [Choice("layers", tuple(range(1, layers + 1)))]
    for index in range(1, layers + 1):
        needs = ("layers", index - 1) if index > 1 else None
        for name, options in LAYER_OPTIONS.items():
            own = Choice(f"{name} {index}", options, needs, name, index, began=BEGAN[name])
            choices.append(own)
        for source in range(index) if needs else ():  # the first layer can read the image only
            name, options = f"{source} to {index}", (False, True)
            choices.append(Choice(name, options, needs, "connection", index, source))
    return SearchSpace(f"cnn{layers}", tuple(choices))


def cnn_layers(space: SearchSpace, architecture: Architecture) -> tuple[Layer, ...]:
    """Return the layers that an architecture of a `cnn` space stands for.

    A layer without a chosen input reads the image (Zoph and Le 2017).
    """
    values, layers = space.values(architecture), []
    for index in range(1, values["layers"] + 1):
        own = {name: values[f"{name} {index}"] for name in LAYER_OPTIONS}
        inputs = tuple(source for source in range(index) if values.get(f"{source} to {index}"))
        kernel = own.pop("height"), own.pop("width")
        layers.append(Layer(kernel=kernel, inputs=inputs or (0,), **own))
    return tuple(layers)


def depth(layers: tuple[Layer, ...]) -> int:
    """Return the number of convolutions on the longest path from the image to the classifier."""
    longest = [0]
    for layer in layers:
        longest.append(1 + max(longest[source] for source in layer.inputs))
    return max(longest)


def describe(layers: tuple[Layer, ...]) -> str:
    """Return a network as text, one numbered line per layer."""
    return "\n".join(f"{number:2d}  {layer}" for number, layer in enumerate(layers, 1))
