"""Tests of the program; tests/lab has those of the lab."""
