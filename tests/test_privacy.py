"""Nothing leaves the machine, and nothing is left on it."""

import os
import subprocess
import sys


def test_onnx_runtime_tells_nobody(tmp_path):
    """Its official builds send what they run unless this is said before they are imported."""
    said = subprocess.run(
        [sys.executable, "-c", "import istrc, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "1"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    command = [sys.executable, "-c", "import istrc.onnx_runtime.graphs, istrc.photo.proposals"]
    subprocess.run(command, env=environment, check=True)
    assert list(tmp_path.iterdir()) == []  # such as the key of a session
