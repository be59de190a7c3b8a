"""A circle sent to the Hugging Face hub, and the card that says there what it is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from istrc.models import hub
from istrc.pretrained import FURTHER, PARTS


def push(
    circle: Any,
    name: str,
    *,
    private: bool = False,
    license: str | None = None,
    copy: bool = False,
) -> str:
    """Write an `istrc.circle.Circle` and its card, and send both; returns the commit's address.

    `Circle.from_pretrained(name)` reads it back. Needs `pip install 'istrc[hub]'` and a token that
    may write (HF_TOKEN, or `hf auth login`).

    Args:
        name: "owner/name"; a repository is made where there is none.
        private: whether a new one is.
        license: by the hub's short name ("apache-2.0"); the data's terms may bind the weights.
        copy: send an outside recogniser's file along, which may not be yours to give away.

    Raises IstrcError without huggingface_hub, InputError where the hub refuses.
    """
    with tempfile.TemporaryDirectory() as folder:
        circle.save_pretrained(folder, copy=copy)
        (Path(folder) / "README.md").write_text(card(circle, name, license), encoding="utf-8")
        return hub.upload(Path(folder), name, private=private)


def card(circle: Any, name: str, license: str | None = None) -> str:
    """The model card: what the circle is made of and was trained on, and how it is opened."""
    terms = f"license: {license}\n" if license else ""
    shows = "pictures of anything, taken whole" if circle.whole else "faces"
    rows = []
    for part in (*PARTS, *FURTHER):
        net = getattr(circle, part)
        if net is None:
            continue
        weights = sum(value.numel() for value in net.state_dict().values())
        runs = circle.notes.get(part, {}).get("training") or [{}]
        rows.append(f"| {part} | {weights:,} | {_data(runs[0])} | {runs[0].get('steps', '')} |")
    table = "\n".join(rows)
    return f"""---
library_name: istrc
tags: [istrc, image-editing]
{terms}---
# {name}

A circle of istrc for {shows}: {circle.size} px, a sphere of {circle.dim} \
dimensions, the recogniser {circle.recogniser.record["kind"]}.

```python
from istrc import Circle

circle = Circle.from_pretrained("{name}")
```

| part | weights | trained on | steps |
|---|---:|---|---:|
{table}

Attributes: {", ".join(circle.attributes.names)}.

A model made what it draws, and that must be said with it; an edit of a person's face \
needs that person's consent. The terms of the data bind the weights as far as the law \
says so.
"""


def _data(run: dict) -> str:
    """What a run's record says of its data: a name, or that it has none."""
    data = run.get("data") or ""
    return str(data.get("name", "") if isinstance(data, dict) else data)
