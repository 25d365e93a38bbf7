"""Which of the server's models prompts go to, and under which licence it comes."""
import html

import qt

from ..hub.needs import use_text
from .common import combo, fill_combo

USES = {True: "commercial use allowed", False: "<b>non-commercial</b>", None: "commercial use not stated"}


class ModelChoice:
    """A list, and a line of text with a link."""

    def __init__(self, interactive):
        self._interactive = interactive
        self._shown = None
        self.box = combo("The model that prompts go to; the segments go with them when it is changed")
        self.box.connect("currentIndexChanged(int)", self._chosen)
        self.licence = qt.QLabel("")
        self.licence.setTextFormat(qt.Qt.RichText)
        self.licence.setWordWrap(True)
        self.licence.setOpenExternalLinks(True)
        self.refresh()

    def refresh(self):
        """Shows what is known by now."""
        models = self._interactive.models
        entries, licence = models.entries(), models.licence()
        if (entries, models.chosen, licence) != self._shown:
            self._shown = entries, models.chosen, licence
            fill_combo(self.box, entries, models.chosen)
            self.licence.setText(licence_html(licence))
            self.licence.setToolTip(use_text(licence.commercial) if licence is not None else "")

    def _chosen(self, index):
        if index >= 0:
            self._interactive.choose_model(self.box.itemData(index))


def licence_html(licence):
    """A Licence or None as rich text; the server's words are escaped."""
    if licence is None:
        return "not known: the server has not told"
    if not licence.name:
        return "not stated"
    name = html.escape(licence.name)
    linked = '<a href="%s">%s</a>' % (html.escape(licence.url), name) if licence.url else name
    return "%s, %s" % (linked, USES[licence.commercial])
