"""`make tables`: the numbers of README, from the files in results/; none is ever typed.

A block lies between `<!-- NAME: ... -->` and `<!-- /NAME -->`. Results are the files that
`istrc evaluate PART --json FILE` and the demo wrote, told apart by the measures inside them.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from studies.command import records_table
from studies.processes import processes_markdown
from studies.runtimes import runtimes_markdown
from studies.triplets import triplets_markdown
from tools.bulk import bulk_markdown
from tools.folders import folders_markdown
from tools.page import page_markdown

from istrc.evaluation.results import markdown_table
from istrc.whole import read_json

PARTS = (
    "attributes", "verification", "reconstruction", "editing", "training", "demo", "kills", "fuzz",
    "fuzz_readers", "mutations", "soak", "coverage", "page", "folders", "fabric", "bulk",
    "triplets", "runtimes",
)  # fmt: skip
# Parts whose table is made where they are measured, a block of a page each
MAKERS = {
    "triplets": triplets_markdown,
    "fabric": processes_markdown,
    "bulk": bulk_markdown,
    "runtimes": runtimes_markdown,
    "page": page_markdown,
    "folders": folders_markdown,
}
TITLES = {
    "demo": "One photograph",
    "editing": "Edits",
    "reconstruction": "Rebuilt faces",
    "verification": "Same person or not",
    "attributes": "Attributes from the embedding",
    "training": "Training",
}
NOTHING = "Not measured yet.\n"


def read_results(folder: Path) -> dict[str, dict[str, Any]]:
    """part -> its measures with the command that made them.

    Of several files that hold a part, the one that is named after it counts (editing.json, not the
    peers.json of fewer faces), else the last by name.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        record = read_json(path)
        for part in PARTS:
            named = part in found and found[part]["file"] == f"{part}.json"
            if isinstance(record.get(part), Mapping) and not named:
                found[part] = {**record[part], "command": record["command"], "file": path.name}
    return found


def headline(found: Mapping[str, Mapping[str, Any]], page: str = "docs/results.md") -> str:
    """The few numbers at the top of README, each with a link to its command in `page`."""
    rows = []
    if demo := found.get("demo"):
        what = f"one photograph edited, cold start, {demo['cores']} CPU cores"
        rows.append((what, f"{demo['cold_start_seconds']:.1f} s", "demo"))
    if edits := found.get("editing"):
        method, strength, mean = _first(edits)
        what = f"edits that an attribute judge believes ({method}, strength {strength})"
        if real := _real(edits):
            what += f"; real faces of the classes: {_share(real)}"
        rows.append((what, _share(mean.get("success")), "editing"))
        what = "... that a second recogniser calls the same person"
        rows.append((what, _share(mean.get("same_person")), "editing"))
        if "moved" in mean:
            what = "edits of shape that move what is measured, by dlib's landmarks"
            rows.append((what, _share(mean["moved"]), "editing"))
    if pairs := found.get("verification"):
        what = "verification of unseen people, accuracy over ten folds"
        rows.append((what, _share(pairs["angle"]["accuracy"]), "verification"))
    if "runs" in (cost := found.get("training", {})):  # and not bench.json's training
        what = f"all parts of a circle trained, {cost['machine']['cores']} CPU cores"
        rows.append((what, f"{cost['seconds'] / 3600:.1f} h", "training"))
    if not rows:
        return NOTHING
    lines = [
        f"| {what} | {value} | {_link(found[part]['command'], part, page)} |"
        for what, value, part in rows
    ]
    return "\n".join(["| measured | | by |", "|---|---:|---|", *lines]) + "\n"


def _link(command: str, part: str, page: str) -> str:
    """The command without its options, as a link to where it stands whole."""
    name = re.sub(r" --.*", "", command)
    return f"[`{name}`]({page}#{TITLES[part].lower().replace(' ', '-')})"


def _real(found: Mapping[str, Any]) -> float | None:
    """What the judge says of real faces that have what the edits are to give, their mean."""
    shares = [share for share in found.get("recognised", {}).values() if share is not None]
    return sum(shares) / len(shares) if shares else None


