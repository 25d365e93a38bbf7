"""What panels are made of."""
import ctk
import qt

NAME_WIDTH = 84
RED = "color: #c0392b"


def label(text="", wraps=True):
    """Words of anybody: never read as rich text."""
    made = qt.QLabel(text)
    made.setTextFormat(qt.Qt.PlainText)
    made.setWordWrap(wraps)
    made.setSizePolicy(qt.QSizePolicy.Preferred, qt.QSizePolicy.Maximum)
    return made


def heading(text):
    made = label(text)
    font = made.font
    font.setBold(True)
    made.setFont(font)
    return made


def field_name(text):
    """The name of a field; those of several forms stand in one column."""
    made = label(text, wraps=False)
    made.setMinimumWidth(NAME_WIDTH)
    made.setSizePolicy(qt.QSizePolicy.Preferred, qt.QSizePolicy.Preferred)
    return made


def hint(text):
    """A line of explanation."""
    made = label(text)
    made.setStyleSheet("color: gray;")
    return made


def problem():
    """A place for what went wrong."""
    made = label()
    made.setStyleSheet(RED)
    made.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
    made.setVisible(False)
    return made


def say(where, text):
    """Shows a sentence, or takes its place away."""
    if where.text != text:
        where.setText(text)
    where.setVisible(bool(text))


def button(text, tip, clicked, checkable=False):
    """A push button; clicked() without arguments."""
    made = qt.QPushButton(text)
    made.setToolTip(tip)
    made.setCheckable(checkable)
    made.setAutoDefault(False)
    made.connect("clicked()", clicked)
    return made


def row(*widgets, stretch=None):
    """Widgets side by side; one of them takes what is left, or all do, or nothing with `stretch` behind the last."""
    box = qt.QWidget()
    layout = qt.QHBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    if stretch == len(widgets):
        layout.addStretch(1)
    elif stretch is not None:
        layout.setStretch(stretch, 1)
    return box


def section(title, layout, collapsed=False):
    """A part of the panel that opens and closes; its own vertical layout."""
    box = ctk.ctkCollapsibleButton()
    box.text = title
    inner = qt.QVBoxLayout(box)
    inner.setSpacing(6)
    layout.addWidget(box)
    box.collapsed = collapsed
    return inner


def combo(tip=""):
    made = qt.QComboBox()
    made.setToolTip(tip)
    made.setSizeAdjustPolicy(qt.QComboBox.AdjustToMinimumContentsLengthWithIcon)
    made.setMinimumContentsLength(6)
    return made


def fill_combo(box, entries, chosen=None):
    """Entries [(text, key)], changed only where they are others; keeps what is chosen, without signals."""
    if [(box.itemText(n), box.itemData(n)) for n in range(box.count)] == entries and chosen is None:
        return
    before = box.itemData(box.currentIndex) if chosen is None else chosen
    box.blockSignals(True)
    box.clear()
    for text, key in entries:
        box.addItem(text, key)
    keys = [key for _, key in entries]
    if before in keys:
        box.setCurrentIndex(keys.index(before))
    box.blockSignals(False)


def swatch(colour):
    """An icon of one colour, (red, green, blue) of 0 to 255."""
    pixels = qt.QPixmap(12, 12)
    pixels.fill(qt.QColor(*colour))
    return qt.QIcon(pixels)


class StatusLine:
    """What goes on, how far it is, and a button that stops it."""

    def __init__(self, cancel):
        self.label = qt.QLabel("")
        self.label.setWordWrap(True)
        self.bar = qt.QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setMaximumHeight(8)
        self.cancel = button("Stop", "Stop the prediction; the segment stays as it was [Esc]", cancel)
        self.widget = qt.QWidget()
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(row(self.label, self.cancel, stretch=0))
        layout.addWidget(self.bar)
        self.show("", 0.0, False)

    def show(self, text, fraction, is_running):
        """fraction None: it is not known how far it is."""
        self.label.setText(text)
        self.bar.setRange(0, 0 if fraction is None else 1000)
        if fraction is not None:
            self.bar.setValue(int(1000 * fraction))
        self.bar.setVisible(is_running or (fraction is None or 0 < fraction < 1))
        self.cancel.setVisible(is_running)
