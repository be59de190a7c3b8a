"""Every snippet of the documentation runs; those that take hours are at least understood.

A block ```bash or ```python is run in a folder with `me.jpg` and the folders `faces/`, `shades/`
and `bare/` (aligned) and `photos/`. `<!-- not run: reason -->` above a block has its commands
parsed only. The cells of a notebook are run as one block. Commands are run in this process, which
does not import all of istrc anew for each; a block that needs a shell would need a process.
"""

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

ROOT = Path(__file__).resolve().parents[1]
CARD = ROOT / "src/istrc/weights/celeba128/README.md"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", CARD, *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"(?P<not_run><!-- not run:[^\n]*-->\n)?```(?P<language>\w+)\n(?P<code>.*?)```", re.S
)
# The paper's own numbering: its sections and its appendix, its equations and its figures
SECTIONS = (
    "1 2 2.1 2.2 2.3 3 3.1 3.2 3.3 3.4 4 4.1 4.2 4.3 5 5.1 5.2 5.3 5.4 5.5 6 6.1 6.2 6.3 7 A"
).split()
EQUATIONS, FIGURES = [1, 2], [*range(1, 14)]
SHIPPED = ROOT / "src/istrc/weights/celeba128/landmarks/config.json"


def blocks():
    for page in PAGES:
        for number, match in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8"))):
            name = f"{page.relative_to(ROOT)}-{number}"
            yield pytest.param(match["language"], match["code"], bool(match["not_run"]), id=name)
    for notebook in sorted((ROOT / "examples" / "notebooks").glob("*.ipynb")):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        yield pytest.param("python", "\n".join(code), False, id=notebook.name)


def command_lines(code):
    """Each command of a shell block as its words, without comments."""
    lines = code.replace("\\\n", " ").splitlines()
    found = [shlex.split(piece, comments=True) for line in lines for piece in line.split("&&")]
    return [words for words in found if words]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the pictures that the documentation names."""
    data = pytest.importorskip("skimage.data")
    folder = tmp_path_factory.mktemp("docs")
    photograph = Image.fromarray(data.astronaut())
    photograph.save(folder / "me.jpg", quality=95)
    matplotlib = pytest.importorskip("matplotlib")
    other = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    people = {"you": other, "ann": other, "bob": folder / "me.jpg", "cy": folder / "me.jpg"}
    people |= {"a": other, "b": folder / "me.jpg"}
    people |= {"family/ann": other, "family/bob": folder / "me.jpg"}
    (folder / "family").mkdir()
    for name, picture in people.items():
        shutil.copy(picture, folder / f"{name}.jpg")
    (folder / "photos").mkdir()
    photograph.save(folder / "photos" / "eileen.jpg", quality=95)
    # 178x218 round the face, roughly as CelebA has it
    (folder / "faces").mkdir()
    for number, left in enumerate((135, 137)):
        box = (left, 10, left + 178, 228)
        photograph.crop(box).save(folder / "faces" / f"{number}.png")
    # Five a side to learn from: the same face a little aside, with a black bar and without
    for side in ("shades", "bare"):
        (folder / side).mkdir()
        for number in range(5):
            left, top = 130 + 3 * number, 6 + (5 * number) % 9
            picture = photograph.crop((left, top, left + 178, top + 218))
            if side == "shades":
                eyes = (224 - 36 - left, 100 - top, 224 + 36 - left, 116 - top)
                picture.paste((10, 10, 10), eyes)
            picture.save(folder / side / f"{number}.png")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("language", "code", "not_run"), list(blocks()))
def test_snippet(language, code, not_run, place, monkeypatch):
    assert language in ("bash", "python"), "name the language that the block is in"
    if language == "bash":
        understood(code)
    if not_run:
        return
    if not SHIPPED.exists():
        pytest.skip("the shipped weights are not in this copy yet")
    if language == "bash":
        from istrc.cli import app

        monkeypatch.chdir(place)
        for name, *words in command_lines(code):
            assert name == "istrc" and not set("".join(words)) & set("|<>$`;"), "needs a shell"
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 0, (words, done.output, done.exception)
        return
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=place, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def understood(code):
    """Every command and option of a shell block exists."""
    import typer.main

    from istrc.cli import app

    for _, *words in (words for words in command_lines(code) if words[0] == "istrc"):
        command, rest = typer.main.get_command(app), list(words)
        while hasattr(command, "commands"):
            assert rest and rest[0] in command.commands, f"istrc {' '.join(words)}"
            command = command.commands[rest.pop(0)]
        known = {f for p in command.params for f in (*p.opts, *p.secondary_opts)}
        for word in rest:
            flag = word.partition("=")[0]
            if re.fullmatch(r"--?[a-z][a-z-]*", flag):
                assert flag in known, f"istrc {' '.join(words)}: no option {flag}"


def test_readme_begins_with_what_a_newcomer_needs():
    """One sentence, one picture, five lines that run, numbers: in the first 30 lines."""
    top = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:30]
    assert top[0] == "# istrc" and top[2]
    assert sum(line.startswith("![") for line in top) == 1
    assert sum(line.startswith("istrc ") for line in top) == 5
    assert any(line.startswith("<!-- numbers:") for line in top)
    assert any(line.startswith("<!-- /numbers") for line in top)


def test_readme_is_short_and_names_the_paper():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    assert "Image Semantic Transformation: Faster, Lighter and Stronger" in text


def test_links_lead_somewhere():
    for page in PAGES:
        for target, anchor in re.findall(
            r"\]\(([^)#:]*)(?:#([^)]+))?\)", page.read_text(encoding="utf-8")
        ):
            if target == "docs/walks.jpg" and not SHIPPED.exists():
                continue  # drawn with the shipped weights
            there = page.parent / target if target else page
            assert there.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(there), f"{page.name}: {target}#{anchor}"


def anchors(page):
    """What the headings of a page can be linked by."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head).lower().replace(" ", "-") for head in heads}


