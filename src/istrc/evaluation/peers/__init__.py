"""Other ways to edit the same faces, measured beside ours: `istrc evaluate editing --peers all`.

A peer is an `Editor` (istrc.evaluation.editing), made by the function of its name from a circle,
examples and the attributes to learn. It learns from faces of `fit`, as our networks did; its
strengths are in a measure of its own until they are calibrated on `tune`.
"""
