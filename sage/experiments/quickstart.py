"""Published networks under one teacher: the shortest way from an RDM to a score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from sage.analysis import bootstrap
from sage.analysis.bootstrap import Bootstrap
from sage.analysis.predictors import COMBINED, display_name
from sage.analysis.summaries import told_epochs
from sage.config.run import StoredRun
from sage.experiments import stored_networks
from sage.rsa import guidance
from sage.rsa.teacher import Teacher, read_teacher


@dataclass(frozen=True)
class Judged:
    """Stored networks as a teacher judges them.

    Args:
        teacher: has RDMs of the run's level.
        rdms: [layer, pair] of that level by network and epoch.
        similarity: see `guidance.compare`.
        scores: [predictor, network, epoch] of P, TG, P + alpha TG, and two controls; with depth
            and architecture [network].
        mature: accuracy [network] after full training.
    """

    teacher: Teacher
    rdms: Mapping[tuple[int, float], np.ndarray]
    similarity: xr.DataArray
    scores: xr.DataArray
    mature: xr.DataArray

    def table(self, epoch: float) -> pd.DataFrame:
        """Return P, TG, P + alpha TG and mature accuracy of networks, the best score first."""
        shown = self.scores.sel(epoch=epoch, predictor=["P", "TG", COMBINED], drop=True)
        found = shown.transpose("network", "predictor").to_pandas()
        found["mature accuracy"] = self.mature.to_series()
        alpha = self.scores.attrs["alpha"]
        found = found.sort_values(COMBINED, ascending=False)
        return found.rename(columns=lambda name: display_name(str(name), alpha))

    def correlations(self, epochs: Sequence[float], resamples: Bootstrap) -> pd.DataFrame:
        """Return r of each score with mature accuracy and its 95 % interval, as text."""
        found: dict[str, dict[str, str]] = {}
        for epoch in epochs:
            column = found[f"after {told_epochs(epoch)}"] = {}
            for name in self.scores.predictor.values:
                values = self.scores.sel(predictor=name, epoch=epoch).values
                r = bootstrap.correlation(values, self.mature.values, resamples)
                column[display_name(name, self.scores.attrs["alpha"])] = bootstrap.cell(
                    r.value, r.low, r.high
                )
        return pd.DataFrame(found).rename_axis("r with mature accuracy")

    def examples(self, epoch: float) -> dict[str, np.ndarray]:
        """Return RDMs to look at, by their titles: the teacher's last layer, and two networks'.

        They are the layers that are most similar to it, of the network with the highest TG and of
        the one with the lowest.
        """
        tg, p = (self.scores.sel(predictor=name, epoch=epoch) for name in ("TG", "P"))
        last = self.teacher.layers[-1]
        level = self.similarity.attrs["level"]
        found = {f"the teacher, layer {last.name}\n": last.rdms[level]}
        for kind, network in (("highest", tg.idxmax().item()), ("lowest", tg.idxmin().item())):
            place = {"network": network, "epoch": epoch}
            layer = int(self.similarity.isel(teacher_layer=-1).sel(place).argmax("layer"))
            title = f"{kind} TG = {tg.sel(network=network):.2f}, P = {p.sel(network=network):.1%}\n"
            title += f"in the end right in {self.mature.sel(network=network):.1%}"
            found[title] = self.rdms[network, epoch][layer]
        return found


def judge(run: StoredRun) -> Judged:
    """Return the run's stored networks as its teacher judges them; errors as `load_stored`."""
    snapshots, networks = stored_networks.load_networks(run)
    teacher = read_teacher(*stored_networks.find_stored(run)["teacher"])
    similarity, shuffled = (
        guidance.compare(snapshots, one, level=run.level)
        for one in (teacher, teacher.shuffled(seed=0))
    )
    p, tg = networks.accuracy, guidance.teacher_guidance(similarity)
    known = {
        "P": ("accuracy", p),
        "TG": ("guidance", tg),
        COMBINED: ("combination", guidance.combined_score(p, tg, run.alpha)),
        "TG before training": ("control", tg.isel(epoch=0, drop=True)),
        "TG shuffled": ("control", guidance.teacher_guidance(shuffled)),
    }
    parts = [
        one.broadcast_like(p).assign_coords(predictor=name, family=family)
        for name, (family, one) in known.items()
    ]
    joined: dict[str, Any] = {"coords": ["predictor", "family"], "compat": "override"}
    scores = xr.concat(parts, "predictor", join="exact", combine_attrs="drop", **joined)
    scores = scores.assign_coords(networks[["depth", "architecture"]])
    stimuli = teacher.layers[-1].stimuli
    rdms = {(network, epoch): own[stimuli, run.level] for network, epoch, own in snapshots}
    mature = networks.mature.assign_coords(epoch=run.settings.mature_epochs)
    return Judged(teacher, rdms, similarity, scores.assign_attrs(alpha=run.alpha), mature)
