"""Films: one edit for a whole clip, frame by frame, read twice and never held in memory."""

from istrc.film.edit import EditedFilm, edit_film
from istrc.film.pyav import need_av
from istrc.film.write import ENDINGS, check_output

__all__ = ["ENDINGS", "EditedFilm", "check_output", "edit_film", "need_av"]
