"""What panels are made of."""
import qt


def button(text, tip, clicked, checkable=False):
    """A push button; clicked() without arguments."""
    made = qt.QPushButton(text)
    made.setToolTip(tip)
    made.setCheckable(checkable)
    made.setAutoDefault(False)
    made.connect("clicked()", clicked)
    return made


def row(*widgets):
    """Widgets beside each other."""
    frame = qt.QWidget()
    layout = qt.QHBoxLayout(frame)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    return frame


def hint(text):
    """A line of explanation."""
    label = qt.QLabel(text)
    label.setWordWrap(True)
    label.setStyleSheet("color: gray;")
    return label


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
        top = row(self.label, self.cancel)
        top.layout().setStretch(0, 1)
        layout.addWidget(top)
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
