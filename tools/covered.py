"""What of src the tests run, from what coverage.py has counted (CONTRIBUTING.md says how).

python tools/covered.py build/coverage.json results/coverage.json
"""

import sys
from pathlib import Path
from typing import Any

from istrc.evaluation.results import write_results
from istrc.whole import read_json

LOW = 0.9  # files of whose branches fewer are run are named


def covered(counted: dict[str, Any]) -> dict[str, Any]:
    """The shares of lines and of branches, and the files of whose branches few are run."""
    all_, few = counted["totals"], {}
    for name, file in counted["files"].items():
        one = file["summary"]
        if one["covered_branches"] < LOW * one["num_branches"]:
            few[name.rpartition("src/")[2]] = one["covered_branches"] / one["num_branches"]
    shares = {"lines": all_["covered_lines"] / all_["num_statements"]}
    shares["branches"] = all_["covered_branches"] / all_["num_branches"]
    counts = {"of_lines": all_["num_statements"], "of_branches": all_["num_branches"]}
    return {**shares, **counts, "files_with_few_branches": few}


if __name__ == "__main__":
    source, out = sys.argv[1:]
    command = ["python", "tools/covered.py", source, out]
    write_results(Path(out), {"coverage": covered(read_json(source))}, command=command)
