"""A model's card as rich text: what its makers wrote is escaped, links lead to the web alone, nothing is loaded."""
import html
import re
import urllib.parse

from .needs import modality_text, use_text
from .terminology import code_text

ENGINES = {"nnunet_v1": "nnU-Net v1", "nnunet_v2": "nnU-Net v2", "totalsegmentator": "TotalSegmentator",
           "nninteractive": "nnInteractive", "other": "Other engine", "unknown": "Engine not stated"}
SOURCES = {"mhub": "MHub", "local": "This server"}
MOST_STRUCTURES = 400
MOST_TEXT = 20000


def page(card):
    """HTML of a card of the API, whatever of it is there."""
    parts = [_head(card), _finds(card), _licence(card), _inputs(card), _workflows(card)]
    parts += [_section(one) for one in _list(card, "sections")]
    parts += [_citation(card), _origin(card), _warnings(card)]
    return "".join(part for part in parts if part)


def facts_of(entry):
    """'CT · TotalSegmentator · MHub'"""
    parts = [modality_text(_list(entry, "modalities")), ENGINES.get(entry.get("engine"), ""),
             SOURCES.get(entry.get("source"), "")]
    return " · ".join(part for part in parts if part)


def licence_of(entry):
    """The licence of the weights and what it allows, in few words."""
    licence = entry.get("licence") or {}
    weights, use = licence.get("weights"), licence.get("commercial_use")
    if use is None:
        return str(weights) if weights else "not stated"
    if use:
        return str(weights or "commercial use")
    return str(weights) if "-NC" in str(weights) else "%s, non-commercial" % weights if weights else "non-commercial"


def structures_of(entry, most=4):
    """The names of what it finds."""
    names = [str(one.get("name", "")) for one in _list(entry, "structures")]
    more = len(names) - most
    return ", ".join(names[:most]) + (" and %d more" % more if more > 0 else "")


def _head(card):
    version = " · version %s" % card["version"] if card.get("version") else ""
    return "<p><b>%s</b></p>" % _text(facts_of(card) + version) + _paragraph(card.get("summary"))


def _warnings(card):
    text = "".join(_paragraph(one) for one in _list(card, "warnings"))
    return "<h3>What its description lacks</h3>" + text if text else ""


def _finds(card):
    parts = []
    for output in _list(card, "outputs"):
        structures = _list(output, "structures")
        about = ": ".join(str(output[key]) for key in ("label", "description") if output.get(key))
        if not structures and not about:
            continue
        title = "Segments" if output.get("type") == "segmentation" else "Result"
        parts.append("<h3>%s</h3>%s" % (title + (" (%d)" % len(structures) if structures else ""), _paragraph(about)))
        rows = ["<tr><td><span style='color:%s'>■</span>&nbsp;%s</td><td>%s</td></tr>"
                % (_colour(one), _text(one.get("name")), _text(code_text(one))) for one in structures[:MOST_STRUCTURES]]
        if rows:
            parts.append("<table cellpadding='2'>%s</table>" % "".join(rows))
    return "".join(parts)


def _licence(card):
    licence = card.get("licence") or {}
    rows = [("Weights", licence.get("weights_text") or licence.get("weights")),
            ("Code", licence.get("code_text") or licence.get("code"))]
    return "<h3>Licence</h3><p>%s</p>%s" % (_text(use_text(licence.get("commercial_use"))), _table(rows))


def _inputs(card):
    parts = []
    for one in _list(card, "inputs"):
        contrast = {(True, True): "with or without", (True, False): "with contrast agent",
                    (False, True): "without contrast agent"}.get((one.get("contrast"), one.get("non_contrast")))
        rows = [("Modality", modality_text(_list(one, "modalities"))), ("Format", one.get("format")),
                ("Body part", one.get("body_part")), ("Slice thickness", one.get("slice_thickness")),
                ("Contrast", contrast)]
        parts.append(_paragraph(one.get("description") or one.get("label")) + _table(rows))
    parts = [part for part in parts if part]
    return "<h3>%s</h3>%s" % ("Input" if len(parts) == 1 else "Inputs", "".join(parts)) if parts else ""


def _workflows(card):
    rows = [(one.get("name"), one.get("description")) for one in _list(card, "workflows")]
    return "<h3>Workflows</h3>" + _table(rows, keep_empty=True) if len(rows) > 1 else ""


def _section(one):
    parts = [_paragraph(one.get("text"))]
    for table in _list(one, "tables"):
        parts.append(_paragraph(table.get("label")) + _table([pair[:2] for pair in table.get("entries") or []]))
    parts += ["<p>%s</p>" % _link(ref.get("label"), ref.get("uri")) for ref in _list(one, "references")]
    text = "".join(part for part in parts if part)
    return "<h3>%s</h3>%s" % (_text(one.get("title") or one.get("key")), text) if text else ""


def _citation(card):
    parts = [_paragraph(card.get("citation"))]
    parts += ["<p>%s</p>" % _link(one.get("title"), one.get("uri")) for one in _list(card, "publications")]
    text = "".join(parts)
    return "<h3>Citation</h3>" + text if text else ""


def _origin(card):
    links, dates = card.get("links") or {}, card.get("dates") or {}
    rows = [("Name", card.get("name")), ("Authors", ", ".join(map(str, _list(card, "authors", str)))),
            ("Team", card.get("team")), ("Published", dates.get("published"))]
    text = _table(rows)
    shown = [("Model page", links.get("page")), ("Source code", links.get("code")), ("Weights", links.get("weights"))]
    found = [_link(label, uri) for label, uri in shown if uri]
    return "<h3>Origin</h3>%s%s" % (text, "<p>%s</p>" % " · ".join(found) if found else "")


def _table(rows, keep_empty=False):
    known = [(name, text) for name, text in rows if text or (keep_empty and name)]
    cells = ["<tr><td><i>%s</i>&nbsp;&nbsp;</td><td>%s</td></tr>" % (_text(name), _text(text)) for name, text in known]
    return "<table cellpadding='2'>%s</table>" % "".join(cells) if cells else ""


def _paragraph(text):
    return "<p>%s</p>" % _text(text) if text else ""


def _text(value):
    text = "" if value is None else str(value)[:MOST_TEXT]
    return html.escape(text).replace("\n", "<br/>")


def _link(label, uri):
    """A link that a person may follow; the words alone where it is no address of the web."""
    uri = str(uri or "")
    try:
        address = urllib.parse.urlsplit(uri)
        is_web = address.scheme in ("http", "https") and bool(address.hostname)
    except ValueError:
        is_web = False
    words = _text(label or uri)
    return "<a href='%s'>%s</a>" % (html.escape(uri, quote=True), words) if is_web else words


def _colour(structure):
    colour = str(structure.get("colour", ""))
    known = re.fullmatch("#[0-9a-fA-F]{6}", colour) and colour.lower() != "#ffffff"  # white: it has none
    return colour if known else "#808080"


def _list(value, name, kind=None):
    """A list that is there, without what cannot be read."""
    found = value.get(name)
    if not isinstance(found, list):
        return []
    wanted = kind or (str if name in ("modalities", "body_parts", "warnings") else dict)
    return [one for one in found if isinstance(one, wanted)]
