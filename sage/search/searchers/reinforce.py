"""Policy gradients: a recurrent network writes architectures and is rewarded by their scores."""

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor, nn

from sage.compute import devices
from sage.search.searchers.base import Searcher
from sage.spaces import Architecture, Choice, SearchSpace

UNITS, LAYERS = 32, 2
RATE, MOMENTS = 1e-3, (0.0, 0.999)  # of Adam
BATCH, CLIP = 5, 1.0
DECAY = 0.9  # of the baseline, per batch


class Reinforce(Searcher):
    """Samples a policy, and makes candidates likelier if they exceed the running mean score.

    There is one update per batch of candidates told. Their probabilities are those under the
    current weights, so that proposals and told scores alone determine the weights, however many
    candidates are in flight.

    Source: supplement of the paper, "Hyperparameter Search with Reinforcement Learning" and
    "Details of Search Algorithms"; Williams 1992, doi:10.1007/BF00992696. The baseline's decay is
    ours.
    """

    name = "reinforce"

    def __init__(self, space: SearchSpace, *, seed: int):
        super().__init__(space, seed=seed)
        with devices.weights_from(seed):
            self.policy = Policy(space)
        self._batch: list[tuple[Architecture, float]] = []
        self._baseline: float | None = None

    @cached_property
    def _optimizer(self) -> torch.optim.Optimizer:
        # The first takes torch a second, which a search that is all on record does not need.
        return torch.optim.Adam(self.policy.parameters(), lr=RATE, betas=MOMENTS)

    @property
    def description(self) -> dict:
        sizes = {"units": UNITS, "layers": LAYERS, "batch": BATCH}
        rates = {"rate": RATE, "moments": list(MOMENTS), "clip": CLIP, "decay": DECAY}
        return super().description | sizes | rates

    def _propose(self, rng: np.random.Generator) -> Architecture:
        return self.policy.sample(rng)

    def _learn(self, number: int, score: float) -> None:
        self._batch.append((self.proposed[number], score))
        if len(self._batch) < BATCH:
            return
        architectures, told = zip(*self._batch)
        self._batch, scores = [], torch.tensor(told, dtype=torch.float64)
        mean = scores.mean().item()
        baseline = mean if self._baseline is None else self._baseline
        self._baseline = DECAY * baseline + (1 - DECAY) * mean
        loss = -((scores - baseline) * self.policy.log_probability(architectures)).mean()
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.policy.parameters(), CLIP)
        self._optimizer.step()


class Policy(nn.Module):
    """A distribution over architectures: a two-layer LSTM with a step per step of the space.

    Logits are linear in the LSTM's output at the choice's step, with weights shared by choices of a
    kind. A connection has probability sigmoid(w_src'h_i + w_dst'h_j). A step reads the sum of
    learned embeddings of the options chosen at the step before; a connection chosen has its
    source's embedding.
    """

    def __init__(self, space: SearchSpace):
        super().__init__()
        self.space = space
        choices = space.choices
        counts = np.array([len(choice.options) for choice in choices])
        self.steps = np.array([choice.step for choice in choices])
        # The choices of a step are those from its bound to the next one.
        self.bounds = np.searchsorted(self.steps, np.arange(self.steps[-1] + 2)).tolist()
        connection = np.array([choice.source is not None for choice in choices])
        sources = np.array([choice.source or 0 for choice in choices])

        # Each kind has a column of logits per option, and a row of embeddings per option or source.
        column, columns = _offsets(choices, counts)
        row, rows = _offsets(choices, np.where(connection, sources + 1, counts))
        option = np.arange(counts.max())
        self.valid = torch.tensor(option < counts[:, None])  # [C, options]
        self.column = torch.tensor(np.minimum(column[:, None] + option, columns - 1))
        # sigmoid(b - a) is the second of softmax(a, b): with a from the source's step, w_src takes
        # the sign.
        at_source = connection[:, None] & (option == 0)
        self.read_at = torch.tensor(np.where(at_source, sources[:, None], self.steps[:, None]))
        self.is_connection = torch.tensor(connection)
        self.row = torch.tensor(row + sources)
        self.next_step = torch.tensor(self.steps + 1)

        # The last embedding is the first input.
        self.embeddings = nn.Parameter(torch.randn(rows + 1, UNITS, dtype=torch.float64))
        self.lstm = nn.LSTM(UNITS, UNITS, LAYERS, batch_first=True, dtype=torch.float64)
        self.heads = nn.Linear(UNITS, columns, bias=False, dtype=torch.float64)

    def log_probability(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return each architecture's log probability, [B] float64, of choices with an effect."""
        options = torch.tensor(architectures)
        active = torch.tensor([self.space.active(architecture) for architecture in architectures])
        outputs = self.heads(self.lstm(self._inputs(options, active))[0])
        logits = self._logits(outputs, slice(None))
        chosen = logits.log_softmax(-1).gather(-1, options[..., None]).squeeze(-1)  # [B, C]
        return (chosen * active).sum(-1)

    @torch.no_grad()
    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw an architecture with the probability that the policy gives it."""
        options = torch.zeros(1, len(self.steps), dtype=torch.long)
        outputs = torch.zeros(1, len(self.bounds) - 1, self.heads.out_features, dtype=torch.float64)
        state = None
        for step, (first, end) in enumerate(zip(self.bounds, self.bounds[1:])):
            active = torch.tensor([self.space.active(tuple(options[0].tolist()))])
            if not active[0, first:].any():
                break
            hidden, state = self.lstm(self._inputs(options, active)[:, step : step + 1], state)
            outputs[:, step] = self.heads(hidden[:, 0])
            logits = self._logits(outputs, slice(first, end))[0]  # [choices, options]
            sums = logits.softmax(-1).cumsum(-1)
            drawn = torch.from_numpy(rng.random((end - first, 1))) * sums[:, -1:]
            options[0, first:end] = (sums <= drawn).sum(-1)
        return self.space.canonical(tuple(options[0].tolist()))

    def _inputs(self, options: Tensor, active: Tensor) -> Tensor:
        """Return what each step reads, [B, steps, units], for options and active choices [B, C]."""
        read = active & ~(self.is_connection & (options == 0))
        row = self.row + torch.where(self.is_connection, 0, options)
        shape = len(options), len(self.bounds), len(self.embeddings)
        counts = torch.zeros(shape, dtype=torch.float64)
        batch = torch.arange(len(options))[:, None]
        counts[:, 0, -1] = 1
        counts.index_put_((batch, self.next_step, row), read.double(), accumulate=True)
        return counts[:, :-1] @ self.embeddings

    def _logits(self, outputs: Tensor, part: slice) -> Tensor:
        """Return [B, choices, options] of some choices from the outputs [B, steps, columns]."""
        logits = outputs[:, self.read_at[part], self.column[part]]
        return logits.masked_fill(~self.valid[part], -torch.inf)


def _offsets(choices: Sequence[Choice], widths: np.ndarray) -> tuple[np.ndarray, int]:
    """Return where each choice's kind begins if kinds take their greatest width, and their end."""
    width: dict[str, int] = {}
    for choice, needed in zip(choices, widths.tolist()):
        width[choice.kind] = max(needed, width.get(choice.kind, 0))
    ends = dict(zip(width, accumulate(width.values())))
    begins = [ends[choice.kind] - width[choice.kind] for choice in choices]
    return np.array(begins), sum(width.values())
