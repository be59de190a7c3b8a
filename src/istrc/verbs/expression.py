"""Arithmetic of faces as it is written: "(A + B)/2 - C + D" (paper section 4.3, figure 8).

    sum     := product (("+" | "-") product)*
    product := signed (("*" | "/") signed)*
    signed  := ("-" | "+") signed | atom
    atom    := NUMBER | face | "(" sum ")"
    face    := (NAME | FILE | 'quoted file') ["[" ROW "]"]

Faces add and subtract, and are multiplied and divided by numbers; nothing else of them has a
meaning. So every expression is a weighted sum of faces, and that is what parsing it gives: no
face is opened before the whole text is understood.

A FILE without quotes ends in a picture's suffix or .npy and may hold "-", "/" and "." like any
path; so between an operator and a FILE behind it there must be a space, and before one too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from istrc.errors import InputError, suggest

DEEPEST = 100  # parentheses and signs inside each other
ROUNDING = 1e-12  # of a weight: what is less is left by rounding

_SUFFIXES = "jpe?g|png|webp|tiff?|bmp|gif|p[bgnp]m|jp2|avif|heic|npy"
_TOKEN = re.compile(
    rf"""\s*(?:
      (?P<quoted>'[^']*'|"[^"]*")
    | (?P<file>(?![-/*+]\s)(?!-)[^\s()*+'"\[\]]+?\.(?:{_SUFFIXES})(?![\w.]))
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>[^\W\d]\w*)
    | (?P<sign>[-+*/()\[\]\u2212])
    | (?P<end>$)
    | (?P<wrong>.)
    )""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)
_SIGN = re.compile(r"\s*(?P<sign>[-+*/)\[\]\u2212])")


class ExpressionError(InputError):
    """What is wrong with an expression, and where.

    Attributes:
        text: the expression.
        column: where in it, from 1.
    """

    def __init__(self, message: str, text: str, column: int):
        super().__init__(f"column {column}: {message}")
        self.text, self.column = text, column

    @property
    def shown(self) -> str:
        """The expression, and a caret under the place."""
        line = re.sub(r"\s", " ", self.text)
        return f"{line}\n{' ' * (self.column - 1)}^"


@dataclass(frozen=True)
class Operand:
    """A face of an expression."""

    name: str  # a name or a file, as it was written, without quotes
    row: int | None = None  # of an array, from 0; None where none was given
    is_file: bool = False  # a file and not a name
    column: int = field(default=1, compare=False)  # where it first stands, from 1

    def __str__(self) -> str:
        return self.name if self.row is None else f"{self.name}[{self.row}]"


class _Token(NamedTuple):
    kind: str
    text: str
    column: int


# A weighted sum of faces; a number is the weight of None
_Value = dict[Operand | None, float]


def parse(text: str) -> dict[Operand, float]:
    """The weight of each face in an expression, in the order of their appearance.

    A face that cancels (`A - A`) has the weight 0. Raises ExpressionError for what is not an
    expression, for one that adds faces to numbers, multiplies faces or divides by zero, and for
    one that is a number.
    """
    return _Parser(text).parse()


def check_names(text: str, operands: Iterable[Operand], known: Iterable[str]) -> None:
    """Raises ExpressionError for the first name that is not known, with the nearest ones."""
    known = list(known)
    for operand in operands:
        if operand.is_file or operand.name in known:
            continue
        let = None if known else f"say which face it is: --let {operand.name}=FILE"
        hint = suggest(operand.name, known, let)
        raise ExpressionError(f"no face is called {operand.name}; {hint}", text, operand.column)


