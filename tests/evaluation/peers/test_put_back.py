import torch

from istrc.circle import Circle
from istrc.evaluation.peers.put_back import put_back, put_code_back


def test_a_change_shows_inside_the_mask(x, mask):
    change = torch.randn(x.shape, generator=torch.manual_seed(0))
    found = put_back(x, change)
    for face in range(len(x)):
        for channel in range(3):
            wanted = (x[face, channel] + mask * change[face, channel]).clamp(-1, 1)
            torch.testing.assert_close(found[face, channel], wanted)
    assert torch.equal(put_back(x, 0 * change), x)


def test_no_change_of_the_code_is_the_face_itself(untrained, x):
    c = untrained.encode(x)
    torch.testing.assert_close(put_code_back(untrained, x, c, torch.zeros_like(c)), x)


def test_codes_with_shapes_are_drawn_in_them(untrained_parts, mask):
    circle = Circle(**untrained_parts())
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    c = circle.encode(x)
    change = 0.05 * torch.randn(c.shape, generator=torch.manual_seed(0))
    wanted = put_back(x, circle.decode_code(c + change) - circle.decode_code(c))
    found = put_code_back(circle, x, c, change)
    torch.testing.assert_close(found, wanted)
    assert not torch.equal(found, x)
