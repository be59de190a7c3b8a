"""House rules that can be counted."""

import ast
from pathlib import Path

import pytest

import istrc

PACKAGE = Path(istrc.__file__).parent
LINES_OF_FILE, LINES_OF_FUNCTION = 400, 100  # at most, signature and docstring included


def lengths(source):
    """Lines of every function, method and nested function of a file, by name and place."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, functions)]
    return {f"{one.name}, line {one.lineno}": one.end_lineno - one.lineno + 1 for one in found}


def test_lengths_are_counted_with_all_that_is_within():
    source = 'class A:\n    async def f(self):\n        """..."""\n\n        def g(): 1\n'
    assert lengths(source) == {"f, line 2": 4, "g, line 5": 1}


@pytest.mark.parametrize("folder", sorted({path.parent for path in PACKAGE.rglob("*.py")}))
def test_files_and_functions_can_be_read_in_one_sitting(folder):
    for path in folder.glob("*.py"):
        source = path.read_text()
        assert len(source.splitlines()) <= LINES_OF_FILE, path.name
        long = {name: lines for name, lines in lengths(source).items() if lines > LINES_OF_FUNCTION}
        assert not long, path.name
