"""How a result was made, as the server has recorded it: its model, versions, digests, inputs, times. The words are
strangers': shortened here, and to be shown as plain text."""
import json

RECORD = "Sagittal.Record"
MOST_LINES, LONGEST_TEXT, MOST_CHARACTERS, DEEPEST = 80, 200, 1 << 15, 6
_FIRST = ("model", "version", "source", "configuration", "dataset", "folds", "workflow", "workflow_sha256", "image",
          "image_digest", "engine", "engine_version", "inputs", "started", "finished", "ended")
_NAMES = {"workflow_sha256": "SHA-256 of the workflow", "image_digest": "digest of the image", "inputs": "input",
          "sagittal": "Sagittal", "hardening": "file system of the model", "engine_version": "version of the engine"}


def record_lines(record):
    """['model: lungmask', …], with what is inside of it behind a dot."""
    return ["%s: %s" % (name, text) for name, text in _pairs(record)]


def summary(record):
    """One line for the description of a node; "" where nothing is known."""
    told = dict(_pairs(record))
    parts = [told.get("model", ""), "version " + told["version"] if "version" in told else "",
             told.get("digest of the image", ""), told.get("finished") or told.get("ended") or ""]
    return ", ".join(part for part in parts if part)


def keep(node, record):
    """With a node, and so with the scene that is saved."""
    if record:
        text = json.dumps(record, sort_keys=True)
        node.SetAttribute(RECORD, text if len(text) <= MOST_CHARACTERS else json.dumps(record_lines(record)))
        node.SetDescription(summary(record))


def _pairs(record):
    """(name, text) of what a record holds, what people ask for first."""
    rank = {key: place for place, key in enumerate(_FIRST)}
    ordered = {key: record[key] for key in sorted(record, key=lambda key: rank.get(key, len(rank)))}
    found = list(_walk(ordered, ""))
    more = len(found) - MOST_LINES
    return found[:MOST_LINES] + ([("and", "%d more lines" % more)] if more > 0 else [])


def _walk(value, name, depth=0):
    if depth > DEEPEST:
        yield name, "…"
    elif isinstance(value, dict):
        for key, inner in value.items():
            own = _NAMES.get(key, _cut(key).replace("_", " "))
            yield from _walk(inner, "%s · %s" % (name, own) if name else own, depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _walk(inner, "%s %d" % (name, number), depth + 1)
    elif value is not None and value != "":
        yield name, _cut(str(value))


def _cut(text):
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + " …"
