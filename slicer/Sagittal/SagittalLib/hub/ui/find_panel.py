"""Search for models: words, filters, the list."""
import qt

from ...client import ServerError
from ...widgets.common import button, label, problem, say
from ...widgets.tree import add_row, key_of, tree
from ..card_page import ENGINES, SOURCES, facts_of, licence_of, structures_of
from ..needs import MODALITIES, use_text

TYPING_MS = 250
LICENCES = {"commercial": "Commercial use", "non-commercial": "Non-commercial", "unknown": "Not stated"}


class FindPanel:
    """Asks the logic for models; on_chosen(name, source) when a person chooses one."""

    def __init__(self, on_chosen):
        self.root = qt.QWidget()
        self._on_chosen = on_chosen
        self._logic = None
        self._offered = False
        self._chosen = None
        self._build()

    def _build(self):
        layout = qt.QVBoxLayout(self.root)
        layout.setContentsMargins(0, 0, 0, 0)
        self.words = self._text_field("Search models: pancreas, lung nodule, author …")
        self.structure = self._text_field("Structure or code: kidney, SCT:64033007")
        layout.addWidget(self.words)
        layout.addWidget(self.structure)
        grid = qt.QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        self.choices = {}
        named = [("modality", "Modality", {}), ("body_part", "Body part", {}), ("licence", "Licence", LICENCES),
                 ("engine", "Engine", {}), ("source", "From", SOURCES)]
        for n, (name, title, labels) in enumerate(named):
            self.choices[name] = self._choice(labels)
            grid.addWidget(label(title + ":", wraps=False), n // 2, 2 * (n % 2))
            grid.addWidget(self.choices[name], n // 2, 2 * (n % 2) + 1)
        self.clear_button = button("Clear", "Take all filters away", self.clear)
        grid.addWidget(self.clear_button, 2, 3)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        layout.addLayout(grid)
        self.count = label()
        self.trouble = problem()
        self.list = tree(["Model", "Reads", "Licence"])
        self.list.setMinimumHeight(190)
        self.list.connect("currentItemChanged(QTreeWidgetItem*,QTreeWidgetItem*)", self._picked)
        for widget in (self.count, self.trouble, self.list):
            layout.addWidget(widget)
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.connect("timeout()", self.search)

    def _text_field(self, hint):
        made = qt.QLineEdit()
        made.setPlaceholderText(hint)
        made.setClearButtonEnabled(True)
        made.connect("textChanged(QString)", lambda text: self._timer.start(TYPING_MS))
        return made

    def _choice(self, labels):
        made = qt.QComboBox()
        made.setSizeAdjustPolicy(qt.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        made.setMinimumContentsLength(8)
        made.addItem("Any", "")
        for value, text in labels.items():
            made.addItem(text, value)
        made.connect("currentIndexChanged(int)", lambda index: self.search())
        return made

    def use(self, logic):
        """Asks this logic from now on."""
        self._logic = logic
        self._offered = False
        self.search()

    @property
    def filters(self):
        chosen = {name: choice.itemData(choice.currentIndex) for name, choice in self.choices.items()}
        return dict(chosen, search=self.words.text.strip(), structure=self.structure.text.strip())

    def clear(self):
        for field in [self.words, self.structure, *self.choices.values()]:
            field.blockSignals(True)
        self.words.setText("")
        self.structure.setText("")
        for choice in self.choices.values():
            choice.setCurrentIndex(0)
        for field in [self.words, self.structure, *self.choices.values()]:
            field.blockSignals(False)
        self.search()

    def search(self):
        """Asks for what the filters say."""
        self._timer.stop()
        if self._logic is None:
            return
        if self.list.topLevelItemCount == 0:
            say(self.count, "Reading the catalogue …")
        self._logic.search(self.filters, self._found, self._failed)

    def _found(self, answer):
        models = [one for one in answer["models"] if isinstance(one, dict)]
        say(self.trouble, "")
        say(self.count, _count_text(models, answer))
        if not self._offered:
            self._offer(models)
        self.list.blockSignals(True)
        self.list.clear()
        for entry in models:
            key = "%s/%s" % (entry.get("source", ""), entry.get("name", ""))
            title = str(entry.get("title") or entry.get("name"))
            tip = "\n".join(filter(None, [title, facts_of(entry), structures_of(entry, 12)]))
            reads = ", ".join(str(one) for one in entry.get("modalities") or []) or "any"
            use = use_text((entry.get("licence") or {}).get("commercial_use"))
            item = add_row(self.list, [title, reads, licence_of(entry)], key, [tip, "", use])
            if key == self._chosen:
                self.list.setCurrentItem(item)
        self.list.blockSignals(False)

    def _failed(self, error):
        say(self.count, "")
        wants_key = isinstance(error, ServerError) and error.status == 401
        say(self.trouble, str(error) + (" Set a key in the module Sagittal, under Configuration." if wants_key else ""))
        self.list.clear()

    def _offer(self, models):
        """What there is to choose from is known from the first answer, which no filter narrows."""
        if any(self.filters.values()):
            return
        self._offered = True
        offers = {"modality": ([one for m in models for one in m.get("modalities") or []], MODALITIES),
                  "body_part": ([one for m in models for one in m.get("body_parts") or []], {}),
                  "engine": ([m.get("engine") for m in models if m.get("engine")], ENGINES)}
        for name, (values, labels) in offers.items():
            choice = self.choices[name]
            choice.blockSignals(True)
            while choice.count > 1:
                choice.removeItem(1)
            for value in sorted(set(map(str, values))):
                choice.addItem(labels.get(value, value), value)
            choice.blockSignals(False)

    def _picked(self, item, before=None):
        key = key_of(item)
        if key and key != self._chosen:
            self._chosen = key
            source, _, name = key.partition("/")
            self._on_chosen(name, source)


def _count_text(models, answer):
    total = answer["total"]
    if total == 0:
        return "There is no model here yet. Who runs the server fills the catalogue with “sagittal hub sync”."
    if not models:
        return "No model fits all of this. Take a filter away."
    count = "%d models" % total if len(models) == total else "%d of %d models" % (len(models), total)
    if total == 1:
        count = "1 model"
    if answer.get("synced"):
        return count
    return count + ", all of this server itself. “sagittal hub sync” adds MHub's to the list."