def tables(found: Mapping[str, Mapping[str, Any]]) -> str:
    """One section a measure: its table, and under it the command and what it ran on."""
    sections = []
    makers = {
        "demo": _demo,
        "editing": _editing,
        "reconstruction": _reconstruction,
        "verification": _verification,
        "attributes": _attributes,
        "training": _training,
    }
    for part, make in makers.items():
        if table := make(found[part]) if part in found else "":
            made = found[part]
            took = f"{made['seconds']:.0f} s; " if "seconds" in made else ""
            ran = f"`{made['command']}` ({took}results/{made['file']})"
            sections.append(f"## {TITLES[part]}\n\n{table}\n{ran}\n")
    return "\n".join(sections) or NOTHING


def reliability(found: Mapping[str, Mapping[str, Any]]) -> str:
    """What was tried to break it: a row each, with what failed and the command that tries again."""
    rows = []
    for name, one in _each(found.get("kills"), "kills"):
        what = f"`{name}` killed while it writes and started again until it ends"
        rows.append([what, one["kills"], len(one["failed"]), one["command"]])
    for part in ("fuzz", "fuzz_readers"):
        for name, one in _each(found.get(part), "cases"):
            what = f"damaged {name}: {one['refused']} refused in one line, the others read"
            rows.append([what, one["cases"], one["failed"], found[part]["command"]])
    for name, one in _each(found.get("mutations"), "mutants"):
        what = f"one operator, constant or comparison of `{name}` changed, of {one['of']} in all;"
        what += " failed: its tests did not notice"
        rows.append([what, one["mutants"], one["survived"], one["command"]])
    rows += [row for part in ("edits", "page") for row in _soaked(part, found.get("soak", {}))]
    if not rows:
        return NOTHING
    head = ["what was tried", "times", "failed"]
    text = markdown_table(head, [*(row[:3] for row in rows)])
    again = "".join(f"    {command}\n" for command in dict.fromkeys(row[3] for row in rows))
    return f"{text}{_covered(found.get('coverage'))}\nTo try again:\n\n{again}"


def _soaked(part: str, found: Mapping[str, Any]) -> Iterator[list[Any]]:
    """A row for each process whose memory was looked at."""
    words = {"edits": "edits through one process", "page": "visits to the page, four at once"}
    for one in found.get(part, []):
        memory = "from {:.0f} to {:.0f} MB".format(*one["mb"])
        slope = f"{one['mb_per_thousand']:+.2f} MB per 1000"
        what = f"{words[part]} in {one['seconds'] / 60:.0f} minutes: memory {memory}, {slope}"
        yield [what, one["times"], len(one["failed"]), one["command"]]


