"""Checks of a real cluster in the lab; `make e2e` runs them."""
