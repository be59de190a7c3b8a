"""`istrc train circle`, `istrc inspect` and `istrc export recogniser`, wired together."""

import json

import pytest


def test_a_circle_for_an_onnx_file(istrc, write_onnx, toy_folder, tmp_path):
    pytest.importorskip("sklearn")
    import torch

    from istrc.circle import Circle
    from istrc.models.attributes import AttributeClassifiers
    from istrc.models.began import AutoEncoder
    from istrc.models.facenet import FaceNet
    from istrc.models.mapping import Mapping

    torch.manual_seed(0)
    Circle(
        FaceNet(16, 4, (4, 4), (1, 1)),
        AutoEncoder(16, 6, (4, 4)),
        Mapping(4, 6, 8, 2),
        AttributeClassifiers(("smile", "male"), 4, 4, 4),
    ).save_pretrained(tmp_path / "donor")
    file = write_onnx(tmp_path / "net.onnx", unit=False)
    how = ["--recogniser", file, "--template", "crop", "--colour", "BGR"]
    result = istrc(
        "train", "circle", toy_folder, tmp_path / "c", *how, "--from", tmp_path / "donor",
        "--mapping-steps", 2, "--mapping-fine-steps", 2, "--attributes-steps", 2,
        "--changes-steps", 2, "--copy",
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    assert "not of unit norm" in result.err  # said, and done
    settings = json.loads((tmp_path / "c" / "circle.json").read_text())["recogniser"]
    assert settings["input"]["colour"] == "BGR"
    assert (tmp_path / "c" / "recogniser" / "net.onnx").is_file()

    result = istrc("inspect", toy_folder, tmp_path / "i", "--model", tmp_path / "c", "--steps", 2,
                   "--json")  # fmt: skip
    assert result.exit_code == 0, result.err
    [found] = result.json()["results"]
    assert found["recogniser"]["input"]["colour"] == "BGR" and len(found["output"]) == 3
    again = istrc(
        "inspect", toy_folder, tmp_path / "j", *how, "--beside", tmp_path / "i" / "inspect.json",
        "--limit", 100, "--steps", 1,
    )  # fmt: skip
    assert again.exit_code == 0, again.err
    assert (tmp_path / "j" / "inspect.md").read_text().count("net.onnx: linear") == 2
    # It is not ours to export
    result = istrc("export", "recogniser", "--model", tmp_path / "c", "-o", tmp_path / "x.onnx")
    assert result.exit_code == 1 and len(result.lines) == 1 and "not ours" in result.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--recogniser", "dlip"], "did you mean dlib"),
        (["--recogniser", "nowhere.onnx"], "nowhere.onnx: no such file"),
        (["--recogniser", "dlib", "--input-size", "112"], "--input-size"),
        (["--beside", "nowhere.json"], "--beside nowhere.json"),
    ],
)
def test_a_bad_input_is_one_line(istrc, toy_folder, tmp_path, arguments, said):
    result = istrc("inspect", toy_folder, tmp_path / "out", *arguments)
    assert result.exit_code == 1 and len(result.lines) == 1 and said in result.err


def test_the_recogniser_is_exported(istrc, toy_model, tmp_path):
    pytest.importorskip("onnxruntime")
    result = istrc(
        "export", "recogniser", "--model", toy_model, "-o", tmp_path / "f.onnx", "--json"
    )
    assert result.exit_code == 0, result.err
    assert result.json()["results"] == [{"output": str(tmp_path / "f.onnx"), "size": 32, "dim": 8}]
    result = istrc("export", "recogniser", "--model", toy_model, "-o", tmp_path / "f.pt")
    assert result.exit_code == 1 and ".onnx" in result.err and len(result.lines) == 1
