"""What coverage.py counted becomes shares, and the files that few tests reach are named."""


def test_shares_are_of_all_and_files_with_few_branches_are_named():
    from tools.covered import covered

    def file(branches, of):
        return {"summary": {"covered_branches": branches, "num_branches": of}}

    totals = {
        "covered_lines": 90,
        "num_statements": 120,
        "covered_branches": 15,
        "num_branches": 20,
    }
    files = {"/here/src/istrc/a.py": file(8, 10), "src/istrc/b.py": file(9, 10), "c.py": file(0, 0)}
    found = covered({"totals": totals, "files": files})
    assert found["lines"] == 0.75 and found["branches"] == 0.75
    assert (found["of_lines"], found["of_branches"]) == (120, 20)
    assert found["files_with_few_branches"] == {"istrc/a.py": 0.8}
