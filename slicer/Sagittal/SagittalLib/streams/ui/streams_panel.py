"""The panel of the Streams module: a pipeline, the connection to it, what comes and goes."""
import qt

from ...work import start_pump
from ..logic import StreamsLogic
from .connection_box import ConnectionBox
from .exchange_box import ExchangeBox
from .pipeline_box import PipelineBox

TICK_MS = 16
UPDATE_MS = 300


class StreamsPanel:
    """`root` is its widget. Enter and exit it as the module is; frames go on coming while it is not seen."""

    def __init__(self, scene, settings):
        self._is_new = True
        self.logic = StreamsLogic(scene, settings, on_change=self._changed)
        self.root = qt.QWidget()
        layout = qt.QVBoxLayout(self.root)
        layout.setContentsMargins(0, 0, 0, 0)
        self.pipeline = PipelineBox(layout, settings, self.logic.pipelines, self.connection_wanted,
                                    self.connection_done)
        self.connection = ConnectionBox(layout, self.logic)
        self.exchange = ExchangeBox(layout, self.logic, self.connection.chosen)
        layout.addStretch(1)
        self._pump = start_pump(self.logic.workers, qt)
        self._tick = _timer(TICK_MS, self.logic.tick)
        self._update = _timer(UPDATE_MS, self.update)

    def enter(self):
        """Asks the server what there is, once it is looked at."""
        if not self.logic.pipelines.pipelines:
            self.pipeline.refresh()
        self._update.start()

    def exit(self):
        self._update.stop()

    def close(self):
        for timer in (self._pump, self._tick, self._update):
            timer.stop()
        self.logic.close()

    def update(self):
        """Shows what is new; the event loop calls it a few times a second."""
        self.connection.follow_pipeline()
        if self._is_new:
            self._is_new = False
            self.pipeline.update()
        self.connection.update()
        if self.logic.has_connection:
            self.connection.show_first_image()
        self.exchange.update()

    def connection_wanted(self):
        """A pipeline was started: it is connected with as soon as it says where."""
        self.connection.want()

    def connection_done(self):
        """The pipeline is about to be stopped: nothing is connected with it any more."""
        link = self.logic.link
        if link is not None and (link.port in [port for _, port, _ in self.logic.pipelines.addresses()]):
            self.logic.disconnect()

    def _changed(self):
        self._is_new = True


def _timer(milliseconds, call):
    timer = qt.QTimer()
    timer.setInterval(milliseconds)
    timer.connect("timeout()", call)
    timer.start()
    return timer
