"""What is done with the embeddings of one or more faces: paper sections 3.4 and 4.

Pure functions over a circle: faces x `(N, 3, S, S)` and embeddings z `(N, D)` in, the same out.
The commands `istrc blend`, `average`, `arithmetic`, `vary` and `compare` are thin over them.
"""
