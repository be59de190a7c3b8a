import torch

from istrc.evaluation.peers.put_back import put_back


def test_it_is_photo_mode(untrained, x):
    z = untrained.embed(x)
    z2 = torch.nn.functional.normalize(z + 0.3, dim=1)
    h = untrained.encode(x)
    ours = untrained.rebuild(x, z, z2, "photo")
    same = put_back(untrained, x, h, untrained.map_change(h, z, z2))
    torch.testing.assert_close(ours, same)


def test_no_change_is_the_face_itself(untrained, x):
    h = untrained.encode(x)
    torch.testing.assert_close(put_back(untrained, x, h, torch.zeros_like(h)), x)
