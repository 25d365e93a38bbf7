"""What a person is asked. None of them holds up the main thread."""
import qt

from ...widgets.common import heading, label
from ..needs import use_text


def ask_licence(parent, title, licence, accepted, refused):
    """Shows a licence; accepted() or refused()."""
    dialog = qt.QDialog(parent)
    dialog.setWindowTitle("Accept the licence?")
    dialog.setModal(True)
    layout = qt.QVBoxLayout(dialog)
    layout.setSpacing(10)
    layout.addWidget(label("%s comes under a licence of its own. Who runs it is bound by that." % title))
    layout.addWidget(heading(licence.id))
    text = qt.QPlainTextEdit()
    text.setReadOnly(True)
    text.setPlainText(licence.text)
    text.setMinimumSize(380, 140)
    layout.addWidget(text, 1)
    use = heading(use_text(licence.commercial_use)) if licence.commercial_use is False \
        else label(use_text(licence.commercial_use))
    layout.addWidget(use)
    layout.addWidget(label("The server remembers it for you, and asks again when the licence changes."))
    buttons = qt.QDialogButtonBox()
    accept = buttons.addButton("Accept and run", qt.QDialogButtonBox.AcceptRole)
    buttons.addButton("Not now", qt.QDialogButtonBox.RejectRole)
    accept.setDefault(True)
    layout.addWidget(buttons)
    buttons.connect("accepted()", dialog.accept)
    buttons.connect("rejected()", dialog.reject)
    dialog.connect("accepted()", accepted)
    dialog.connect("rejected()", refused)
    dialog.connect("finished(int)", lambda result: dialog.deleteLater())
    dialog.open()
    return dialog


def ask_removal(parent, job, accepted):
    """Whether the results of a run are to go from the server."""
    box = qt.QMessageBox(parent)
    box.setIcon(qt.QMessageBox.Question)
    box.setWindowTitle("Remove the run?")
    box.setTextFormat(qt.Qt.PlainText)
    box.setText("The results of %s go from the server. Segmentations in this scene stay." % job.title)
    box.addButton("Remove", qt.QMessageBox.AcceptRole)
    box.addButton("Keep", qt.QMessageBox.RejectRole)
    box.connect("accepted()", accepted)
    box.connect("finished(int)", lambda result: box.deleteLater())
    box.open()
    return box


def ask_folder(parent):
    """A folder to save into; empty: none."""
    return qt.QFileDialog.getExistingDirectory(parent, "Save the results in")
