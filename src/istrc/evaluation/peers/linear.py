"""Peers that add one vector to every face: in the space of BEGAN's code, or on the sphere.

Code vector: the arithmetic of Larsen et al. 2016 (auto-encoding beyond pixels), section 4:

    v = mean E(x) of faces with the attribute - mean E(x) of faces without,    h' = E(x) + s v

Boundary: InterFaceGAN (Shen et al. 2020, sections 2.2 and 2.3): one hyperplane separates faces with
an attribute from those without; z moves along its unit normal n, and is put back on the sphere:
z' = (z + a n) / |z + a n|. Conditional manipulation moves along what is left of n outside of other
attributes' normals. Pictures are made by the circle's `mapping`, the F that knows whole faces, and
not by `changes`: that one was tuned on the ends of our own walks and is a part of what is compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.evaluation.editing import Editor
from istrc.evaluation.peers.examples import Examples, composite_code

# What an edit must not bring along. InterFaceGAN's own (age, sex, glasses) less the smile, of which
# three of our transformations consist in part; a face's own target is never among them.
CONDITIONS = ("male", "young", "eyeglasses")


def code_vector(circle: Any, examples: Examples, attributes: Sequence[str]) -> Editor:
    """The peer. Strengths are multiples of v; several attributes add up."""
    vectors = {}
    for name in attributes:
        having, lacking = examples.sides(name)
        vectors[name] = (examples.h[having].mean(0) - examples.h[lacking].mean(0)).to(circle.device)

    def edit(x: torch.Tensor, strengths: Mapping[str, float]) -> torch.Tensor:
        h = circle.encode(x)
        change: Any = sum(strength * vectors[name] for name, strength in strengths.items())
        return composite_code(circle, x, h, change)

    return edit


def normal(examples: Examples, attribute: str) -> torch.Tensor:
    """The unit normal (D,) of the boundary, towards faces that have the attribute.

    Logistic regression, each side weighted as if half of the faces had it, as our classifiers are.
    """
    from sklearn.linear_model import LogisticRegression

    having, lacking = examples.sides(attribute)
    z = examples.z[np.concatenate([having, lacking])] * examples.z.shape[1] ** 0.5  # unit variance
    labels = np.repeat([1, 0], [len(having), len(lacking)])
    fitted = LogisticRegression(class_weight="balanced", max_iter=500).fit(z.numpy(), labels)
    return sphere.normalize(torch.from_numpy(fitted.coef_[0]).float())


def conditioned(n: torch.Tensor, others: Sequence[torch.Tensor]) -> torch.Tensor:
    """What is left of n (D,) outside of the space that other normals span, of unit length."""
    if others:
        basis, _ = torch.linalg.qr(torch.stack(list(others), 1))  # (D, K), orthonormal columns
        n = n - basis @ (basis.T @ n)
    return sphere.normalize(n)


def boundary(
    circle: Any,
    examples: Examples,
    attributes: Sequence[str],
    *,
    conditions: Sequence[str] = CONDITIONS,  # those that the data labels
) -> Editor:
    """The peer. Strengths are a, in lengths of z; several attributes add up."""
    known = [name for name in conditions if name in examples.prepared.attribute_names]
    normals = {name: normal(examples, name) for name in dict.fromkeys([*attributes, *known])}
    directions = {
        name: conditioned(normals[name], [normals[o] for o in known if o != name]).to(circle.device)
        for name in attributes
    }

    def edit(x: torch.Tensor, strengths: Mapping[str, float]) -> torch.Tensor:
        z = circle.embed(x)
        z2 = sphere.normalize(z + sum(a * directions[name] for name, a in strengths.items()))
        return composite_code(circle, x, circle.encode(x), circle.map(z2) - circle.map(z))

    return edit
