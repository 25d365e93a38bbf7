"""A line for what an operator is asked while it runs."""
import qt

from ...widgets.common import button, label, row, say

MAX_ANSWER = 1000


class CommandLine:
    """Sends commands to the operator that is shown, and shows what it answers."""

    def __init__(self, layout, pipelines):
        self._pipelines = pipelines
        self._operator = None
        self.text = qt.QLineEdit()
        self.text.setPlaceholderText("command {\"name\": \"value\"}")
        self.text.setToolTip("Asks the operator for what only it can do: a name, and what the command takes as JSON")
        self.text.connect("returnPressed()", self.send)
        self.send_button = button("Send", "Send the command to the chosen operator", self.send)
        self.row = row(qt.QLabel("Command:"), self.text, self.send_button, stretch=1)
        self.answer = label()
        self.answer.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        layout.addWidget(self.row)
        layout.addWidget(self.answer)

    def show(self, operator):
        """The name of an operator that runs; None: there is nobody to ask."""
        self._operator = operator
        self.row.setVisible(operator is not None)
        self.send_button.setEnabled(not self._pipelines.is_busy)
        asked, answer = self._pipelines.answer
        say(self.answer, answer[:MAX_ANSWER] if operator is not None and asked == operator else "")

    def send(self):
        if self._operator is not None and self.text.text.strip():
            self._pipelines.command(self._operator, self.text.text)
