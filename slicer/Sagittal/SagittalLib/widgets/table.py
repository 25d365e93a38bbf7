"""A table of texts that are shown anew again and again, without a flicker."""
import qt


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
