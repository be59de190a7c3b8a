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


NAMES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def imported(source, for_types=True):
    """The modules of the package that a file imports anywhere in it, functions included.

    for_types: also those under `if TYPE_CHECKING`.
    """
    found, left = set(), [ast.parse(source)]
    while left:
        node = left.pop()
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            both = [(f"{node.module}.{one.name}", node.module) for one in node.names]
            found |= {inner if inner in NAMES else outer for inner, outer in both}
        typed = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        left += node.orelse if typed and not for_types else ast.iter_child_nodes(node)
    return found & NAMES.keys()


def circular(imports):
    """What is left when files that import nothing else, or that nothing else imports, are gone."""
    while True:
        wanted = set().union(*imports.values())
        kept = {
            name: of & imports.keys()
            for name, of in imports.items()
            if name in wanted and of & imports.keys()
        }
        if kept == imports:
            return set(kept)
        imports = kept


def test_circles_are_found():
    assert circular({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}, "e": set()}) == {"b", "c"}
    source = "if TYPE_CHECKING:\n    import istrc.face\ndef f():\n    from istrc import sphere"
    assert imported(source) == {"istrc.face", "istrc.sphere"}
    assert imported(source, for_types=False) == {"istrc.sphere"}


def test_no_file_imports_what_imports_it():
    sources = {name: path.read_text() for name, path in NAMES.items()}
    assert not circular({name: imported(one, for_types=False) for name, one in sources.items()})
    # A face is made by its circle and edited by it, and so either names the other in its types
    faces = {"istrc.circle", "istrc.face"}
    assert circular({name: imported(one) for name, one in sources.items()}) == faces
