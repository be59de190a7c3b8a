"""The record of what is done already: believed only where nothing has changed."""

import json
import os

import pytest

from istrc.cli.files import Job
from istrc.cli.manifest import NAME, Manifest


@pytest.fixture
def job(tmp_path):
    """One input, done: its output is there."""
    (tmp_path / "out").mkdir()
    one = Job(tmp_path / "me.jpg", tmp_path / "out" / "me.jpg")
    one.source.write_bytes(b"a photograph")
    one.output.write_bytes(b"an edited photograph")
    return one


def facts_of(job):
    return {"input": str(job.source), "output": str(job.output), "faces": 2, "angle": [0.25]}


def record(job, key="k", **how):
    return Manifest(job.output.parent, key, **how)


@pytest.fixture
def recorded(job):
    manifest = record(job)
    assert manifest.find(job) is None  # a plain file that is there was not made by us
    manifest.add(job, facts_of(job))
    return job


def test_what_was_done_is_found_with_its_facts(recorded):
    assert record(recorded).find(recorded) == facts_of(recorded)


def test_another_command_and_again_do_it_anew(recorded):
    assert record(recorded, "other").find(recorded) is None
    assert record(recorded, again=True).find(recorded) is None


@pytest.mark.parametrize("which", ["source", "output"])
@pytest.mark.parametrize("change", ["bytes", "time", "gone"])
def test_what_has_changed_since_is_done_anew(recorded, which, change):
    path = getattr(recorded, which)
    if change == "bytes":
        path.write_bytes(b"retouched")
    elif change == "time":
        os.utime(path, ns=(1, 1))
    else:
        path.unlink()
    assert record(recorded).find(recorded) is None


def test_another_input_of_the_same_stem_is_done(recorded, tmp_path):
    other = Job(tmp_path / "me.png", recorded.output)
    other.source.write_bytes(b"a photograph")
    assert record(recorded).find(other) is None


def test_all_outputs_of_an_input_must_be_there(recorded):
    manifest = record(recorded)
    second = recorded.output.with_name("me-2.jpg")
    second.write_bytes(b"a second face")
    both = [str(recorded.output), str(second)]
    manifest.find(recorded)
    manifest.add(recorded, {**facts_of(recorded), "output": both})
    assert record(recorded).find(recorded)["output"] == both
    second.unlink()
    assert record(recorded).find(recorded) is None


def test_an_input_that_changed_while_it_was_read_is_not_taken_for_the_old(job):
    manifest = record(job)
    manifest.find(job)
    job.source.write_bytes(b"another photograph, longer")
    manifest.add(job, facts_of(job))
    assert record(job).find(job) is None


def test_the_folders_may_be_moved_and_no_path_of_this_machine_is_told(recorded, tmp_path):
    text = (recorded.output.parent / NAME).read_text()
    assert str(tmp_path) not in text
    moved = tmp_path / "elsewhere"
    recorded.output.parent.rename(moved)
    job = Job(recorded.source, moved / "me.jpg")
    assert Manifest(moved, "k").find(job)["output"] == str(moved / "me.jpg")


@pytest.mark.parametrize("damage", ['{"job": "me', "[]\n", "null\n", "\x00\xff\n", '{"job": 1}\n'])
def test_a_damaged_line_costs_nothing_but_itself(recorded, damage):
    path = recorded.output.parent / NAME
    whole = path.read_bytes()
    path.write_bytes(whole + damage.encode("latin-1"))
    manifest = record(recorded)
    assert manifest.find(recorded) == facts_of(recorded)
    manifest.add(recorded, facts_of(recorded))  # after a line that was cut off
    path.write_bytes(path.read_bytes()[len(whole) :])
    assert record(recorded).find(recorded) == facts_of(recorded)


def test_a_damaged_entry_is_done_anew(recorded):
    path = recorded.output.parent / NAME
    entry = json.loads(path.read_text())
    for name in ("key", "input", "outputs", "states", "facts"):
        path.write_text(json.dumps({k: v for k, v in entry.items() if k != name}) + "\n")
        assert record(recorded).find(recorded) is None
    for other in ({"outputs": []}, {"outputs": ["a\0"]}, {"outputs": ["\ud800"]}, {"facts": "me"}):
        path.write_text(json.dumps({**entry, **other}) + "\n")
        assert record(recorded).find(recorded) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_in_its_place_is_not_waited_for(job):
    os.mkfifo(job.output.parent / NAME)
    manifest = record(job)
    assert manifest.find(job) is None
    with pytest.raises(OSError, match="not a regular file"):
        manifest.add(job, facts_of(job))


def test_the_record_does_not_grow_for_ever(recorded):
    path = recorded.output.parent / NAME
    path.write_text(path.read_text() * 200)
    assert record(recorded).find(recorded) == facts_of(recorded)
    assert len(path.read_text().splitlines()) == 1
