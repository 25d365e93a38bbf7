"""Small things that the panels share."""
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


def field_name(text):
    """The name of a field; those of several forms stand in one column."""
    made = label(text, wraps=False)
    made.setMinimumWidth(NAME_WIDTH)
    made.setSizePolicy(qt.QSizePolicy.Preferred, qt.QSizePolicy.Preferred)
    return made


def say(where, text):
    """Shows a sentence, or takes its place away."""
    where.setText(text)
    where.setVisible(bool(text))


def problem():
    """A place for what went wrong."""
    made = label()
    made.setStyleSheet(RED)
    made.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
    made.setVisible(False)
    return made


def button(text, call, tip=""):
    made = qt.QPushButton(text)
    made.setToolTip(tip)
    made.connect("clicked()", call)
    return made


def row(*widgets, stretch=None):
    """Widgets side by side."""
    box = qt.QWidget()
    layout = qt.QHBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    for n, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if n == stretch else 0)
    if stretch is None:
        layout.addStretch(1)
    return box


def table(headings, stretched=(0,)):
    """A list with columns, one row chosen."""
    made = qt.QTreeWidget()
    made.setHeaderLabels(headings)
    made.setRootIsDecorated(False)
    made.setAlternatingRowColors(True)
    made.setUniformRowHeights(True)
    header = made.header()
    header.setStretchLastSection(False)
    header.setMinimumSectionSize(40)
    for column in range(len(headings)):
        header.setSectionResizeMode(column, qt.QHeaderView.Stretch if column in stretched
                                    else qt.QHeaderView.ResizeToContents)
    return made


def add_row(where, texts, key=None, tips=()):
    """A row of a table; `key` comes back from `key_of`."""
    item = qt.QTreeWidgetItem(list(texts))
    item.setData(0, qt.Qt.UserRole, key)
    for column, text in enumerate(texts):
        tip = tips[column] if column < len(tips) and tips[column] else text
        item.setToolTip(column, tip if "<" not in tip else "")
    where.addTopLevelItem(item)
    return item


def key_of(item):
    return item.data(0, qt.Qt.UserRole) if item is not None else None


def swatch(colour):
    """An icon of one colour, (red, green, blue) of 0 to 255."""
    pixels = qt.QPixmap(12, 12)
    pixels.fill(qt.QColor(*colour))
    return qt.QIcon(pixels)


def heading(text):
    made = label(text)
    font = made.font
    font.setBold(True)
    made.setFont(font)
    return made

