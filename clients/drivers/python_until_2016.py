"""What botocore of 2015 expects of Python and what newer Pythons have moved; imported before and
called after botocore. The signing and parsing under test stay as they were published.
"""

import collections
import collections.abc
import functools
import http.client
import sys
import types
import xml.etree
from xml.etree import ElementTree

for _name in ("Callable", "Iterable", "Mapping", "MutableMapping", "MutableSet", "Sequence"):
    setattr(collections, _name, getattr(collections.abc, _name))


class _Element(ElementTree.Element):
    """With the method that went with Python 3.9."""

    def getchildren(self):
        return list(self)


# A module of its own, gone in newer Pythons.
xml.etree.cElementTree = types.ModuleType("xml.etree.cElementTree")
vars(xml.etree.cElementTree).update(
    vars(ElementTree),
    TreeBuilder=functools.partial(ElementTree.TreeBuilder, element_factory=_Element),
)
sys.modules["xml.etree.cElementTree"] = xml.etree.cElementTree


def mend(connection):
    """Since 3.6 `http.client` hands its own hooks one more argument, `encode_chunked`, which the
    overrides in `connection` do not know and this client never needs."""
    send_request, send_output = connection._send_request, connection._send_output
    inherited = http.client.HTTPConnection._send_request

    def with_default(self, method, url, body, headers, encode_chunked=False):
        return inherited(self, method, url, body, headers, encode_chunked)

    def without_argument(self, method, url, body, headers, _):
        return send_request(self, method, url, body, headers)

    def without_keyword(self, message_body=None, **_):
        return send_output(self, message_body)

    http.client.HTTPConnection._send_request = with_default
    connection._send_request = without_argument
    connection._send_output = without_keyword
