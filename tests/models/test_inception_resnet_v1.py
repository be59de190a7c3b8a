"""Inception-ResNet-v1: the public release's sizes and names, and one forward pass."""

import torch

from istrc.models.inception_resnet_v1 import InceptionResNetV1


def test_parameters_are_as_many_as_in_the_release():
    with torch.device("meta"):
        count = sum(p.numel() for p in InceptionResNetV1().parameters())
        whole = sum(p.numel() for p in InceptionResNetV1(8631).parameters())
    assert count == 23_482_624
    assert whole == 27_910_327  # 8631 people of VGGFace2


def test_names_and_shapes_of_the_release():
    with torch.device("meta"):
        found = {name: tuple(t.shape) for name, t in InceptionResNetV1(8631).state_dict().items()}
    known = {
        "conv2d_1a.conv.weight": (32, 3, 3, 3),
        "conv2d_2b.bn.running_var": (64,),
        "conv2d_4b.conv.weight": (256, 192, 3, 3),
        "repeat_1.0.branch0.conv.weight": (32, 256, 1, 1),
        "repeat_1.4.branch2.2.bn.bias": (32,),
        "repeat_1.3.conv2d.bias": (256,),
        "mixed_6a.branch0.conv.weight": (384, 256, 3, 3),
        "mixed_6a.branch1.2.conv.weight": (256, 192, 3, 3),
        "repeat_2.9.branch1.1.conv.weight": (128, 128, 1, 7),
        "repeat_2.9.branch1.2.conv.weight": (128, 128, 7, 1),
        "repeat_2.0.conv2d.weight": (896, 256, 1, 1),
        "mixed_7a.branch0.1.conv.weight": (384, 256, 3, 3),
        "mixed_7a.branch2.2.conv.weight": (256, 256, 3, 3),
        "repeat_3.4.branch1.1.conv.weight": (192, 192, 1, 3),
        "block8.conv2d.weight": (1792, 384, 1, 1),
        "block8.branch1.2.conv.weight": (192, 192, 3, 1),
        "last_linear.weight": (512, 1792),
        "last_bn.running_mean": (512,),
        "logits.weight": (8631, 512),
        "logits.bias": (8631,),
    }
    assert {name: found.get(name) for name in known} == known
    assert "last_linear.bias" not in found and "conv2d_1a.conv.bias" not in found


@torch.no_grad()
def test_a_face_becomes_a_point_of_the_sphere():
    torch.manual_seed(0)
    net = InceptionResNetV1().eval()
    z = net(torch.randn(2, 3, 160, 160))
    assert z.shape == (2, 512)
    torch.testing.assert_close(z.norm(dim=1), torch.ones(2))
    assert not torch.allclose(z[0], z[1], atol=1e-3)
