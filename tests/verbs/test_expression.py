import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from istrc.verbs.expression import DEEPEST, ExpressionError, Operand, check_names, parse


def weights(text):
    return {str(operand): weight for operand, weight in parse(text).items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A - B + C", {"A": 1, "B": -1, "C": 1}),
        ("(A + B)/2 - C + D", {"A": 0.5, "B": 0.5, "C": -1, "D": 1}),
        ("A", {"A": 1}),
        ("-A", {"A": -1}),
        ("--A", {"A": 1}),
        ("-(A - B) * 2", {"A": -2, "B": 2}),
        ("2 * 3 * A / 4", {"A": 1.5}),
        ("A*(1+2)/(4-1)", {"A": 1}),
        ("A - A", {"A": 0}),
        ("A * 0.1 * 3 - 0.3 * A", {"A": 0}),
        ("1e-1*A + .5*B + 2.*C", {"A": 0.1, "B": 0.5, "C": 2}),
        ("A \u2212 B", {"A": 1, "B": -1}),  # the minus of a printed page
        ("  A\n+\tB ", {"A": 1, "B": 1}),
        ("me.jpg + you.PNG", {"me.jpg": 1, "you.PNG": 1}),
        ("'my file.jpg' - \"a+b.png\"", {"my file.jpg": 1, "a+b.png": -1}),
        ("2*faces/old-man.jpg / 2", {"faces/old-man.jpg": 1}),
        ("A /b.jpg".replace("/b.jpg", "/ 2"), {"A": 0.5}),
        ("(A)/2 - ../b.v2.jpeg", {"A": 0.5, "../b.v2.jpeg": -1}),
        ("z.npy[3] - z.npy[0] + Z[12]", {"z.npy[3]": 1, "z.npy[0]": -1, "Z[12]": 1}),
        ("'my z.npy'[1]", {"my z.npy[1]": 1}),
        ("2.jpg - 2*A", {"2.jpg": 1, "A": -2}),
        ("me.jpg.npy", {"me.jpg.npy": 1}),
        ("élodie.jpg + Ü", {"élodie.jpg": 1, "Ü": 1}),
    ],
)
def test_what_it_means(text, expected):
    assert weights(text) == pytest.approx(expected)
    assert list(weights(text)) == list(expected)


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("", 1, "ends where"),
        ("A +", 4, "ends where"),
        ("A + + B -", 10, "ends where"),
        ("A B", 3, "operator missing"),
        ("2A", 2, "operator missing"),
        ("A + 2", 3, "a face and a number"),
        ("2 - A", 3, "a face and a number"),
        ("A * B", 3, "a face times a face"),
        ("2 / A", 3, "division by a face"),
        ("A / B", 3, "division by a face"),
        ("A / (1 - 1)", 3, "division by zero"),
        ("(A + B", 7, r"the \( of column 1 is not closed"),
        ("A + B)", 6, "does not belong"),
        ("A * / 2", 5, "where a face or a number should be"),
        ("A + 'b.jpg", 5, "quote that is not closed"),
        ("A + ''", 5, "no file in them"),
        ("A ^ 2", 3, "means nothing"),
        ("1 + 2", 1, "a number and no face"),
        ("1e999 * A", 9, "too large"),
        ("A * 1e308 * 1e308", 1, "too large"),
        ("z.npy[-1]", 7, "whole number from 0"),
        ("z.npy[1.5]", 7, "whole number from 0"),
        ("z.npy[1", 8, "] is missing"),
        ("(" * 2000 + "A" + ")" * 2000, DEEPEST + 2, "inside each other"),
        ("-" * 2000 + "A", DEEPEST + 2, "inside each other"),
    ],
)
def test_errors_point_at_the_column(text, column, said):
    with pytest.raises(ExpressionError, match=said) as caught:
        parse(text)
    assert caught.value.column == column
    line, caret = caught.value.shown.split("\n")
    assert caret.index("^") == column - 1 and len(line) == len(text)
    assert str(caught.value).startswith(f"column {column}: ")


def test_a_sum_may_be_of_any_length():
    assert weights(" + ".join(["A"] * 5000)) == {"A": 5000}


def test_a_name_that_is_not_known_is_pointed_at():
    text = "A + (bbo)/2"
    operands = parse(text)
    with pytest.raises(ExpressionError, match="did you mean bob") as caught:
        check_names(text, operands, ["A", "bob"])
    assert caught.value.column == 6
    with pytest.raises(ExpressionError, match="--let A=FILE"):
        check_names(text, operands, [])
    check_names("x.jpg", [Operand("x.jpg", is_file=True)], [])


# Random trees: as text for the parser, and computed by NumPy on vectors

NAMES = ("A", "B", "C", "a.jpg", "'d e.png'", "z.npy[2]")
VECTORS = dict(zip(NAMES, np.random.default_rng(0).normal(size=(len(NAMES), 6)), strict=True))
numbers = st.integers(-40, 40).map(lambda n: n / 4)
spaces = st.sampled_from(["", " ", "  "])


@st.composite
def scalars(draw, depth=2):
    kind = draw(st.sampled_from("n+-*/u" if depth else "n"))
    if kind == "n":
        number = abs(draw(numbers))
        return f"{number:g}", number
    text, value = draw(scalars(depth - 1))
    if kind == "u":
        return f"-({text})", -value
    other, second = draw(scalars(depth - 1))
    if kind == "/" and second == 0:
        kind = "*"
    value = {"+": value + second, "-": value - second, "*": value * second}.get(
        kind, value / second if second else 0
    )
    return f"({text} {kind} {other})", value


@st.composite
def vectors(draw, depth=4):
    kind = draw(st.sampled_from("v+-*l/u(" if depth else "v"))
    if kind == "v":
        name = draw(st.sampled_from(NAMES))
        return name, VECTORS[name]
    text, value = draw(vectors(depth - 1))
    space = draw(spaces)
    if kind == "u":
        return f"-{space}({text})", -value
    if kind == "(":
        return f"({space}{text}{space})", value
    if kind in "+-":
        other, second = draw(vectors(depth - 1))
        # Brackets on the right: a - b + c is not a - (b + c)
        return f"{text} {kind} ({other})", value + second if kind == "+" else value - second
    number, second = draw(scalars())
    if kind == "l":
        return f"{number}{space}*{space}({text})", second * value
    if kind == "/" and second != 0:
        return f"({text}){space}/{space}{number}", value / second
    return f"({text}){space}*{space}{number}", value * second


@given(vectors())
def test_as_numpy_calculates(case):
    text, expected = case
    found = sum(
        weight * VECTORS[f"'{name}'" if " " in (name := str(operand)) else name]
        for operand, weight in parse(text).items()
    )
    np.testing.assert_allclose(found, expected, atol=1e-9 * (1 + np.abs(expected).max()), rtol=1e-9)


@given(st.text("AB.jpg12+-*/()[] '\"\n", max_size=30))
def test_any_text_is_an_expression_or_an_error_with_a_column(text):
    try:
        parse(text)
    except ExpressionError as error:
        assert 1 <= error.column <= len(text) + 1
