"""What the tests read in XMP packets, by an XML parser alone."""

from xml.etree import ElementTree

SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


def source_type_of(packet):
    """The DigitalSourceType that a packet states, or None."""
    return ElementTree.fromstring(packet).findtext(f".//{SOURCE_TYPE}") if packet else None
