#include <string_view>

#include "server/api/openapi.h"

namespace sagittal::server {
namespace {

constexpr std::string_view kSchemas = R"json({
"Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object",
  "required": ["code", "message", "details"], "properties": {
    "code": {"type": "string", "examples": ["not_found", "bad_input", "too_large", "conflict", "unavailable"]},
    "message": {"type": "string"}, "details": {"type": ["array", "object"]}}}}},
"Document": {"description": "An OpenAPI document.", "type": "object"},
"Index": {"type": "array", "items": {"type": "integer"}, "minItems": 3, "maxItems": 3},
"Vector": {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3},
"Bounds": {"description": "[[i0, i1], [j0, j1], [k0, k1]], half-open; all zero where there is nothing.",
  "type": "array", "minItems": 3, "maxItems": 3,
  "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2}},
"Bits": {"description": "Base64 of one bit per voxel, i fastest, the first voxel in the highest bit.",
  "type": "string", "contentEncoding": "base64"},
"Geometry": {"description": "world = origin_lps_mm + direction * (spacing_mm * index), in millimetres, LPS.",
  "type": "object", "required": ["shape", "spacing_mm", "origin_lps_mm", "direction"], "properties": {
    "shape": {"$ref": "#/components/schemas/Index"}, "spacing_mm": {"$ref": "#/components/schemas/Vector"},
    "origin_lps_mm": {"$ref": "#/components/schemas/Vector"},
    "direction": {"description": "Row by row; columns are the axes.", "type": "array", "items": {"type": "number"},
      "minItems": 9, "maxItems": 9}}},
"Volume": {"type": "object", "required": ["id", "name", "format", "bytes", "geometry", "type", "range", "frames"],
  "properties": {
    "id": {"description": "SHA-256 of the file.", "type": "string", "pattern": "^[0-9a-f]{64}$"},
    "name": {"type": "string"}, "format": {"type": "string"}, "bytes": {"type": "integer"},
    "modality": {"type": ["string", "null"]}, "geometry": {"$ref": "#/components/schemas/Geometry"},
    "type": {"description": "NumPy's name.", "type": "string", "examples": ["int16"]},
    "range": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    "frames": {"description": "Volumes in a 4D file.", "type": "integer"},
    "series": {"description": "Of a DICOM file.", "type": "array", "items": {"type": "object", "properties": {
      "uid": {"type": "string"}, "description": {"type": "string"}, "modality": {"type": "string"},
      "shape": {"$ref": "#/components/schemas/Index"}}}}}},
"Volumes": {"type": "object", "required": ["volumes"], "properties": {
  "volumes": {"type": "array", "items": {"$ref": "#/components/schemas/Volume"}}}},
"Received": {"type": "object", "required": ["received"], "properties": {"received": {"type": "integer"}}},
"SessionRequest": {"type": "object", "required": ["volume"], "properties": {
  "volume": {"type": "string"}, "series": {"description": "Of a file with several.", "type": "string"},
  "frame": {"description": "Of a 4D file, from 0.", "type": "integer"},
  "model": {"description": "One of Info's models; without it the default.", "type": "string"},
  "auto_zoom": {"$ref": "#/components/schemas/AutoZoom"}}},
"AutoZoom": {"description": "Whether objects larger than the model's patch are looked at from afar first.",
  "type": "boolean", "default": true},
"SessionChange": {"description": "At least one of them.", "type": "object", "minProperties": 1, "properties": {
  "shared": {"description": "Whether everybody with a key and the id may use it.", "type": "boolean"},
  "auto_zoom": {"$ref": "#/components/schemas/AutoZoom"}}},
"SessionSummary": {"type": "object", "properties": {
  "id": {"type": "string"}, "volume": {"type": "string"}, "name": {"type": "string"},
  "series": {"type": ["string", "null"]}, "created": {"type": "string", "format": "date-time"},
  "shared": {"type": "boolean"}, "revision": {"type": "integer"}, "model": {"type": "string"},
  "model_available": {"description": "Whether this server has it. Else the session answers 409 and waits for a server with it.",
    "type": "boolean"},
  "segments": {"type": "array", "items": {"type": "object", "properties": {"number": {"type": "integer"},
    "name": {"type": "string"}, "colour": {"$ref": "#/components/schemas/Colour"}}}}}},
"Sessions": {"type": "object", "required": ["sessions"], "properties": {
  "sessions": {"type": "array", "items": {"$ref": "#/components/schemas/SessionSummary"}}}},
"Session": {"type": "object",
  "required": ["id", "volume", "model", "auto_zoom", "geometry", "shared", "revision", "segments", "prompts",
    "created"],
  "properties": {
    "id": {"type": "string"}, "volume": {"type": "string"}, "name": {"type": "string"},
    "series": {"type": ["string", "null"]}, "frame": {"type": ["integer", "null"]}, "model": {"type": "string"},
    "auto_zoom": {"$ref": "#/components/schemas/AutoZoom"},
    "geometry": {"$ref": "#/components/schemas/Geometry"}, "shared": {"type": "boolean"},
    "revision": {"description": "Goes up with every change.", "type": "integer"},
    "created": {"type": "string", "format": "date-time"},
    "segments": {"type": "array", "items": {"$ref": "#/components/schemas/Segment"}},
    "prompts": {"$ref": "#/components/schemas/Capabilities"}}},
"Capabilities": {"description": "What the model can be prompted with.", "type": "object", "properties": {
  "point": {"type": "boolean"}, "box2d": {"type": "boolean"}, "box3d": {"type": "boolean"},
  "scribble": {"type": "boolean"}, "lasso": {"type": "boolean"}, "init": {"type": "boolean"},
  "point_radius": {"description": "Voxels.", "type": "number"}}},
"Colour": {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
"Code": {"type": ["object", "null"], "properties": {
  "value": {"type": "string"}, "scheme": {"type": "string"}, "meaning": {"type": "string"}}},
"Term": {"type": ["object", "null"], "properties": {
  "id": {"type": "string"}, "name": {"type": "string"}, "colour": {"$ref": "#/components/schemas/Colour"},
  "category": {"$ref": "#/components/schemas/Code"}, "type": {"$ref": "#/components/schemas/Code"},
  "modifier": {"$ref": "#/components/schemas/Code"}, "region": {"$ref": "#/components/schemas/Code"}}},
"Terms": {"type": "object", "required": ["terms"], "properties": {
  "terms": {"type": "array", "items": {"$ref": "#/components/schemas/Term"}, "maxItems": 50}}},
"SegmentRequest": {"type": "object", "properties": {
  "name": {"type": "string"}, "colour": {"$ref": "#/components/schemas/Colour"},
  "term": {"description": "SegDB id, name or class of TotalSegmentator; gives name and colour too.",
    "type": ["string", "null"]},
  "mask": {"description": "To begin with; only where the segment is added.", "type": "object",
    "required": ["bounds", "mask"], "properties": {
      "bounds": {"$ref": "#/components/schemas/Bounds"}, "mask": {"$ref": "#/components/schemas/Bits"}}}}},
"Segment": {"type": "object", "required": ["number", "name", "colour", "voxels", "bounds", "can_undo", "can_redo"],
  "properties": {
    "number": {"description": "Never used again in this session.", "type": "integer"}, "name": {"type": "string"},
    "colour": {"$ref": "#/components/schemas/Colour"}, "term": {"$ref": "#/components/schemas/Term"},
    "voxels": {"type": "integer"}, "volume_ml": {"type": "number"}, "bounds": {"$ref": "#/components/schemas/Bounds"},
    "prompts": {"description": "Since the last initial mask or reset.", "type": "integer"},
    "can_undo": {"type": "boolean"}, "can_redo": {"type": "boolean"}, "revision": {"type": "integer"}}},
"Prompt": {"type": "object", "required": ["type"], "properties": {
  "type": {"enum": ["point", "box", "scribble", "lasso", "init"]},
  "ijk": {"description": "Of a point.", "$ref": "#/components/schemas/Vector"},
  "ijk0": {"description": "Of a box, half-open.", "$ref": "#/components/schemas/Vector"},
  "ijk1": {"$ref": "#/components/schemas/Vector"},
  "bounds": {"description": "Of a scribble or lasso, and of an init that is no mask of the whole image.", "$ref": "#/components/schemas/Bounds"},
  "mask": {"description": "Inside bounds; without them of the whole image, for init.", "$ref": "#/components/schemas/Bits"},
  "include": {"type": "boolean", "default": true},
  "predict": {"description": "False: it acts with the next prompt. Default true, for init false.", "type": "boolean"}}},
"PromptsFile": {"type": "object", "required": ["version", "prompts"], "properties": {
  "version": {"const": 1}, "prompts": {"type": "array", "items": {"$ref": "#/components/schemas/Prompt"}}}},
"Mask": {"description": "The segment inside bounds.", "type": "object",
  "required": ["revision", "bounds", "mask", "voxels", "can_undo", "can_redo"], "properties": {
    "revision": {"type": "integer"}, "bounds": {"$ref": "#/components/schemas/Bounds"},
    "mask": {"$ref": "#/components/schemas/Bits"}, "voxels": {"description": "Of all of the segment.", "type": "integer"},
    "volume_ml": {"type": "number"}, "can_undo": {"type": "boolean"}, "can_redo": {"type": "boolean"}}},
"Masks": {"type": "object", "required": ["revision", "segments"], "properties": {"revision": {"type": "integer"},
  "segments": {"type": "array", "items": {"allOf": [{"$ref": "#/components/schemas/Mask"},
    {"type": "object", "required": ["number"], "properties": {"number": {"type": "integer"}}}]}}}},
"Reply": {"description": "What changed: the voxels of the segment inside bounds; all others are as before.",
  "allOf": [{"$ref": "#/components/schemas/Mask"}, {"type": "object", "properties": {
    "request": {"type": "string"}, "passes": {"description": "Runs of the network.", "type": "integer"},
    "zoom": {"type": "number"}, "seconds": {"type": "number"}}}]},
"Studies": {"type": "object", "required": ["studies", "complete", "problems"], "properties": {
  "studies": {"type": "array", "items": {"type": "object", "required": ["id", "name", "source"], "properties": {
    "id": {"type": "string"}, "name": {"type": "string"}, "source": {"enum": ["example", "folder", "dicomweb"]},
    "modality": {"type": ["string", "null"]}, "detail": {"type": "string"}, "series": {"type": ["string", "null"]},
    "shape": {"anyOf": [{"$ref": "#/components/schemas/Index"}, {"type": "null"}]}}}},
  "complete": {"description": "False: there are more, or a folder is still being looked through.", "type": "boolean"},
  "problems": {"description": "Why a source is missing.", "type": "array", "items": {"type": "string"}}}},
"Accepted": {"type": "object", "required": ["request"], "properties": {"request": {"type": "string"}}},
"Info": {"type": "object", "properties": {"version": {"type": "string"}, "default_model": {"type": "string"},
  "models": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}, "precision": {"type": "string"},
  "device": {"description": "What the default model computes on.", "type": "string", "examples": ["cpu", "cuda"]},
  "limits": {"type": "object"},
  "capabilities": {"description": "Those of the default model.", "$ref": "#/components/schemas/Capabilities"},
  "parts": {"description": "What this server offers: segment, hub.", "type": "array", "items": {"type": "string"}},
  "hub": {"type": ["object", "null"], "properties": {"models": {"type": "integer"},
    "synced": {"description": "When the list of models was fetched.", "type": ["string", "null"]}}},
  "jobs": {"type": ["object", "null"], "properties": {
    "slurm": {"description": "Whether jobs can be sent to a cluster.", "type": "boolean"}}}}},
"Model": {"description": "A model that sessions can be opened with.", "type": "object",
  "required": ["name", "licence", "licence_id", "commercial_use", "patch_size", "capabilities"], "properties": {
  "name": {"type": "string"},
  "licence": {"description": "As its folder states it.", "type": ["string", "null"]},
  "licence_id": {"description": "The same as an SPDX id, where its words are known.", "type": ["string", "null"],
    "examples": ["CC-BY-NC-SA-4.0"]},
  "commercial_use": {"description": "Whether that licence allows it; null: its words do not tell.", "type": ["boolean", "null"]},
  "patch_size": {"description": "Voxels along i, j, k.", "$ref": "#/components/schemas/Index"},
  "capabilities": {"$ref": "#/components/schemas/Capabilities"}}},
"HubStructure": {"type": "object", "required": ["id", "name", "colour"], "properties": {
  "id": {"description": "SegDB's; LIVER+CYST is a finding in an organ.", "type": "string"}, "name": {"type": "string"},
  "colour": {"$ref": "#/components/schemas/Colour"},
  "label": {"description": "In the label map, where the card fixes it.", "type": ["integer", "null"]},
  "category": {"$ref": "#/components/schemas/Code"}, "type": {"$ref": "#/components/schemas/Code"},
  "modifier": {"$ref": "#/components/schemas/Code"}, "region": {"$ref": "#/components/schemas/Code"},
  "region_modifier": {"$ref": "#/components/schemas/Code"}}},
"HubLicence": {"type": "object", "required": ["code", "weights", "commercial_use"], "properties": {
  "code": {"description": "SPDX id, or LicenseRef-…", "type": ["string", "null"]}, "weights": {"type": ["string", "null"]},
  "code_text": {"type": ["string", "null"]}, "weights_text": {"type": ["string", "null"]},
  "commercial_use": {"description": "null: the licences do not tell.", "type": ["boolean", "null"]}}},
"HubModel": {"type": "object", "required": ["name", "source", "title", "summary", "kind", "engine", "modalities",
  "body_parts", "inputs", "structures", "licence"], "properties": {
  "name": {"type": "string"}, "source": {"enum": ["mhub", "local"]}, "title": {"type": "string"},
  "version": {"type": ["string", "null"]}, "summary": {"type": "string"},
  "kind": {"enum": ["segmentation", "prediction", "both", "interactive", "unknown"]},
  "engine": {"enum": ["nnunet_v1", "nnunet_v2", "totalsegmentator", "nninteractive", "other", "unknown"]},
  "modalities": {"type": "array", "items": {"type": "string"}},
  "body_parts": {"type": "array", "items": {"type": "string"}},
  "inputs": {"description": "How many.", "type": "integer"},
  "structures": {"type": "array", "items": {"$ref": "#/components/schemas/HubStructure"}},
  "licence": {"$ref": "#/components/schemas/HubLicence"}}},
"HubModels": {"type": "object", "required": ["models", "total", "synced"], "properties": {
  "models": {"type": "array", "items": {"$ref": "#/components/schemas/HubModel"}},
  "total": {"description": "Without the query.", "type": "integer"},
  "synced": {"type": ["object", "null"], "properties": {"time": {"type": "string", "format": "date-time"},
    "from": {"type": "string"}, "models": {"type": "integer"}}}}},
"HubCard": {"description": "A HubModel with its inputs in full and all else that its makers say; texts are plain.",
  "type": "object", "required": ["name", "source", "title", "licence", "inputs", "outputs", "workflows", "warnings"],
  "properties": {"name": {"type": "string"}, "source": {"enum": ["mhub", "local"]}, "title": {"type": "string"},
    "licence": {"$ref": "#/components/schemas/HubLicence"}, "citation": {"type": ["string", "null"]},
    "inputs": {"type": "array", "items": {"type": "object"}},
    "outputs": {"type": "array", "items": {"type": "object", "properties": {
      "type": {"enum": ["segmentation", "prediction", "classification"]}, "label": {"type": "string"},
      "description": {"type": "string"}, "value_type": {"type": ["string", "null"]},
      "structures": {"type": "array", "items": {"$ref": "#/components/schemas/HubStructure"}}}}},
    "workflows": {"type": "array", "items": {"type": "object"}},
    "image": {"type": ["object", "null"]}, "sections": {"type": "array", "items": {"type": "object"}},
    "warnings": {"type": "array", "items": {"type": "string"}}}},
"HubInputs": {"type": "object", "required": ["model", "source", "workflow", "inputs", "volumes", "licence"],
  "properties": {"model": {"type": "string"}, "source": {"enum": ["mhub", "local"]}, "workflow": {"type": "string"},
    "inputs": {"type": "array", "items": {"type": "object",
      "required": ["role", "kind", "modalities", "accepts", "description"], "properties": {
        "role": {"description": "As in a JobRequest; empty: the only one.", "type": "string"},
        "kind": {"description": "segmentation, structures: an object that refers to the images; image: of any format.",
          "enum": ["series", "segmentation", "structures", "file", "image"]},
        "modalities": {"description": "Empty: any, or not told.", "type": "array", "items": {"type": "string"}},
        "accepts": {"type": "array", "items": {"type": "string", "examples": ["dicom", "nifti", "nrrd"]}},
        "description": {"type": "string"}}}},
    "volumes": {"description": "Whether images that are no DICOM are taken.", "type": "object",
      "required": ["accepted", "reason"], "properties": {
        "accepted": {"type": "boolean"}, "reason": {"type": ["string", "null"]}}},
    "licence": {"description": "What the caller has to accept before the first run; null: nothing.",
      "type": ["object", "null"], "properties": {"id": {"type": "string"}, "text": {"type": "string"},
        "commercial_use": {"type": ["boolean", "null"]}}}}},
"HubBackend": {"type": "object", "required": ["name", "available", "reason", "mend"], "properties": {
  "name": {"type": "string"}, "available": {"type": "boolean"},
  "reason": {"description": "Why not.", "type": ["string", "null"]},
  "mend": {"description": "What to do about it.", "type": ["string", "null"]}}},
"HubBackends": {"description": "Looked at again after a minute.", "type": "object",
  "required": ["backends", "best", "on"], "properties": {
    "backends": {"type": "array", "items": {"$ref": "#/components/schemas/HubBackend"}},
    "best": {"description": "What runs an image where none is chosen.", "type": ["string", "null"]},
    "on": {"description": "local and slurm.", "type": "array",
      "items": {"$ref": "#/components/schemas/HubBackend"}}}},
"ImportRequest": {"type": "object", "required": ["job", "path"], "properties": {
  "job": {"type": "string"}, "path": {"description": "Of an output that is a segmentation.", "type": "string"}}},
"Segments": {"type": "object", "required": ["segments"], "properties": {
  "segments": {"type": "array", "items": {"$ref": "#/components/schemas/Segment"}}}},
"JobState": {"enum": ["queued", "pulling", "staging", "running", "collecting", "done", "failed", "cancelled",
  "interrupted"], "description": "interrupted: whoever ran it is gone; it waits to be run once more."},
"JobRequest": {"type": "object", "required": ["model", "inputs"], "properties": {
  "model": {"type": "string"}, "source": {"enum": ["mhub", "local"]}, "workflow": {"type": "string"},
  "backend": {"enum": ["docker", "podman", "apptainer", "bubblewrap", "runc", "environment", "native"]},
  "on": {"enum": ["local", "slurm"]}, "accept_licence": {"type": "boolean"},
  "inputs": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {
    "role": {"description": "ct, pt, t2w; left out where the model has one input.", "type": "string"},
    "volume": {"description": "An uploaded image.", "type": "string"},
    "series": {"description": "Of that image, where it holds several; alone: a scan of the server.",
      "type": "string"}}}}}},
