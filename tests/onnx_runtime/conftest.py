"""A small circle with all its parts, and its graphs beside them; and a Python without torch."""

import os
import subprocess
import sys

import pytest

NO_TORCH = """
import sys


class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")


sys.meta_path.insert(0, NoTorch())
"""


@pytest.fixture(scope="session")
def without_torch(tmp_path_factory):
    """Runs Python where an import of torch fails: stdout and stderr as text, and the exit code."""
    folder = tmp_path_factory.mktemp("no-torch")
    (folder / "sitecustomize.py").write_text(NO_TORCH)
    places = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(places), **environment},
            capture_output=True,
            text=True,
            timeout=600,
        )

    return run
