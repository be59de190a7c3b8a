import torch

from istrc.evaluation.peers.code_vector import code_vector


def test_the_vector_the_slow_way(untrained, prepared, examples, x, mask):
    labels = prepared.column("smile")[examples.rows]
    sums, counts = torch.zeros(2, 24), [0, 0]
    for row, label in zip(examples.rows, labels, strict=True):
        sums[label] += untrained.encode(prepared.batch([row]))[0]
        counts[label] += 1
    v = sums[1] / counts[1] - sums[0] / counts[0]
    edit = code_vector(untrained, examples, ["smile", "male"])
    h, decode = untrained.encode(x), untrained.decode_code
    with torch.inference_mode():
        slow = x + mask * (decode(h - 0.7 * v) - decode(h))
    torch.testing.assert_close(edit(x, {"smile": -0.7}), slow.clamp(-1, 1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(edit(x, {"smile": 0.0}), x)
