"""What earlier runs have left in OUT, so that long work goes on where it was stopped.

A folder of outputs holds `.istrc.jsonl`: a line of JSON an output, appended as soon as the output
is there. An output is left alone if the same command with the same model made it, from the input
as it is now, and nobody has touched it since. The file can be deleted: then all is done anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from istrc.cli.files import Job
from istrc.whole import digest, parse_json, plain, regular, write_whole

NAME = ".istrc.jsonl"


class Manifest:
    """The record of one folder, for one command with all its settings.

    Args:
        folder: OUT.
        key: tells commands apart; see `command_key`.
        again: believe nothing of what is recorded.
    """

    def __init__(self, folder: Path, key: str, *, again: bool = False):
        self.path, self.key, self.again = folder / NAME, key, again
        self._inputs: dict[Path, list[int]] = {}  # as they were before they were read
        self._entries: dict[str, dict[str, Any]] = {}  # by the name that was planned
        text = ""
        with suppress(OSError):  # none yet, or no file
            text = regular(self.path).read_text(encoding="utf-8", errors="replace")
        self._cut = bool(text) and not text.endswith("\n")  # whether the last line was cut off
        lines = text.splitlines()
        for line in lines:
            with suppress(
                ValueError, KeyError, TypeError
            ):  # cut off in the middle, by kill -9 or so
                entry = parse_json(line)
                self._entries[str(entry["job"])] = entry
        if len(lines) > 100 + 2 * len(self._entries):  # outputs that were made again and again
            kept = "".join(f"{json.dumps(entry)}\n" for entry in self._entries.values())
            write_whole(self.path, kept.encode())

    def find(self, job: Job) -> dict[str, Any] | None:
        """The facts of a job that was done already, its outputs under their present names."""
        self._inputs[job.output] = _state(job.source)
        entry = None if self.again else self._entries.get(job.output.name)
        if entry is None:
            return None
        try:
            if entry["key"] != self.key or entry["input"] != [job.source.name, *_state(job.source)]:
                return None
            outputs = [job.output.parent / name for name in entry["outputs"]]
            if not outputs or [_state(path) for path in outputs] != entry["states"]:
                return None
            facts = dict(entry["facts"])
        except (KeyError, TypeError, ValueError):  # ValueError: a name that no file can have
            return None
        shown = [str(path) for path in outputs]
        return {**facts, "input": str(job.source), "output": shown if len(shown) > 1 else shown[0]}

    def add(self, job: Job, facts: dict[str, Any]) -> None:
        """One job is done: `facts` has its input and its output or outputs."""
        output = facts["output"]
        outputs = [Path(one) for one in (output if isinstance(output, list) else [output])]
        entry = {
            "job": job.output.name,
            "key": self.key,
            "input": [job.source.name, *self._inputs.pop(job.output)],
            "outputs": [path.name for path in outputs],
            "states": [_state(path) for path in outputs],
            # Not the paths: the folders may be moved, and nobody else needs to know them
            "facts": plain({k: v for k, v in facts.items() if k not in ("input", "output")}),
        }
        line = json.dumps(entry) + "\n"
        if self._cut:
            line, self._cut = "\n" + line, False
        with open(regular(self.path), "a", encoding="utf-8") as file:
            file.write(line)  # at once, or not at all


def command_key(command: str, settings: dict[str, Any], circle: Any, names: Iterable[str]) -> str:
    """Tells apart commands whose outputs differ: settings, weights, learned attributes, version.

    Args:
        settings: all that the outputs depend on: what JSON can hold, and groups of options.
        names: the attributes that the command edits or keeps.
    """
    from istrc.pretrained import ANGLES, FURTHER, PARTS
    from istrc.recognisers.recogniser import key

    parts = {name: getattr(circle, name) for name in (*PARTS, *FURTHER, "aligner")}
    identity = {
        "command": command,
        "version": version("istrc"),
        "settings": settings,
        "parts": {name: _fingerprint(part) for name, part in parts.items() if part is not None},
        "recogniser": key(circle.recogniser.record),
        "angles": {name: getattr(circle, name) for name in ANGLES},
        "learned": {
            name: [circle.learned[name].weight.tolist(), circle.learned[name].bias]
            for name in sorted({*names} & {*circle.learned})
        },
    }
    return digest(json.dumps(identity, sort_keys=True, default=vars))


def _fingerprint(part: Any) -> str:
    if hasattr(part, "fingerprint"):  # of the runtime without torch
        return part.fingerprint
    from istrc.models.serialization import fingerprint

    return fingerprint(part)


def _state(path: Path) -> list[int]:
    """Size and time of the last change, nanoseconds; [] where there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]