class _Parser:
    """One pass from left to right; every rule of the grammar is a method."""

    def __init__(self, text: str):
        self.text, self.place, self.depth = text, 0, 0
        self.tokens = _tokens(text)

    def parse(self) -> dict[Operand, float]:
        value = self._sum()
        if self._now.kind != "end":
            raise self._wrong(f"{self._now.text} does not belong here; is an operator missing?")
        faces = {operand: weight for operand, weight in value.items() if operand}
        if not faces:
            raise self._wrong("a number and no face; name at least one face", 1)
        for operand, weight in faces.items():
            if not math.isfinite(weight):
                said = f"the weight of {operand} is too large to be a number"
                raise self._wrong(said, operand.column)
        return faces

    @property
    def _now(self) -> _Token:
        return self.tokens[self.place]

    def _take(self, *signs: str) -> _Token | None:
        """The next token if it is one of these signs."""
        token = self._now
        if token.kind != "sign" or token.text not in signs:
            return None
        self.place += 1
        return token

    def _wrong(self, message: str, column: int | None = None) -> ExpressionError:
        return ExpressionError(message, self.text, column or self._now.column)

    def _sum(self) -> _Value:
        value = self._product()
        while sign := self._take("+", "-"):
            other = self._product()
            if (None in value) != (None in other):
                said = f"{sign.text} between a face and a number; faces add to faces only"
                raise self._wrong(said, sign.column)
            value = _add(value, other, -1.0 if sign.text == "-" else 1.0)
        return value

    def _product(self) -> _Value:
        value = self._signed()
        while sign := self._take("*", "/"):
            other, at, divides = self._signed(), sign.column, sign.text == "/"
            if None in value and not divides:  # a number times a face
                value, other = other, value
            if None not in other and divides:
                raise self._wrong("division by a face; faces are divided by numbers only", at)
            if None not in other:
                raise self._wrong("a face times a face; faces are multiplied by numbers only", at)
            by = other[None]
            if divides and by == 0:
                raise self._wrong("division by zero", at)
            value = {one: had / by if divides else had * by for one, had in value.items()}
        return value

    def _signed(self) -> _Value:
        sign = self._take("-", "+")
        if sign is None:
            return self._atom()
        value = self._deeper(self._signed)
        return {one: -had for one, had in value.items()} if sign.text == "-" else value

    def _atom(self) -> _Value:
        token = self._now
        if self._take("("):
            value = self._deeper(self._sum)
            if not self._take(")"):
                raise self._wrong(f"the ( of column {token.column} is not closed")
            return value
        if token.kind == "number":
            self.place += 1
            return {None: float(token.text)}
        if token.kind in ("name", "file", "quoted"):
            self.place += 1
            return {self._operand(token): 1.0}
        if token.kind == "end":
            raise self._wrong("the expression ends where a face or a number should be")
        raise self._wrong(f"{token.text} where a face or a number should be")

    def _operand(self, token: _Token) -> Operand:
        name = token.text[1:-1] if token.kind == "quoted" else token.text
        if not name:
            raise self._wrong("quotes with no file in them", token.column)
        row = None
        if self._take("["):
            if self._now.kind != "number" or not self._now.text.isdecimal():
                raise self._wrong("a row is a whole number from 0, such as [3]")
            row = int(self._now.text)
            self.place += 1
            if not self._take("]"):
                raise self._wrong("] is missing")
        return Operand(name, row, token.kind != "name", token.column)

    def _deeper(self, rule: Callable[[], _Value]) -> _Value:
        # Python's own stack would give up with a traceback
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._wrong(f"more than {DEEPEST} parentheses or signs inside each other")
        value = rule()
        self.depth -= 1
        return value


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    place = 0
    while not found or found[-1].kind != "end":
        # After a face or a number stands an operator: in A /2 the / begins no path
        after = found and (found[-1].kind != "sign" or found[-1].text in ")]")
        match = (after and _SIGN.match(text, place)) or _TOKEN.match(text, place)
        assert match is not None and match.lastgroup is not None  # _TOKEN's last group takes any
        kind = match.lastgroup
        token = _Token(kind, match[kind].replace("\u2212", "-"), match.start(kind) + 1)
        if kind == "wrong":
            quotes = token.text in "'\""
            message = "a quote that is not closed" if quotes else f"{token.text} means nothing here"
            raise ExpressionError(message, text, token.column)
        found.append(token)
        place = match.end()
    return found


def _add(a: _Value, b: _Value, sign: float) -> _Value:
    total = dict(a)
    for operand, weight in b.items():
        before = total.get(operand, 0.0)
        after = before + sign * weight
        # 0.1 A * 3 - 0.3 A is nothing, and not the 5e-17 A that binary fractions leave
        rounding = ROUNDING * max(abs(before), abs(weight))
        total[operand] = 0.0 if operand and abs(after) <= rounding else after
    return total