def test_every_result_says_what_wrote_it():
    """The command, the seed, and the commit of code that was in it as it ran, of every part."""
    for path in sorted((ROOT / "results").glob("*.json")):
        text = path.read_text(encoding="utf-8")
        record = json.loads(text)
        assert record["command"] and record["commit"] and "seed" in record, path.name
        assert not re.search(r'"commit": "[^"]*-dirty"', text), path.name


def test_every_study_is_listed():
    """Those that run in the table, with command and answer; every report by a link."""
    text = (ROOT / "docs/studies/README.md").read_text(encoding="utf-8")
    for path in [*(ROOT / "studies").glob("*.py"), *(ROOT / "studies").glob("*/__main__.py")]:
        name = path.parent.name if path.stem == "__main__" else path.stem
        if "def main(" in path.read_text(encoding="utf-8") or path.stem == "__main__":
            row = rf"^\| `{name}` \| .+\? .*\| `python -m studies\.{name}[` ].*\| .+ \|$"
            assert re.search(row, text, re.M), name
    for page in (ROOT / "docs/studies").glob("*.md"):
        assert page.name == "README.md" or f"]({page.name}" in text, page.name


def test_nothing_of_one_machine_is_told():
    """Neither its paths, nor where its packages come from."""
    paths = ("/home/", "/root/", "/work/", "/tmp/")
    index = ("pypi.", "pythonhosted.", "download.pytorch.", "index-url", "/simple/")
    for page in PAGES:
        for word in (*paths, *index):
            assert word not in page.read_text(encoding="utf-8"), f"{page.name}: {word}"


def test_the_map_of_the_paper_has_all_of_it():
    """Every section, numbered equation and figure has a row, and every equation of ours."""
    rows, equations = maps_of_the_paper()
    assert sorted(one for row in rows for one in row[0].split(", ")) == SECTIONS
    found = {"equation": [], "figure": []}
    for kind, numbers in re.findall(r"(equation|figure)s? ([\d, ]+)", " ".join(r[1] for r in rows)):
        found[kind] += map(int, re.findall(r"\d+", numbers))
    assert sorted(found["equation"]) == EQUATIONS and sorted(found["figure"]) == FIGURES
    text = (ROOT / "docs/method.md").read_text(encoding="utf-8")
    section = re.search(r"^## The equations\n(.*?)^## ", text, re.M | re.S)
    ours = re.findall(r"^    (\S.*?)  +\S", section[1], re.M)
    assert len(ours) > 15 and ours == [row[0] for row in equations]


def test_the_map_of_the_paper_leads_to_code():
    """Each file of the map is there, and defines the names that stand by it."""
    for row in [row for table in maps_of_the_paper() for row in table]:
        there = None
        for word in re.findall(r"`([\w/.]+)`", row[-1]):
            if word.endswith(".py"):
                there = defined(ROOT / "src/istrc" / word)
            else:
                assert there and word in there, f"{row}: no {word}"
        assert there is not None, row


def maps_of_the_paper():
    """The rows of both tables that end docs/method.md, a list of cells each."""
    text = (ROOT / "docs/method.md").read_text(encoding="utf-8")
    tables = re.findall(r"(?:^\|.*\n)+", text[text.index("## Where the paper is") :], re.M)
    rows = [table.splitlines()[2:] for table in tables]
    first, second = [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in table] for table in rows
    ]
    return first, second


def defined(path):
    """The functions, classes, methods (Class.method) and constants of a file."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{one.name}" for one in node.body if hasattr(one, "name")}
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {one.id for one in targets if isinstance(one, ast.Name)}
    return names
