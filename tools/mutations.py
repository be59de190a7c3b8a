"""Do the tests notice when the code is wrong? One operator, constant or comparison at a time.

    python tools/mutations.py results/mutations.json

Each mutant of a module runs its tests until one fails, in a process of its own that is forked from
this one so that torch is imported once; hypothesis draws the same examples for each, and does not
look for simpler ones. A mutant that takes `SLOWER` times what the tests take is found out as well.
What was tried is written down as it is, and not tried again until the module is another; when tests
were added, `--survivors` tries those that survived. Types and what is said in errors are left out.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any

from istrc.whole import checksum, read_json

ROOT = Path(__file__).resolve().parents[1]
TESTS = {
    "sphere": ("tests/test_sphere.py", "tests/test_arrays.py"),
    "edit.walk": ("tests/edit/test_walk.py", "tests/test_walk_each.py"),
}
SLOWER, LEAST = 4, 20  # times the processor's seconds of the sound module's tests, and seconds
MEMORY = 16 << 30  # bytes of addresses, of which torch takes many and uses few
SWAPPED = (
    *((ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.BitAnd, ast.BitOr), (ast.And, ast.Or)),
    *((ast.Eq, ast.NotEq), (ast.Is, ast.IsNot), (ast.In, ast.NotIn)),
)
OPERATORS: dict[type, tuple[type, ...]] = {
    **{one: (other,) for pair in SWAPPED for one, other in (pair, pair[::-1])},
    ast.Pow: (ast.Mult,),
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
}
_NAMES = (("sin", "cos"), ("all", "any"), ("min", "max"), ("minimum", "maximum"))
NAMES = {one: other for pair in _NAMES for one, other in (pair, pair[::-1])}


def mutants(source: str) -> Iterator[tuple[str, ast.Module]]:
    """Every mutant of a module: what it is, with its line, and its tree."""
    tree, left_out, seen = ast.parse(source), set[int](), dict[str, int]()
    for node in ast.walk(tree):
        parts = [getattr(node, name, None) for name in ("annotation", "returns")]
        typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if typing or isinstance(node, ast.Raise):
            parts.append(node)
        left_out.update(id(inner) for part in parts if part for inner in ast.walk(part))
    nodes = [node for node in ast.walk(tree) if id(node) not in left_out]
    for node in sorted(nodes, key=lambda node: getattr(node, "lineno", 0)):
        for field, value in _changes(node):
            before, old = _text(node), getattr(node, field)
            setattr(node, field, value)
            what = f"{getattr(node, 'lineno', 0)}: {before} -> {_text(node)}"
            mutant = ast.fix_missing_locations(copy.deepcopy(tree))
            setattr(node, field, old)
            seen[what] = seen.get(what, 0) + 1  # the same twice in one line
            yield what + f" ({seen[what]})" * (seen[what] > 1), mutant


def _changes(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """What is changed in one node: a field, and its other value."""
    if isinstance(node, ast.Compare):
        for other in OPERATORS[type(node.ops[0])]:
            yield "ops", [other(), *node.ops[1:]]
    elif isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)):
        for other in OPERATORS.get(type(node.op), ()):
            yield "op", other()
    elif isinstance(node, ast.UnaryOp):
        yield "op", ast.UAdd()  # which is none
    elif isinstance(node, (ast.If, ast.IfExp)):
        for truth in (True, False):
            yield "test", ast.Constant(truth)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "value", not node.value
    elif isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        yield "value", node.value + 1
        if isinstance(node.value, float) and node.value not in (0, 1):
            yield "value", 2 * node.value
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield "attr", NAMES[node.attr]
    elif isinstance(node, ast.keyword) and node.arg in NAMES:
        yield "arg", NAMES[node.arg]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "value", ast.Constant(None)
    elif isinstance(node, ast.FunctionDef) and node.decorator_list:
        yield "decorator_list", []


def _text(node: ast.AST) -> str:
    """A node in one line: of a statement with a body, what is before it."""
    if isinstance(node, ast.If):
        return f"if {ast.unparse(node.test)}"
    if isinstance(node, ast.FunctionDef):
        return " ".join([*(f"@{ast.unparse(one)}" for one in node.decorator_list), node.name])
    return " ".join(ast.unparse(node).split())


def tested(module: str, code: CodeType | None, seconds: float = 0) -> tuple[str, float]:
    """Run a module's tests with this code in place of its own: what came of it, and how long.

    seconds: of the processor, after which it is ended; 0 is never.
    """
    begun = time.monotonic()
    if not (process := os.fork()):
        try:
            _test(module, code, seconds)
        except BaseException:
            os._exit(1)  # it cannot even be imported
    _, status, used = os.wait4(process, 0)
    ends = {0: "survived", -signal.SIGXCPU: "endless", -signal.SIGKILL: "endless"}
    end = ends.get(os.waitstatus_to_exitcode(status), "failed")
    print(f"  {end} in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return end, used.ru_utime + used.ru_stime


def _test(module: str, code: CodeType | None, seconds: float) -> None:
    import pytest

    for name in [name for name in sys.modules if name.partition(".")[0] == "istrc"]:
        del sys.modules[name]
    if code is not None:
        own = SourceFileLoader.get_code

        def get(loader: Any, name: str) -> CodeType | None:
            return code if name == f"istrc.{module}" else own(loader, name)

        SourceFileLoader.get_code = get  # type: ignore[assignment, method-assign]
    if seconds:
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
    # What a mutant allocates without end ends it, and not the machine
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.chdir(ROOT)
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1), os.dup2(silent, 2)
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--hypothesis-seed=0"]
    os._exit(int(pytest.main([*options, *TESTS[module]])))


def tried(module: str, path: Path, survivors: bool, command: str) -> dict[str, Any]:
    """Try all mutants of a module that were not tried yet, and write each down: the counts."""
    from istrc.evaluation.results import commit, write_results

    source = ROOT / "src/istrc" / f"{module.replace('.', '/')}.py"
    found = _known(path).get(module, {})
    if found.get("module") != checksum(source):
        found = {"module": checksum(source), "seconds": 0.0, "tried": {}}
    every = dict(mutants(source.read_text()))
    found["tried"] = {what: end for what, end in found["tried"].items() if what in every}
    again = [what for what, end in found["tried"].items() if survivors and end == "survived"]
    todo = [what for what in every if what not in found["tried"] or what in again]
    print(f"{module}: {len(todo)} of {len(every)} mutants", file=sys.stderr)
    if not todo:
        return found
    end, took = tested(module, None)
    if end != "survived":
        raise SystemExit(f"{module}: its tests fail as it is")
    for what in todo:
        print(what, file=sys.stderr)
        code = compile(every[what], str(source), "exec")
        end, used = tested(module, code, max(LEAST, SLOWER * took))
        found["tried"][what] = end
        found["seconds"] = round(found["seconds"] + used, 1)
        ends = [*found["tried"].values()]
        found |= {"of": len(every), "mutants": len(ends), "survived": ends.count("survived")}
        found |= {"command": command, "commit": commit()}
        # Read again, as both modules may be tried side by side
        parts = _known(path) | {module: found}
        write_results(path, {"mutations": parts}, seed=0, command=command)
    return found


def _known(path: Path) -> dict[str, Any]:
    return read_json(path)["mutations"] if path.exists() else {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("json", type=Path)
    parser.add_argument("--only", choices=TESTS, help="this module")
    parser.add_argument("--survivors", action="store_true", help="try also those that survived")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    import hypothesis
    import pytest  # noqa: F401
    import torch

    torch.set_num_threads(1)
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("once", phases=phases, database=None, derandomize=True)
    hypothesis.settings.load_profile("once")
    command = " ".join(["python", "tools/mutations.py", *sys.argv[1:]])
    for module in [given.only] if given.only else TESTS:
        found = tried(module, given.json, given.survivors, command)
        left = [what for what, end in found["tried"].items() if end == "survived"]
        print(f"{module}: {len(found['tried'])} mutants, {len(left)} survived:", *left, sep="\n  ")


if __name__ == "__main__":
    main()
