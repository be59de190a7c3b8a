"""Films: one edit for a whole clip, frame by frame, read twice and never held in memory."""

from istrc.film.edit import EditedFilm, edit_film

__all__ = ["EditedFilm", "edit_film"]
