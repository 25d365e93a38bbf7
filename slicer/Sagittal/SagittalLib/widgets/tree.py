"""A list with columns, whose rows are given one by one and found again by a key."""
import qt


def tree(headings, stretched=(0,)):
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
