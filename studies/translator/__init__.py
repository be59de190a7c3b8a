"""Should a network draw what an attribute changes in a texture, for each face itself?

    istrc train textures prepared/ straight/ --landmarks LANDMARKS
    python -m studies.translator train straight/ run/ --steps 4400
    python -m studies.translator draw prepared/ run/ drawn/
    python -m studies.blind make prepared/ drawn/with drawn/without sheets/

Residual images (Shen and Liu 2017) of several attributes at once (StarGAN, Choi et al. 2018).
docs/studies/translator.md has what was found so far.
"""