"Job": {"type": "object", "required": ["id", "model", "title", "state", "stage", "fraction", "notes", "error",
  "outputs", "inputs"], "properties": {
  "id": {"type": "string"}, "model": {"type": "string"}, "title": {"type": "string"}, "source": {"type": "string"},
  "workflow": {"type": "string"}, "backend": {"type": "string"}, "on": {"type": "string"},
  "state": {"$ref": "#/components/schemas/JobState"},
  "stage": {"type": "string"}, "fraction": {"description": "Of the stage.", "type": "number"},
  "place": {"description": "In the queue, from 1.", "type": ["integer", "null"]},
  "created": {"type": "string", "format": "date-time"}, "started": {"type": ["string", "null"]},
  "ended": {"type": ["string", "null"]}, "bytes": {"type": "integer"},
  "notes": {"type": "array", "items": {"type": "string"}},
  "error": {"type": ["object", "null"], "properties": {"code": {"type": "string"}, "message": {"type": "string"}}},
  "inputs": {"type": "array", "items": {"type": "object", "properties": {"role": {"type": "string"},
    "description": {"type": "string"}, "volume": {"type": ["string", "null"]},
    "series": {"description": "As it was asked for.", "type": ["string", "null"]}}}},
  "outputs": {"type": "array", "items": {"type": "object", "properties": {
    "path": {"type": "string"}, "kind": {"enum": ["segmentation", "table", "json", "image", "file"]},
    "bytes": {"type": ["integer", "null"]}, "segments": {"type": "array", "items": {"type": "object", "properties": {
      "number": {"type": "integer"}, "name": {"type": "string"}, "id": {"type": "string"},
      "colour": {"type": "array", "items": {"type": "integer"}}, "codes": {"type": ["object", "null"]},
      "volume_ml": {"type": "number"}}}}}}},
  "record": {"description": "How the results were made; of one job.", "type": ["object", "null"]}}},
