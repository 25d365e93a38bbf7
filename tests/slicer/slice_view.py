"""A slice view as Slicer makes it, with Slicer's own markups in it, and a mouse."""
import numpy as np
import slicer
import vtk

import slicer_scene
from SagittalLib import geometry

WIDTH, HEIGHT = 300, 200


class SliceView:
    """What the extension sees of a qMRMLSliceView; x to the right and y up, in pixels."""

    def __init__(self, scene, to_world=None, mm_per_pixel=0.5, name="Red"):
        """`to_world`: 4 x 4, of the slice's middle and axes."""
        logics = slicer_scene._kept[0]
        logics.application.SetModuleLogic("Markups", next(
            logic for logic in logics.logics if logic.IsA("vtkSlicerMarkupsLogic")))
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(logics.application)
        self.logic.SetMRMLScene(scene)
        self.node = self.logic.AddSliceNode(name)
        self.node.SetDimensions(WIDTH, HEIGHT, 1)
        self.node.SetFieldOfView(WIDTH * mm_per_pixel, HEIGHT * mm_per_pixel, 1)
        if to_world is not None:
            self.node.GetSliceToRAS().DeepCopy(geometry.to_matrix(np.asarray(to_world)))
        self.node.UpdateMatrices()
        self.cursor = None
        self._listed = vtk.vtkCollection()
        self._listed.AddItem(self.logic)
        logics.application.SetSliceLogics(self._listed)
        self._build(logics.application)
        self.rendered = 0

    def _build(self, application):
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(True)
        self.window.SetSize(WIDTH, HEIGHT)
        self.renderer = vtk.vtkRenderer()
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.window.AddRenderer(self.renderer)
        self._interactor = vtk.vtkGenericRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        self._interactor.SetSize(WIDTH, HEIGHT)
        self._interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance().SetMRMLApplicationLogic(application)
        self._style = slicer.vtkMRMLSliceViewInteractorStyle()
        self._style.SetInteractor(self._interactor)
        markups = slicer.vtkMRMLMarkupsDisplayableManager()
        markups.SetMRMLApplicationLogic(application)
        self._managers = slicer.vtkMRMLDisplayableManagerGroup()
        self._managers.AddDisplayableManager(markups)
        self._managers.SetRenderer(self.renderer)
        self._managers.SetMRMLDisplayableNode(self.node)
        self._style.SetDisplayableManagers(self._managers)
        self._style.SetSliceLogic(self.logic)
        self._interactor.Initialize()

    def interactor(self):
        return self._interactor

    def mrmlSliceNode(self):
        return self.node

    def scheduleRender(self):
        self.rendered += 1

    def setViewCursor(self, cursor):
        self.cursor = cursor

    def unsetViewCursor(self):
        self.cursor = None

    # ---- the mouse

    def move(self, x, y):
        self._at(x, y)
        self._interactor.MouseMoveEvent()

    def press(self, x, y):
        self._at(x, y)
        self._interactor.LeftButtonPressEvent()

    def release(self, x, y):
        self._at(x, y)
        self._interactor.LeftButtonReleaseEvent()

    def click(self, x, y):
        self.move(x, y)
        self.press(x, y)
        self.release(x, y)

    def double_click(self, x, y):
        self.click(x, y)
        self.press(x, y)
        self._interactor.InvokeEvent("LeftButtonDoubleClickEvent")
        self.release(x, y)

    def drag(self, *places):
        self.move(*places[0])
        self.press(*places[0])
        for place in places[1:]:
            self.move(*place)
        self.release(*places[-1])

    def world(self, x, y):
        return np.array(self.node.GetXYToRAS().MultiplyDoublePoint((x, y, 0, 1))[:3])

    def place_of(self, world):
        """The pixel that shows a point of the slice."""
        matrix = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self.node.GetXYToRAS(), matrix)
        return tuple(int(round(c)) for c in matrix.MultiplyDoublePoint((*world, 1))[:2])

    def close(self):
        self._managers.SetMRMLDisplayableNode(None)
        self._style.SetInteractor(None)
        self.window.Finalize()

    def _at(self, x, y):
        self._interactor.SetEventInformation(int(x), int(y), 0, 0, "\0", 0, None)
