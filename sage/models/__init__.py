"""Networks, and what can be counted of them untrained."""

from sage.models.saved import Classifier, load, save
