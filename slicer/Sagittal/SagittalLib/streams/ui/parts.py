"""Small widgets of the Streams panel."""
import ctk
import qt

PROBLEM = "color: #c0392b"


def section(title, layout, collapsed=False):
    """A part of the panel that opens and closes; its own vertical layout."""
    box = ctk.ctkCollapsibleButton()
    box.text = title
    inner = qt.QVBoxLayout(box)
    inner.setSpacing(6)
    layout.addWidget(box)
    box.collapsed = collapsed
    return inner


def label(text=""):
    """Words of anybody: never read as rich text."""
    made = qt.QLabel(text)
    made.setTextFormat(qt.Qt.PlainText)
    made.setWordWrap(True)
    return made


def trouble():
    """A place for what went wrong."""
    made = label()
    made.setStyleSheet(PROBLEM)
    made.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
    made.setVisible(False)
    return made


def say(where, text):
    """Shows a sentence, or takes its place away."""
    if where.text != text:
        where.setText(text)
    where.setVisible(bool(text))


def button(text, tip, clicked, checkable=False):
    made = qt.QPushButton(text)
    made.setToolTip(tip)
    made.setCheckable(checkable)
    made.connect("clicked()", clicked)
    return made


def row(layout, *widgets, stretch=0):
    """Widgets side by side; one of them takes what is left."""
    line = qt.QHBoxLayout()
    line.setContentsMargins(0, 0, 0, 0)
    for n, widget in enumerate(widgets):
        line.addWidget(widget, 1 if n == stretch else 0)
    layout.addLayout(line)
    return line


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


def table(headings, tips, stretched=0):
    """Rows of read-only texts, one of them selected."""
    made = qt.QTableWidget()
    made.setColumnCount(len(headings))
    made.setHorizontalHeaderLabels(headings)
    for column, tip in enumerate(tips):
        made.horizontalHeaderItem(column).setToolTip(tip)
    made.verticalHeader().setVisible(False)
    made.verticalHeader().setDefaultSectionSize(_row_height(made))
    made.horizontalHeader().setFixedHeight(_row_height(made))
    made.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
    made.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
    made.setSelectionMode(qt.QAbstractItemView.SingleSelection)
    made.setAlternatingRowColors(True)
    made.setShowGrid(False)
    made.setHorizontalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOff)
    header = made.horizontalHeader()
    header.setHighlightSections(False)
    header.setMinimumSectionSize(36)
    for column in range(len(headings)):
        header.setSectionResizeMode(column, qt.QHeaderView.Stretch if column == stretched
                                    else qt.QHeaderView.ResizeToContents)
    return made


def fill_table(where, rows, tips=None, stretched=0):
    """Texts of each row; items that are there are changed, not made anew. Numbers stand right."""
    where.blockSignals(True)  # who hears of a selection fills the table again
    if where.rowCount != len(rows):
        where.setRowCount(len(rows))
    for n, texts in enumerate(rows):
        for column, text in enumerate(texts):
            item = where.item(n, column)
            if item is None:
                item = qt.QTableWidgetItem("")
                side = qt.Qt.AlignLeft if column == stretched else qt.Qt.AlignRight
                item.setTextAlignment(side | qt.Qt.AlignVCenter)
                where.setItem(n, column, item)
            if item.text() != text:
                item.setText(text)
            tip = tips[n] if tips is not None else ""
            if item.toolTip() != tip:
                item.setToolTip(tip)
    where.blockSignals(False)
    rows_shown = min(max(len(rows), 2), 8)
    where.setFixedHeight((rows_shown + 1) * _row_height(where) + 4)


def _row_height(where):
    """For a line of text of its font, on any screen."""
    return where.fontMetrics().height() + 10
