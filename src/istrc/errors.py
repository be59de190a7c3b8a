"""What a user reads when something is wrong: one line that names the input and the remedy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence


class IstrcError(Exception):
    """A failure whose message is written for the user, in one line; the command line exits 1."""


class InputError(IstrcError):
    """An input that cannot be used: the message names it, says why, and says what to do."""


class OutOfSpace(IstrcError):
    """The disk is full: no further output can be written, so a command stops at the first."""


def reason(error: Exception) -> str:
    """What an error from elsewhere says, in one line, to stand inside a message of ours."""
    said = getattr(error, "strerror", None) or str(error)
    return " ".join(said.split()) or type(error).__name__


def check_choice(what: str, value: str, known: Collection[str]) -> None:
    """Raises InputError for a value that is none of the known ones."""
    if value not in known:
        raise InputError(f"{what} {value!r}: use one of {', '.join(known)}")


def check_names(names: Iterable[str], known: Sequence[str], option: str = "") -> None:
    """Raises InputError for the first name that a model does not have, with the nearest ones."""
    for name in names:
        if name not in known:
            at = f"{option} {name}".strip()
            raise InputError(f"{at}: no such attribute; {suggest(name, known)}")


def suggest(name: str, known: Sequence[str], otherwise: str | None = None) -> str:
    """`did you mean smile?` Where none is near: `otherwise`, or all that there are."""
    import difflib

    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    # A part of a long name is the commonest slip: `glasses` for `eyeglasses`
    near += [one for one in known if len(name) > 3 and name in one and one not in near]
    near += [one for one in known if one.lower() == name.lower() and one not in near]
    if near:
        return f"did you mean {' or '.join(near[:3])}?"
    return otherwise or f"there are: {', '.join(known)}"
