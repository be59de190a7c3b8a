"""The guides: one opinion a member, none alike, written and read back."""

import torch

from istrc.models.guide import Guides
from istrc.models.store import load_part, save_part


def test_every_member_has_its_opinion(tmp_path):
    torch.manual_seed(0)
    net = Guides(("smile", "male", "beard"), ((4, 6, 8), (6, 8)), (3, 5)).eval()
    x = torch.rand(5, 3, 16, 16)
    logits = net(x)
    assert logits.shape == (2, 5, 3) and logits.dtype == torch.float32
    for member, opinion in zip(net.members, logits, strict=True):
        torch.testing.assert_close(member(x), opinion)
    assert not torch.allclose(logits[0], logits[1])
    save_part(net, tmp_path)
    again = load_part(tmp_path)
    assert again.attributes == ["smile", "male", "beard"]
    torch.testing.assert_close(again(x), logits, atol=2e-3, rtol=2e-2)


def test_what_is_typical_by_hand():
    guides = Guides(("smile", "male", "young"), ((4, 6),), (3,))
    logits = torch.tensor([[3.0, 1.0, 0], [1.0, -2.0, 0], [2.0, 4.0, 0], [-5.0, -3.0, 0]])
    labels = torch.tensor([[1, 1, -1], [1, 0, -1], [1, -1, -1], [0, 0, -1]])
    guides.measure(logits, labels)
    # Of two the lower is the median, as torch has it; where nothing is known nothing is measured
    assert guides.typical.tolist() == [[2.0, 5.0], [1.0, 2.0], [20.0, 20.0]]
