"""What a model reads, and whether a volume of the scene will do."""
from dataclasses import dataclass
from typing import Optional, Tuple

from ..client import BadAnswer

IMAGE, DICOM = "nrrd", "dicom"
MODALITIES = {"CT": "CT", "MR": "MR", "PT": "PET", "US": "ultrasound", "CR": "radiograph (CR)",
              "DX": "radiograph (DX)", "SM": "slide microscopy"}


@dataclass(frozen=True)
class Licence:
    """What a person agrees to before the first run; commercial_use None: it does not say."""

    id: str
    text: str
    commercial_use: Optional[bool]


@dataclass(frozen=True)
class Need:
    """One thing that a run is given. An empty role: the only one, or one of several in the model's order."""

    role: str
    label: str
    kind: str
    modalities: Tuple[str, ...]
    accepts: Tuple[str, ...]
    description: str


@dataclass(frozen=True)
class Needs:
    """Of one workflow."""

    workflow: str
    inputs: Tuple[Need, ...]
    images_accepted: bool
    why_no_images: str
    licence: Optional[Licence]


@dataclass(frozen=True)
class Choice:
    """A volume of the scene as it would be sent."""

    name: str
    modality: str
    is_dicom: bool


def read_needs(answer):
    """Raises BadAnswer."""
    try:
        volumes = answer["volumes"]
        licence = answer.get("licence")
        roles = [str(one["role"]) for one in answer["inputs"]]
        inputs = tuple(Need(*_named(roles, n), str(one["kind"]), tuple(map(str, one["modalities"])),
                            tuple(map(str, one["accepts"])), str(one["description"]))
                       for n, one in enumerate(answer["inputs"]))
        return Needs(str(answer["workflow"]), inputs, volumes["accepted"] is True, str(volumes["reason"] or ""),
                     read_licence(licence) if licence else None)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadAnswer("The server does not tell what the model reads.") from error


def _named(roles, n):
    """(role, label); roles that are alike name nothing, and the inputs go by their order."""
    if len(roles) == 1:
        return roles[0], "Volume"
    if len(set(roles)) == len(roles) and all(roles):
        return roles[n], roles[n].upper()
    return "", "%s %d" % (roles[n].upper() or "Volume", n + 1)


def read_licence(value):
    """Raises BadAnswer."""
    if not isinstance(value, dict):
        raise BadAnswer("The server does not tell the licence that is to be accepted.")
    use = value.get("commercial_use")
    return Licence(str(value.get("id", "")), str(value.get("text", "")), use if isinstance(use, bool) else None)


def use_text(commercial_use):
    """A sentence on what may be done with a model."""
    if commercial_use is None:
        return "It is not stated whether the model may be used commercially."
    return "The model may be used commercially." if commercial_use else "The model is not for commercial use."


def obstacle(needs, need, choice):
    """(sentence, whether the model refuses it) on a Choice or None; ('', False): nothing is known against it."""
    if need.kind in ("segmentation", "structures", "file"):
        return "It reads %s, which cannot be sent from here. Run it with “sagittal hub run”." % (
            need.description or ", ".join(need.accepts)), True
    if choice is None:
        return "Choose a volume.", True
    form = DICOM if choice.is_dicom else IMAGE
    if form not in need.accepts:
        return _wrong_form(needs, choice), True
    if not choice.modality or not need.modalities or choice.modality in need.modalities:
        return "", False
    text = "The model was made for %s; this volume is %s." % (modality_text(need.modalities),
                                                              modality_text([choice.modality]))
    refused = choice.is_dicom and need.kind == "series"
    return text + (" It would refuse it." if refused else " Expect nothing of the result."), refused


def modality_text(modalities):
    """'CT or PET'"""
    return " or ".join(MODALITIES.get(one, one) for one in modalities)


def _wrong_form(needs, choice):
    if choice.is_dicom:
        return "The model takes images that are no DICOM: untick “Send the DICOM series”."
    reason = needs.why_no_images or "The model takes DICOM only"
    dot = "" if reason.endswith(".") else "."
    return reason + dot + " Load the scan with Slicer's DICOM module and choose that volume."
