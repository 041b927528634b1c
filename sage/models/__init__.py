"""Networks: candidates of the search spaces and the residual teacher."""
