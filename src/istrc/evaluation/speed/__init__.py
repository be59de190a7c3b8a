"""How fast and how light: what `istrc bench` measures.

bench.py        everything, in one run
clock.py        medians of several runs
stages.py       embedding, mapping, decoding, encoding and changes apart
walks.py        ten transformations of 500 steps
rivals.py       an edit beside those of the peers
learning.py     training from embeddings that are there
photograph.py   a large photograph and a cold start, in processes of their own
faces.py        what is measured on where there is no data
machine.py      the machine's name, and what an installation weighs
table.py        docs/bench.md
"""
