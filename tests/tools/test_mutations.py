"""What the mutants of a module are; `python tools/mutations.py` tries them."""

import ast

SOURCE = """
def f(a: int = 1, b=0.5) -> bool:
    if a < 2 and not b:
        raise ValueError(a + b)
    return a * b
"""


def test_every_mutant_is_one_change():
    from tools.mutations import mutants

    found = dict(mutants(SOURCE))
    assert set(found) == {
        *("2: 1 -> 2", "2: 0.5 -> 1.5", "2: 0.5 -> 1.0"),
        *("3: if a < 2 and (not b) -> if True", "3: if a < 2 and (not b) -> if False"),
        *("3: a < 2 and (not b) -> a < 2 or not b", "3: a < 2 -> a <= 2", "3: a < 2 -> a > 2"),
        *("3: 2 -> 3", "3: not b -> +b", "5: a * b -> a / b"),
    }
    sound = ast.unparse(ast.parse(SOURCE)).splitlines()
    for mutant in found.values():
        changed = ast.unparse(mutant).splitlines()
        assert sum(a != b for a, b in zip(sound, changed, strict=True)) == 1