def _covered(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    lines, branches = (_share(found[key]) for key in ("lines", "branches"))
    return f"\nThe tests run {branches} of the branches of `src` and {lines} of its lines.\n"


def _each(found: Mapping[str, Any] | None, count: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The entries of a part that count something, beside its command and its file."""
    entries = (found or {}).items()
    return [(name, one) for name, one in entries if isinstance(one, Mapping) and count in one]


def _demo(found: Mapping[str, Any]) -> str:
    columns = {
        "cold_start_seconds": "`istrc edit`, start to end, s",
        "read_seconds": "circle and face read, s",
        "edit_seconds": f"{found.get('edits')} edits, s",
        "walk_seconds": f"{found.get('walks')} walks, s",
    }
    return records_table("CPU cores", columns, {str(found["cores"]): found})


def _training(found: Mapping[str, Any]) -> str:
    """What a circle took; what bench.json says of training is another thing."""
    if "runs" not in found:
        return ""
    head = ["parts", "CPU cores", "hours"]
    hours = f"{found['seconds'] / 3600:.1f}"
    return markdown_table(head, [[len(found["runs"]), found["machine"]["cores"], hours]])


def _editing(found: Mapping[str, Any]) -> str:
    columns = {
        "success": "success",
        "same_person": "same person",
        "sex_flips": "sex flips",
        "moved": "moved",
        "beyond": "beyond real",
        "closed": "shut and not seen",
    }
    rows = []
    for method, by_strength in found["methods"].items():
        for strength, measured in by_strength.items():
            mean = measured["mean"]
            shares = [_share(mean.get(key)) for key in columns]
            rows.append([method, strength, *shares, mean.get("leakage")])
    text = markdown_table(["mode", "strength", *columns.values(), "leakage"], rows)
    method, strength, _ = _first(found)
    edits, real = found["methods"][method][strength]["edits"], found.get("recognised", {})
    each = [
        [name, one["faces"], _share(one.get("success")), _share(real.get(name))]
        + [_share(one.get(key)) for key in columns if key != "success"]
        for name, one in edits.items()
    ]
    others = [word for key, word in columns.items() if key != "success"]
    head = [f"{method}, strength {strength}", "faces", "success", "of real faces", *others]
    return f"{text}\n{markdown_table(head, each)}"


def _reconstruction(found: Mapping[str, Any]) -> str:
    names = {"auto_encoder": "decode(E(x))", "circle": "decode(F(z))"}
    if "baseline" in found:
        names["baseline"] = found["baseline"]["name"]
    columns = {"psnr": "PSNR, dB", "psnr_face": "in the face", "ssim": "SSIM"}
    columns |= {"sharpness_ratio": "sharpness", "frechet": "Fréchet, judge's features"}
    text = records_table("way", columns, {name: found[way] for way, name in names.items()})
    if "by_age" not in found:
        return text
    ages = found["by_age"]
    pairs = [(age, key) for key in ("psnr", "frechet") for age in ages]
    apart = [
        [name, *(ages[age][way].get(key) for age, key in pairs)] for way, name in names.items()
    ]
    units = {"psnr": "PSNR, dB", "frechet": "Fréchet"}
    count = next(iter(ages.values()))["faces"]
    head = [f"{count} faces of each age", *(f"{age}: {units[key]}" for age, key in pairs)]
    return f"{text}\n{markdown_table(head, apart)}"


def _verification(found: Mapping[str, Any]) -> str:
    there = {n: one for n, one in found.items() if isinstance(one, Mapping) and "auc" in one}
    return records_table("distance", {"auc": "AUC", "accuracy": "accuracy"}, there)


def _attributes(found: Mapping[str, Any]) -> str:
    columns = {"auc": "AUC", "accuracy": "accuracy", "balanced_accuracy": "balanced"}
    columns["calibration_error"] = "calibration error"
    mean = {key: found[f"mean_{key}"] for key in columns}
    mean["standard_error"] = found.get("standard_error", {})
    table = records_table("attribute", columns, {"mean": mean, **found["attributes"]})
    note = f"± is the 95 % interval, of {found['faces']:,} faces; the mean's, as if all attributes "
    note += "erred together."
    return f"{table}\n{note}\n"


def _first(found: Mapping[str, Any]) -> tuple[str, str, Mapping[str, Any]]:
    """The default mode and its first strength: (method, strength, means)."""
    method, by_strength = next(iter(found["methods"].items()))
    if "photo" in found["methods"]:
        method, by_strength = "photo", found["methods"]["photo"]
    strength = "1" if "1" in by_strength else next(iter(by_strength))
    return method, strength, by_strength[strength]["mean"]


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def fill(text: str, blocks: Mapping[str, str]) -> str:
    """The text with the content of each named block in it replaced. Raises ValueError if it has
    none of them.
    """
    found = False
    for name, content in blocks.items():
        pattern = re.compile(rf"(<!-- {name}:[^\n]*-->\n).*?(<!-- /{name} -->)", re.S)
        found = found or bool(pattern.search(text))
        plain = content.replace("\\", r"\\")  # as a template
        text = pattern.sub(rf"\g<1>{plain}\g<2>", text)
    if not found:
        raise ValueError(f"no block of {', '.join(blocks)} in the text")
    return text


def main() -> None:
    readme, results = Path(sys.argv[1]), Path(sys.argv[2])
    found = read_results(results)
    text = readme.read_text(encoding="utf-8")
    to = os.path.relpath("docs/results.md", readme.parent)
    blocks = {"numbers": headline(found, to), "tables": tables(found)}
    blocks["reliability"] = reliability(found)
    for part, markdown in MAKERS.items():
        blocks[part] = NOTHING
        if one := found.get(part):
            ran = f"`{one['command']}`"
            if "cores" in one:
                ran += f" ({one['cores']} cores, load {one['load']:.1f})"
            blocks[part] = f"{markdown(one)}\n{ran}\n"
    readme.write_text(fill(text, blocks), encoding="utf-8")
    print(f"{readme}: {', '.join(found) or 'nothing'} from {results}/")


if __name__ == "__main__":
    main()
