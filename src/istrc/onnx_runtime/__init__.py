"""The circle without torch: its networks as ONNX graphs, on ONNX Runtime and NumPy.

    from istrc import Circle
    circle = Circle.from_pretrained(runtime="onnx")    # by itself where torch is not installed

is the same circle, of the same weights files, over NumPy's arrays. `graphs` opens the networks,
`parts` stands for them, `export` (which needs torch) writes their graphs.
"""
