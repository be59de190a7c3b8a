"""THE CROP: the square of CelebA's aligned frame that every network sees, and where a face lies.

Coordinates are continuous pixels of the frame: (0, 0) is the top left corner of the first pixel,
pixel (column i, row j) covers [i, i+1] x [j, j+1] and has its centre at (i + 0.5, j + 0.5). THE
CROP, x 25..153 and y 45..173, is thus exactly what Pillow's `crop((25, 45, 153, 173))` cuts from
an aligned picture.
"""

from __future__ import annotations

import numpy as np

FRAME_SIZE = (178, 218)  # CelebA's aligned pictures: width, height
CROP = (25, 45, 153, 173)  # left, top, right, bottom
CROP_SIDE = CROP[2] - CROP[0]
CROP_CENTRE = np.array([(CROP[0] + CROP[2]) / 2, (CROP[1] + CROP[3]) / 2])

# dlib's box of an upright face: geometric mean side and mean centre over CelebA train pictures
# shown to the detector at random sizes
BOX_SIDE = 90.7
BOX_DROP = 24.9  # how much lower than the crop's its centre is
BOX_CENTRE = CROP_CENTRE + [0.0, BOX_DROP]
