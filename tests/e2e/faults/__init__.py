"""Faults put into real runs of the lab, one at a time, and what became of each; `make faults` runs them."""
