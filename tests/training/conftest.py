"""A training that is killed and given again."""

import pytest

from istrc.training import loop


class Killed(Exception):
    """What stops a training before a step."""


@pytest.fixture
def resumed(tmp_path, monkeypatch):
    """Runs a training of one's own in one go, and killed before a step; what either returns."""
    run = loop.run

    def both(train, before):
        def mortal(*, update, **rest):
            def doomed(step, batch):
                if step == before:
                    raise Killed
                return update(step, batch)

            return run(update=doomed, checkpoint_every=0.0, **rest)

        whole = train(tmp_path / "whole")
        with monkeypatch.context() as patch:
            patch.setattr(loop, "run", mortal)
            with pytest.raises(Killed):
                train(tmp_path / "killed")
        return whole, train(tmp_path / "killed")

    return both


@pytest.fixture
def same_weights():
    """Asserts that two networks have the same bits."""

    def check(one, other):
        weights = other.state_dict()
        for name, value in one.state_dict().items():
            assert value.equal(weights[name]), name

    return check
