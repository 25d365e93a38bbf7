"""The look-alike of Slicer's Qt keeps PythonQt's conventions."""
import pytest

import qt_slicer


@pytest.fixture(scope="module", autouse=True)
def application():
    return qt_slicer.application()


def test_properties_are_attributes():
    import qt
    button = qt.QPushButton("Go")
    button.checkable = True
    button.checked = True
    assert button.text == "Go" and button.checked is True and button.enabled is True
    button.setText("Stop")
    assert button.text == "Stop"
    with pytest.raises(TypeError):
        button.iconSize = "wide"


def test_signals_are_connected_by_signature():
    import qt
    told = []
    button = qt.QPushButton("Go")
    button.connect("clicked()", lambda: told.append("clicked"))
    button.checkable = True
    button.connect("toggled(bool)", told.append)
    button.click()
    assert told == ["clicked", True] or told == [True, "clicked"]
    box = qt.QComboBox()
    box.connect("currentIndexChanged(int)", told.append)
    box.addItem("one")
    assert told[-1] == 0 and box.count == 1
    call = box.clear
    button.connect("clicked()", call)
    button.disconnect("clicked()", call)
    button.click()
    assert box.count == 1


def test_a_timer_empties_the_workers_results(main_thread):
    import qt
    from SagittalLib.work import start_pump
    told = []
    timer = start_pump(main_thread.workers, qt)
    main_thread.workers.run(lambda stop: 7, told.append)
    for _ in range(200):
        qt_slicer.application().processEvents()
        if told:
            break
        qt.QThread.msleep(10)
    timer.stop()
    assert told == [7]


def test_pictures_are_taken(tmp_path):
    import ctk
    import qt
    panel = ctk.ctkCollapsibleButton()
    panel.text = "Prompts"
    layout = qt.QFormLayout(panel)
    layout.addRow("Address:", qt.QLineEdit("http://localhost:1527"))
    picture = qt_slicer.screenshot(panel, tmp_path / "panel.png")
    assert (tmp_path / "panel.png").stat().st_size > 500
    assert len({picture.pixel(x, y) for x in range(0, picture.width(), 3) for y in range(0, picture.height(), 3)}) > 3
    panel.collapsed = True
    assert panel.collapsed
