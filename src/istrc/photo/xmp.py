"""XMP: what a picture says about itself in XML, and among it how it was made.

An edited photograph says so in the words that news agencies, cameras and platforms agreed on:
IPTC's DigitalSourceType (IPTC Photo Metadata Standard; newscodes `digitalsourcetype`).

Of a packet that comes in, what its owner wrote stays (title, creator, rights, people...). What
describes the old file does not: previews of it, its crop and its turn, a camera's second pictures,
the history of other programs. Where it was taken is kept apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

_SCHEME = "http://cv.iptc.org/newscodes/digitalsourcetype/"
# A photograph with parts that a model made; and a picture that a model made altogether
COMPOSITE = _SCHEME + "compositeWithTrainedAlgorithmicMedia"
GENERATED = _SCHEME + "trainedAlgorithmicMedia"

LARGEST = 1_000_000  # bytes: a longer packet holds pictures, not words
_PREFIXES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
    "cc": "http://creativecommons.org/ns#",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
}
for _prefix, _uri in _PREFIXES.items():  # some readers look for the usual prefix, not for the URI
    ElementTree.register_namespace(_prefix, _uri)

# Properties of several values (XMP Specification Part 1, 7.7; Part 2, 2.1); the others have one
_KINDS = {
    "dc:title": "Alt",
    "dc:rights": "Alt",
    "dc:description": "Alt",
    "dc:creator": "Seq",
    "dc:subject": "Bag",
    "photoshop:SupplementalCategories": "Bag",
}


def _tag(name: str) -> str:
    """`dc:title` as ElementTree names it."""
    prefix, _, local = name.partition(":")
    return f"{{{_PREFIXES[prefix]}}}{local}"


def _tags(prefix: str, names: str) -> frozenset[str]:
    return frozenset(_tag(f"{prefix}:{name}") for name in names.split())


_DESCRIPTION, _SOURCE_TYPE = _tag("rdf:Description"), _tag("Iptc4xmpExt:DigitalSourceType")
_KEPT_WHOLE = tuple(map(_tag, ("dc:", "xmpRights:", "plus:", "cc:")))
_KEPT = (
    _tags("xmp", "CreateDate Label Rating")
    | _tags(
        "photoshop",
        "AuthorsPosition CaptionWriter Category Credit DateCreated Headline Instructions Source"
        " SupplementalCategories TransmissionReference Urgency",
    )
    | _tags(
        "Iptc4xmpCore",
        "AltTextAccessibility CreatorContactInfo ExtDescrAccessibility IntellectualGenre Scene"
        " SubjectCode",
    )
    | _tags(
        "Iptc4xmpExt",
        "AddlModelInfo Contributor DigitalSourceType Event ModelAge OrganisationInImageCode"
        " OrganisationInImageName PersonInImage PersonInImageWDetails",
    )
)
_PLACES = (
    _tags("photoshop", "City Country State")
    | _tags("Iptc4xmpCore", "CountryCode Location")
    | _tags("Iptc4xmpExt", "LocationCreated LocationShown")
)
_GPS = _tag("exif:GPS")


def packet(
    given: bytes | None, *, source_type: str | None = None, location: bool = False
) -> bytes | None:
    """An XMP packet, UTF-8: what may be kept of `given`, and how the picture was made.

    A packet that cannot be read is left out. A picture that says already that it is GENERATED
    goes on saying it: an edit does not make it a photograph.

    Args:
        given: the packet of the picture that was edited, or None.
        source_type: COMPOSITE or GENERATED; None says nothing of its own.
        location: keep where it was taken.

    Returns:
        None where there is nothing to say.
    """
    about = ElementTree.Element(_DESCRIPTION, {_tag("rdf:about"): ""})
    for element in _properties(given):
        name = element.tag
        place = name in _PLACES or name.startswith(_GPS)
        if name in _KEPT or name.startswith(_KEPT_WHOLE) or (place and location):
            about.append(element)
    said = about.findall(_SOURCE_TYPE)
    values = [(one.get(_tag("rdf:resource")) or one.text or "").strip() for one in said[:1]]
    if source_type is not None and values != [GENERATED]:
        for old in said:
            about.remove(old)
        ElementTree.SubElement(about, _SOURCE_TYPE).text = source_type
    return _wrapped(about)


def with_properties(given: bytes | None, properties: Mapping[str, Sequence[str]]) -> bytes | None:
    """`given` with more properties, by their usual names (`dc:title`); what it has it keeps."""
    if not properties:
        return given
    about = ElementTree.Element(_DESCRIPTION, {_tag("rdf:about"): ""})
    about.extend(_properties(given))
    for name, values in properties.items():
        if about.find(_tag(name)) is not None:
            continue
        element = ElementTree.SubElement(about, _tag(name))
        if name not in _KINDS:
            element.text = _clean(values[0])
            continue
        items = ElementTree.SubElement(element, _tag(f"rdf:{_KINDS[name]}"))
        for value in values:
            item = ElementTree.SubElement(items, _tag("rdf:li"))
            item.text = _clean(value)
            if _KINDS[name] == "Alt":
                item.set("{http://www.w3.org/XML/1998/namespace}lang", "x-default")
    return _wrapped(about)


def _clean(value: str) -> str:
    """The text without what XML cannot hold."""
    return "".join(c for c in str(value) if (c >= " " and c not in "\ufffe\uffff") or c in "\n\t")


def _wrapped(about: ElementTree.Element) -> bytes | None:
    """A packet of one description; None where it has no properties."""
    if not len(about):
        return None
    meta = ElementTree.Element(_tag("x:xmpmeta"))
    ElementTree.SubElement(meta, _tag("rdf:RDF")).append(about)
    body = ElementTree.tostring(meta, encoding="utf-8", xml_declaration=False)
    start = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'.encode()
    return start + body + b'\n<?xpacket end="w"?>'


def is_readable(given: bytes) -> bool:
    """Whether it is a packet, and not damaged."""
    return _root(given) is not None


def _root(given: bytes | None) -> ElementTree.Element | None:
    if not given or len(given) > LARGEST:
        return None
    wide = given[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in given[:4].rstrip(b"\0")
    try:
        text = given.decode("utf-16" if wide else "utf-8").strip("\ufeff\0 \t\r\n")
        # No entity is ever expanded, and none has a place in XMP
        return None if "<!DOCTYPE" in text else ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return None


def _properties(given: bytes | None) -> list[ElementTree.Element]:
    """The properties of a packet, each as an element; none where it cannot be read."""
    root = _root(given)
    if root is None:
        return []
    found: list[ElementTree.Element] = []
    for rdf in root.iter(_tag("rdf:RDF")):
        for description in rdf.findall(_DESCRIPTION):
            for name, value in description.attrib.items():
                element = ElementTree.Element(name)
                element.text = value
                found.append(element)
            found += list(description)
    return found
