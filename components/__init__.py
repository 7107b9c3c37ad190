"""The parts of the cluster, one noun a file. `__main__.py` puts them together."""
