"""How far what was learned from few faces can be trusted, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from istrc.roc import roc_auc

# Standard errors on either side. 1.645 would be 90 % if cross-validation were a measurement on new
# faces; it is none, and this holds the AUC of other people's faces in 82 to 90 draws of 100
# (istrc evaluate learning).
WIDTH = 2.0

# (AUC at least, what it is called, what to do); the first that is reached
LEVELS = (
    (0.9, "good", "use it"),
    (0.8, "fair", "look at the pictures that it makes"),
    (0.7, "weak", "expect other things to change with it; give more pictures"),
    (0.0, "do not trust it", "give more pictures, and see that they differ in nothing else"),
)


@dataclass(frozen=True)
class Trust:
    """The area under the ROC curve on faces left out, and where it may really be.

    Attributes:
        auc: mean over the repeats of cross-validation.
        low, high: where the AUC on faces never seen most likely is (`WIDTH`).
    """

    auc: float
    low: float
    high: float

    @property
    def word(self) -> str:
        return self._verdict[0]

    @property
    def _verdict(self) -> tuple[str, str]:
        # Where chance is within the interval, whatever the mean is may be chance
        auc = self.auc if self.low > 0.5 else 0.0
        return next((word, advice) for least, word, advice in LEVELS if auc >= least)

    def __str__(self) -> str:
        word, advice = self._verdict
        return f"AUC {self.auc:.2f} ({self.low:.2f} to {self.high:.2f}): {word}; {advice}"


def trust(logits: np.ndarray, labels: np.ndarray) -> Trust:
    """From the logits (R, N) of faces left out, in R repeats, and their labels (N,) 0 or 1.

    The standard error is Hanley and McNeil's (1982, eq. 2), of an AUC that is not nearer to 1
    than half a mistake: 20 faces told apart without one do not prove that there never is any.
    """
    auc = float(np.mean([roc_auc(one, labels) for one in logits]))
    yes = int(labels.sum())
    no = len(labels) - yes
    nearest = 0.5 / min(yes, no)
    error = standard_error(min(max(auc, nearest), 1 - nearest), yes, no)
    return Trust(auc, max(0.0, auc - WIDTH * error), min(1.0, auc + WIDTH * error))


def standard_error(auc: float, yes: int, no: int) -> float:
    """Of an AUC over `yes` faces with and `no` without (Hanley and McNeil 1982, eq. 2)."""
    with_two, without_two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc)
    variance += (yes - 1) * (with_two - auc**2) + (no - 1) * (without_two - auc**2)
    return float(np.sqrt(max(variance, 0.0) / (yes * no)))
