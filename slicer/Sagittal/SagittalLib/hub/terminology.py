"""Codes of segments in the form of 3D Slicer's terminologies."""

TYPES = "Segmentation category and type - 3D Slicer General Anatomy list"
REGIONS = "Anatomic codes - DICOM master list"
_NO_CODE = "^^"
_SEPARATORS = str.maketrans("^~|\n\r", "     ")


def entry_of(codes):
    """The serialised entry of {category, type, modifier, region, region_modifier}; empty without category and type."""
    if not codes.get("category") or not codes.get("type"):
        return ""
    return "~".join([TYPES, _code(codes, "category"), _code(codes, "type"), _code(codes, "modifier"), REGIONS,
                     _code(codes, "region"), _code(codes, "region_modifier")])


def code_text(codes):
    """'SCT 10200004', with what it is modified by and where."""
    named = [codes.get(name) for name in ("type", "modifier", "region", "region_modifier")]
    return " · ".join("%s %s" % (code.get("scheme", ""), code.get("value", "")) for code in named if code)


def _code(codes, name):
    code = codes.get(name)
    if not code:
        return _NO_CODE
    return "^".join(str(code.get(part, "")).translate(_SEPARATORS) for part in ("scheme", "value", "meaning"))