"Jobs": {"type": "object", "required": ["jobs"], "properties": {
  "jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}}}},
"StreamRequest": {"type": "object", "required": ["pipeline"], "properties": {
  "pipeline": {"description": "A name of GET /streams.", "type": "string"},
  "parameters": {"$ref": "#/components/schemas/StreamParameters"}}},
"StreamParameters": {"description": "{operator: {parameter: value}}; files and addresses cannot be set here.",
  "type": "object", "additionalProperties": {"type": "object"}},
"StreamCommand": {"type": "object", "required": ["operator", "name"], "properties": {
  "operator": {"type": "string"}, "name": {"type": "string"}, "arguments": {}}},
"StreamAnswer": {"type": "object", "required": ["answer"], "properties": {"answer": {}}},
"Durations": {"type": "object", "required": ["count"], "properties": {"count": {"type": "integer"},
  "mean_ms": {"type": "number"}, "min_ms": {"type": "number"}, "p50_ms": {"type": "number"},
  "p90_ms": {"type": "number"}, "p95_ms": {"type": "number"}, "p99_ms": {"type": "number"},
  "p99_9_ms": {"type": "number"}, "max_ms": {"type": "number"}}},
"Stream": {"type": "object", "required": ["id", "pipeline", "title", "started", "state", "ended", "elapsed_s"],
  "properties": {
    "id": {"type": "string"}, "pipeline": {"type": "string"}, "title": {"type": "string"},
    "started": {"type": "string", "format": "date-time"}, "ended": {"type": "boolean"},
    "state": {"description": "running, or how it ended: finished, stopped, time limit, deadlock, failed.",
      "type": "string"},
    "why": {"type": ["string", "null"]}, "elapsed_s": {"type": "number"},
    "log": {"type": "array", "items": {"type": "string"}},
    "operators": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"},
      "type": {"type": "string"}, "state": {"description": "running, waiting, off, done.", "type": "string"},
      "runs": {"type": "integer"}, "errors": {"type": "integer"}, "last_error": {"type": ["string", "null"]},
      "compute": {"$ref": "#/components/schemas/Durations"}, "counters": {"type": "object"},
      "counters_age_s": {"description": "How old the counters are.", "type": "number"},
      "parameters": {"type": "object"}}}},
    "flows": {"type": "array", "items": {"type": "object", "properties": {"flow": {"type": "string"},
      "type": {"type": "string"}, "capacity": {"type": "integer"}, "when_full": {"type": "string"},
      "sent": {"type": "integer"}, "taken": {"type": "integer"}, "dropped": {"type": "integer"},
      "waiting": {"type": "integer"}, "most_waiting": {"type": "integer"}}}},
    "paths": {"type": "array", "items": {"type": "object", "properties": {"path": {"type": "string"},
      "messages": {"type": "integer"}, "latency": {"$ref": "#/components/schemas/Durations"}}}}}},
