"""A MRML scene as a running Slicer has it, made of the libraries alone."""
import slicer
import vtk


class Scene:
    """Keeps the logics of a scene alive as long as the scene."""

    def __init__(self):
        self.mrml = slicer.vtkMRMLScene()
        self.application = slicer.vtkMRMLApplicationLogic()
        self.application.SetMRMLScene(self.mrml)
        self.logics = [make() for make in (slicer.vtkSlicerSegmentationsModuleLogic, slicer.vtkSlicerMarkupsLogic,
                                           slicer.vtkSlicerTransformLogic, slicer.vtkSlicerVolumesLogic,
                                           slicer.vtkSlicerTerminologiesModuleLogic)]
        for logic in self.logics:
            logic.SetMRMLApplicationLogic(self.application)
            logic.SetMRMLScene(self.mrml)


_kept = []


def make_scene():
    """An empty vtkMRMLScene. It stays the scene of `slicer.mrmlScene` until the next one is made."""
    vtk.vtkObject.GlobalWarningDisplayOff()
    made = Scene()
    _kept[:] = [made]
    slicer.mrmlScene = made.mrml
    return made.mrml
