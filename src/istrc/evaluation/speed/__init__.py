"""How fast and how light: what `istrc bench` measures. bench.py takes all of it in one run."""