"StreamParameter": {"type": "object", "required": ["name", "type", "settable"], "properties": {
  "name": {"type": "string"}, "description": {"type": "string"},
  "type": {"description": "true or false, whole number, number, text, list of whole numbers, list of numbers, list of texts, anything.",
    "type": "string"},
  "limits": {"description": "Least and most.", "type": ["array", "null"], "items": {"type": "number"}},
  "choices": {"type": ["array", "null"]}, "unit": {"type": ["string", "null"]},
  "path": {"description": "Whether it is a file or a folder.", "type": "boolean"},
  "settable": {"description": "Who may set it: while it runs, at the start, in the file (alone).", "type": "string"},
  "fixed": {"description": "Whether it does not change while it runs.", "type": "boolean"},
  "kind": {"description": "Type, limits and choices for people.", "type": "string"},
  "default": {}, "value": {"description": "As the pipeline starts."}}},
"StreamOperatorCommand": {"type": "object", "required": ["name", "description"], "properties": {
  "name": {"description": "* for any name.", "type": "string"}, "description": {"type": "string"}}},
"Streams": {"type": "object", "required": ["streams", "pipelines"], "properties": {
  "streams": {"type": "array", "items": {"$ref": "#/components/schemas/Stream"}},
  "pipelines": {"type": "array", "items": {"type": "object", "required": ["name", "title"], "properties": {
    "name": {"type": "string"}, "title": {"type": "string"}, "description": {"type": "string"},
    "problem": {"description": "Why it cannot be started.", "type": ["string", "null"]},
    "stand_ins": {"description": "What runs where something was not fetched.", "type": "array",
      "items": {"type": "string"}},
    "operators": {"description": "As they start; empty where it cannot be read.", "type": "array",
      "items": {"type": "object", "properties": {
        "name": {"type": "string"}, "type": {"type": "string"}, "description": {"type": "string"},
        "enabled": {"type": "boolean"},
        "parameters": {"type": "array", "items": {"$ref": "#/components/schemas/StreamParameter"}},
        "commands": {"type": "array", "items": {"$ref": "#/components/schemas/StreamOperatorCommand"}}}}},
    "flows": {"type": "array", "items": {"type": "string"}}}}}}},
"StreamOperators": {"type": "object", "required": ["operators", "control_commands"], "properties": {
  "operators": {"type": "array", "items": {"type": "object", "properties": {
    "name": {"type": "string"}, "description": {"type": "string"}, "inputs": {"type": "array"},
    "outputs": {"type": "array"},
    "parameters": {"type": "array", "items": {"$ref": "#/components/schemas/StreamParameter"}},
    "commands": {"type": "array", "items": {"$ref": "#/components/schemas/StreamOperatorCommand"}}}}},
  "control_commands": {"description": "What a peer may ask by OpenIGTLink's COMMAND where `control` is on.",
    "type": "array", "items": {"$ref": "#/components/schemas/StreamOperatorCommand"}}}},
"Status": {"type": "object", "properties": {"sessions": {"type": "integer"}, "with_image": {"type": "integer"},
  "max_sessions": {"type": "integer"}, "queue": {"type": "object"}, "memory": {"type": "object"},
  "predictions": {"type": "integer"}, "uptime_s": {"type": "number"}, "models": {"type": "array"}}}
})json";

}  // namespace

Json api_schemas() { return parse_json(kSchemas, "schemas of the API"); }

}  // namespace sagittal::server
