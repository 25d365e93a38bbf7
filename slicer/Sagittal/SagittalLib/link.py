"""A segment of the scene beside the server's."""
from .client import masks


class Link:
    """A segment of the scene and the server's: what is shown, and what runs."""

    def __init__(self, scene):
        self.scene = scene
        self.server = None
        self.stamp = None  # of the scene when it showed what the server has; None: that is not known
        self.tag, self.description = "", {}  # of the scene, for worker threads
        self.was_lost = False  # with its session, which is opened anew once
        self.requests, self.arrived = set(), None  # those that were heard of; what the next one sets
        self.running = 0  # predictions
        self.since = 0.0  # by the monotonic clock, of the first of those that run
        self.walking = 0  # undo, redo, reset
        self.preview = masks.EMPTY
        self.is_saved = False  # in the undo stack, for what runs now
        self.progress = None  # (stage, fraction)
