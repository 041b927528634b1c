"""Networks, and what can be counted of them untrained."""
