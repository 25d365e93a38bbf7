"""A form of the settings of one operator, made from what the server says of its type."""
import qt

from ...client.errors import SagittalError
from ...widgets.common import RED, field_name
from ..plans import PLANNED

LARGEST = 2147483647


class SettingsForm:
    """What is changed here goes on at once; what the server refuses goes back to what it was."""

    def __init__(self, layout, fields_of, change, enable):
        """fields_of(operator): its Fields, or SagittalError. change({operator: {name: value}}), enable(operator, on): a
        person did so."""
        self._fields_of = fields_of
        self._change = change
        self._enable = enable
        self.box = qt.QGroupBox()
        self._form = qt.QFormLayout(self.box)
        self._fields = {}
        self._widgets = {}
        self._shown = None
        self._values = None
        layout.addWidget(self.box)
        self.box.setVisible(False)

    def show(self, operator):
        """Shows an operator of a stream or plan; None: nothing. What is there is kept where nothing changed."""
        if operator is None:
            self._clear()
            return
        try:
            on, fields = operator["state"] != "off", self._fields_of(operator)
        except SagittalError:  # of a server that says other than this understands
            on, fields = True, []
        shown = (operator["name"], operator["state"] == PLANNED, [(field.name, field.is_open) for field in fields])
        values = (shown, on, str(operator["parameters"]))
        if values == self._values or self._is_edited():
            return
        if self._shown != shown:
            self._build(operator, fields)
        self._shown, self._values = shown, values
        self._enabled.blockSignals(True)
        self._enabled.setChecked(on)
        self._enabled.blockSignals(False)
        for name, field in self._fields.items():
            field.value = operator["parameters"].get(name)
            widget, (_, put) = self._widgets[name], _forms()[field.kind]
            widget.blockSignals(True)
            put(widget, field)
            widget.blockSignals(False)

    def _is_edited(self):
        return any(widget.hasFocus() and getattr(widget, "modified", False) for widget in self._widgets.values())

    def _clear(self):
        while self._form.rowCount():
            self._form.removeRow(0)
        self._fields, self._widgets, self._shown, self._values = {}, {}, None, None
        self.box.setVisible(False)

    def _build(self, operator, fields):
        self._clear()
        self.box.setTitle("Settings of %s (%s)" % (operator["name"], operator["type"]))
        self._enabled = qt.QCheckBox("It runs")
        self._enabled.setToolTip("Switches the operator off and on while the pipeline runs, a recorder too")
        self._enabled.connect("toggled(bool)", lambda on: self._enable(operator["name"], on))
        self._form.addRow(self._enabled)
        self._enabled.setVisible(operator["state"] != PLANNED)
        for field in fields:
            make, _ = _forms()[field.kind]
            widget = make(field, lambda value, field=field: self._send(field, value))
            widget.setToolTip(field.tip())
            widget.setEnabled(field.is_open)
            name = field_name(field.name + ":")
            name.setToolTip(field.tip())
            self._fields[field.name], self._widgets[field.name] = field, widget
            self._form.addRow(name, widget)
        self.box.setVisible(bool(fields) or operator["state"] != PLANNED)

    def _send(self, field, value):
        widget = self._widgets[field.name]
        try:
            value = field.read(value) if isinstance(value, str) else value
        except SagittalError as error:
            widget.setStyleSheet(RED)
            widget.setToolTip(str(error))
            return
        widget.setStyleSheet("")
        self._values = None  # what the server keeps is shown again, whether it took the value or not
        if value != field.value:
            self._change({field.operator: {field.name: value}})


def _forms():
    return {"bool": (_make_bool, _put_bool), "choice": (_make_choice, _put_choice), "int": (_make_int, _put_number),
            "float": (_make_float, _put_number), "text": (_make_text, _put_text), "json": (_make_text, _put_text)}


def _make_bool(field, changed):
    widget = qt.QCheckBox()
    widget.connect("toggled(bool)", changed)
    return widget


def _put_bool(widget, field):
    widget.setChecked(bool(field.value))


def _make_choice(field, changed):
    widget = qt.QComboBox()
    for choice in field.choices:
        widget.addItem(str(choice) or "(none)", choice)
    widget.connect("currentIndexChanged(int)", lambda index: changed(widget.itemData(index)))
    return widget


def _put_choice(widget, field):
    if field.value in field.choices:
        widget.setCurrentIndex(field.choices.index(field.value))


def _make_int(field, changed):
    if field.most is not None and field.most > LARGEST:
        return _make_text(field, lambda text: changed(text))
    widget = qt.QSpinBox()
    widget.setRange(int(max(-LARGEST, field.least if field.least is not None else -LARGEST)),
                    int(field.most if field.most is not None else LARGEST))
    _set_unit(widget, field)
    widget.connect("editingFinished()", lambda: changed(int(widget.value)))
    return widget


def _make_float(field, changed):
    widget = qt.QDoubleSpinBox()
    widget.setDecimals(3 if field.most is not None and field.most <= 100 else 1)
    widget.setRange(field.least if field.least is not None else -1e12, field.most if field.most is not None else 1e12)
    _set_unit(widget, field)
    widget.setSingleStep(0.05 if field.most is not None and field.most <= 1 else 1.0)
    widget.connect("editingFinished()", lambda: changed(float(widget.value)))
    return widget


def _set_unit(widget, field):
    """Behind the number, where the name does not end with it."""
    if field.unit and not field.name.endswith("_" + field.unit.lower()):
        widget.setSuffix(" " + field.unit)


def _put_number(widget, field):
    if isinstance(field.value, (int, float)):
        if hasattr(widget, "setValue"):
            widget.setValue(field.value)
        else:
            widget.setText(field.shown())


def _make_text(field, changed):
    widget = qt.QLineEdit()
    widget.connect("editingFinished()", lambda: changed(widget.text))
    return widget


def _put_text(widget, field):
    widget.setText(field.shown())
