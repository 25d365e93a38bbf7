"""The panel of the Streams module."""
