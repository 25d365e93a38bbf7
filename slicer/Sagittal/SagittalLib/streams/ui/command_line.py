"""Lines for what an operator is asked while it runs."""
import qt

from ...widgets.common import button, combo, fill_combo, label, row, say
from ..pipelines import ANY

MAX_ANSWER = 1000


class CommandLine:
    """Offers the commands of the operator that is shown, sends them, and shows what it answers."""

    def __init__(self, layout, pipelines):
        self._pipelines = pipelines
        self._operator = None
        self._commands = []
        self.names = combo("What only this operator can do")
        self.names.connect("currentIndexChanged(int)", lambda index: self._chosen())
        self.name = qt.QLineEdit()
        self.name.setPlaceholderText("command")
        self.name.setToolTip("The command's name")
        self.arguments = qt.QLineEdit()
        self.arguments.setPlaceholderText("{\"name\": \"value\"}")
        self.arguments.setToolTip("What the command takes along, as JSON; may be empty")
        self.arguments.connect("returnPressed()", self.send)
        self.send_button = button("Send", "Send the command to the chosen operator", self.send)
        self.row = row(qt.QLabel("Command:"), self.names, self.name, self.arguments, self.send_button, stretch=3)
        self.does = label()
        self.does.setEnabled(False)
        self.answer = label()
        self.answer.setTextInteractionFlags(qt.Qt.TextSelectableByMouse)
        for widget in (self.row, self.does, self.answer):
            layout.addWidget(widget)

    def show(self, operator):
        """An operator that runs, as a stream has it; None: there is nobody to ask."""
        self._operator = operator["name"] if operator is not None else None
        self._commands = self._pipelines.commands_of(operator) if operator is not None else []
        fill_combo(self.names, [(name if name != ANY else "any", name) for name, _ in self._commands])
        self.row.setVisible(bool(self._commands))
        self.send_button.setEnabled(not self._pipelines.is_busy)
        asked, answer = self._pipelines.answer
        say(self.answer, answer[:MAX_ANSWER] if self._commands and asked == self._operator else "")
        self._chosen()

    def send(self):
        name = self._name()
        if self._operator is not None and name:
            self._pipelines.command(self._operator, name, self.arguments.text)

    def _name(self):
        chosen = str(self.names.itemData(self.names.currentIndex) or "")
        return self.name.text.strip() if chosen == ANY else chosen

    def _chosen(self):
        chosen = self.names.itemData(self.names.currentIndex)
        self.name.setVisible(chosen == ANY)
        self.names.setVisible(chosen != ANY or len(self._commands) > 1)
        say(self.does, dict(self._commands).get(chosen, ""))
