"""What `import istrc` offers, and what it does not cost."""

import subprocess
import sys

import pytest

import istrc


def test_every_public_name_is_there():
    from istrc.circle import Circle

    assert istrc.Circle is Circle
    for name in istrc.__all__:
        assert getattr(istrc, name).__name__ == name


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'circel'"):
        istrc.circel  # noqa: B018


def test_importing_the_package_leaves_torch_alone():
    code = "import sys, istrc, istrc.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
