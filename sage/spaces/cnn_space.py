"""The paper's space of convolutional networks."""

from dataclasses import dataclass

from sage.spaces.search_space import Architecture, Choice, SearchSpace


@dataclass(frozen=True)
class Layer:
    """One convolution of the CNN space; `inputs` are 0 for the image, k for the k-th layer."""

    filters: int
    kernel: tuple[int, int]  # height, width
    stride: int
    activation: str
    normalization: str
    inputs: tuple[int, ...]

    def __str__(self) -> str:
        height, width = self.kernel
        parts = [f"{height}x{width} conv {self.filters}"]
        parts += [f"/{self.stride}"] * (self.stride > 1)
        parts += [
            name
            for name in (self.normalization, self.activation)
            if name not in ("none", "identity")
        ]
        sources = ", ".join("image" if source == 0 else str(source) for source in self.inputs)
        return f"{' '.join(parts)} <- {sources}"


def cnn(layers: int) -> SearchSpace:
    """The paper's space of convolutional networks with up to `layers` layers (10 or 20 there).

    Raises:
        ValueError: layers < 1.

    Source: supplement of the paper, "Experimental Details for Search in Space of Convolutional Networks".
    """
    if layers < 1:
        raise ValueError(f"layers is {layers}, expected 1 or more")
    choices = [Choice("layers", tuple(range(1, layers + 1)))]
    for index in range(1, layers + 1):
        needs = ("layers", index - 1) if index > 1 else None
        for name, options in _LAYER_OPTIONS.items():
            choices.append(Choice(f"{name} {index}", options, needs, kind=name, step=index))
        # The first layer has nothing but the image to read.
        for source in range(index if index > 1 else 0):
            name = f"{source} to {index}"
            choices.append(
                Choice(name, (False, True), needs, kind="connection", step=index, source=source)
            )
    return SearchSpace(f"cnn{layers}", tuple(choices))


_LAYER_OPTIONS = {
    "filters": (32, 64, 128),
    "height": (1, 3, 5, 7),
    "width": (1, 3, 5, 7),
    "stride": (1, 2),
    "activation": ("identity", "relu"),
    "normalization": ("none", "batch norm"),
}


def cnn_layers(space: SearchSpace, architecture: Architecture) -> tuple[Layer, ...]:
    """What an architecture of a `cnn` space means, layer by layer.

    A layer without a chosen input reads the image (Zoph and Le 2017).
    """
    values = space.values(architecture)
    return tuple(
        Layer(
            filters=values[f"filters {index}"],
            kernel=(values[f"height {index}"], values[f"width {index}"]),
            stride=values[f"stride {index}"],
            activation=values[f"activation {index}"],
            normalization=values[f"normalization {index}"],
            inputs=tuple(source for source in range(index) if values.get(f"{source} to {index}"))
            or (0,),
        )
        for index in range(1, values["layers"] + 1)
    )


def depth(layers: tuple[Layer, ...]) -> int:
    """Convolutions on the longest path from the image to the classifier, which reads what no layer reads."""
    longest = [0]
    for layer in layers:
        longest.append(1 + max(longest[source] for source in layer.inputs))
    return max(longest)


def describe(layers: tuple[Layer, ...]) -> str:
    """A network as text that a person reads, one numbered line per layer."""
    return "\n".join(f"{number:2d}  {layer}" for number, layer in enumerate(layers, 1))
