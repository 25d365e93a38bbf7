"""OpenIGTLink for Holoscan applications: images, transforms and texts to and from 3D Slicer, Plus and Sagittal.

The operators need Holoscan (`holoscan-cu12` or `holoscan-cu13`); messages and links need only NumPy.
"""
from .link import Link
from .messages import Envelope, Image, Refused, Status, String, Transform

__all__ = ["Envelope", "Image", "Link", "OpenIGTLinkReceiverOp", "OpenIGTLinkSenderOp", "Refused", "Status", "String",
           "Transform"]


def __getattr__(name):
    if name in ("OpenIGTLinkReceiverOp", "OpenIGTLinkSenderOp"):
        from . import operators
        return getattr(operators, name)
    raise AttributeError(f"module \"{__name__}\" has no \"{name}\"")
