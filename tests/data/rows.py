"""What a source says of each of its pictures, side by side."""

from types import SimpleNamespace


def rows(source, chunk=2):
    """All rows, read so many at a time."""
    count, found = len(source.names), []
    for start in range(0, count, chunk):
        part = range(start, min(start + chunk, count))
        found += zip(part, source.read(part), strict=True)
    return [
        SimpleNamespace(
            name=source.names[k],
            data=data,
            reason=reason,
            attributes=source.attributes[k],
            identity=int(source.identity[k]),
            split=int(source.split[k]),
            points=None if source.points is None else source.points[k],
        )
        for k, (data, reason) in found
    ]
