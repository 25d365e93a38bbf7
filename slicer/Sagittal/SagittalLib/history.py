"""Undo and redo of the scene: Slicer's own stack of segmentation states."""
import slicer


class SceneHistory:
    """Of one segmentation, where no Segment Editor keeps it."""

    def __init__(self, segmentation, states=10):
        self._history = slicer.vtkSegmentationHistory()
        self._history.SetMaximumNumberOfStates(states)
        self._history.SetSegmentation(segmentation.GetSegmentation())

    def save(self):
        self._history.SaveState()

    def undo(self):
        if self._history.IsRestorePreviousStateAvailable():
            self._history.RestorePreviousState()

    def redo(self):
        if self._history.IsRestoreNextStateAvailable():
            self._history.RestoreNextState()


class EditorHistory:
    """That of a Segment Editor, so that its undo button takes back prompts and paint alike."""

    def __init__(self, editor):
        """`editor`: a qMRMLSegmentEditorWidget."""
        self._editor = editor

    def save(self):
        self._editor.saveStateForUndo()

    def undo(self):
        self._editor.undo()

    def redo(self):
        self._editor.redo()


class SavedStates:
    """Saves into a stack that only its owner's own buttons walk along; ours walk along the server's."""

    def __init__(self, save):
        self.save = save

    def undo(self):
        """The owner's stack stays as it is."""

    def redo(self):
        """The owner's stack stays as it is."""
