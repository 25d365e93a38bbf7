"""A server on this computer, where the program is installed."""
import os
import re
import shutil
import subprocess
import sys
import threading

from .client import SagittalError

PLACES = ("~/.local/bin", "/usr/local/bin", "/usr/bin", "/opt/sagittal/bin", "/opt/homebrew/bin")
READY_SECONDS = 120.0
STOP_SECONDS = 10.0
_READY = re.compile(r"https?://\S+")


def find_program(chosen=""):
    """The path of the program: the chosen one, else where programs are; empty where there is none."""
    name = "sagittal.exe" if sys.platform == "win32" else "sagittal"
    if chosen:
        return chosen if os.path.isfile(chosen) and os.access(chosen, os.X_OK) else ""
    found = shutil.which(name)
    places = [os.path.join(os.path.expanduser(place), name) for place in PLACES]
    return found or next((path for path in places if os.access(path, os.X_OK)), "")


class LocalServer:
    """A process of our own that ends with us. `start` blocks: worker threads only; the rest anywhere."""

    def __init__(self):
        self._process = None
        self._lock = threading.Lock()
        self._log = []
        self._reader = None
        self.url = ""

    @property
    def is_running(self):
        return self._process is not None and self._process.poll() is None

    def start(self, program, stop, options=()):
        """Its address, once it answers. Raises SagittalError with what it said where it does not start."""
        with self._lock:
            if self.is_running:
                return self.url
            if not program:
                raise SagittalError("The program sagittal is not installed here. Choose where it is, or enter the "
                                    "address of a server.")
            self._process = self._run(program, options)
            stop.add_waker(self.stop)
            try:
                line = self._process.stdout.readline()
            finally:
                stop.remove_waker(self.stop)
        stop.check()
        found = _READY.search(line)
        if found is None:
            self._process.wait(STOP_SECONDS)
            self._reader.join(1.0)
            said = " ".join(self._log[-4:]).strip()
            raise SagittalError("The server did not start: %s" % (said or "it said nothing."))
        self.url = found.group()
        return self.url

    def stop(self):
        """Ends it; sessions stay on its disk."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()

    def _run(self, program, options):
        self._log = []
        try:
            process = subprocess.Popen([program, "serve", "--port", "0", *options], stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                                       env=_clean_environment(),
                                       creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0))
        except OSError as error:
            raise SagittalError("%s cannot be started: %s." % (program, error.strerror)) from error
        self._reader = threading.Thread(target=self._keep_log, args=(process.stderr,), daemon=True)
        self._reader.start()
        return process

    def _keep_log(self, lines):
        for line in lines:
            self._log.append(line)
            del self._log[:-200]


def _clean_environment():
    """Without what Slicer sets for its own libraries."""
    ours = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH", "QT_PLUGIN_PATH", "SSL_CERT_FILE")
    return {name: value for name, value in os.environ.items() if name not in ours}
