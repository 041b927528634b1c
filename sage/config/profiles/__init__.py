"""Sizes and budgets of a run, in one place. Every number says why it is what it is."""

from sage.config.profiles.cpu import CPU
from sage.config.profiles.gpu import GPU
from sage.config.profiles.paper import PAPER
from sage.config.profiles.quick import QUICK
from sage.config.profiles.sizes import Budget, CellBudget, MacaqueBudget, Profile, SearchBudget
from sage.config.profiles.smoke import SMOKE

__all__ = ["PROFILES", "Budget", "CellBudget", "MacaqueBudget", "Profile", "SearchBudget"]

PROFILES = {"smoke": SMOKE, "quick": QUICK, "cpu": CPU, "gpu": GPU, "paper": PAPER}
