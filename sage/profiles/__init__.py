"""Sizes and budgets of a run, in one place. Every number says why it is what it is."""

from sage.profiles.cpu import CPU
from sage.profiles.gpu import GPU
from sage.profiles.paper import PAPER
from sage.profiles.quick import QUICK
from sage.profiles.sizes import Budget, CellBudget, MacaqueBudget, Profile, SearchBudget
from sage.profiles.smoke import SMOKE

__all__ = ["PROFILES", "Budget", "CellBudget", "MacaqueBudget", "Profile", "SearchBudget"]

PROFILES = {"smoke": SMOKE, "quick": QUICK, "cpu": CPU, "gpu": GPU, "paper": PAPER}
