"""What a user reads when something is wrong: one line that names the input and the remedy."""


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
