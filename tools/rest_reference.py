#!/usr/bin/env python3
"""The reference page of the native API from its own description: rest_reference.py openapi.json > rest.md"""
import json
import sys

METHODS = ["get", "head", "post", "put", "patch", "delete"]


def cell(text) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ").replace("<", "\\<")


def type_of(schema: dict) -> str:
    """How a value is written in a table: a link to a named schema, or its type with its limits."""
    if not schema:
        return "any"
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    for word in ("oneOf", "anyOf", "allOf"):
        if word in schema:
            return (" and " if word == "allOf" else " or ").join(type_of(part) for part in schema[word])
    if "enum" in schema:
        return ", ".join(f"`{cell(json.dumps(value))}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{cell(json.dumps(schema['const']))}`"
    kinds = schema.get("type", "any")
    text = " or ".join(kinds) if isinstance(kinds, list) else kinds
    if "items" in schema:
        text += f" of {type_of(schema['items'])}"
    bounds = [f"{word} {schema[key]}" for key, word in [("minimum", "from"), ("maximum", "to")] if key in schema]
    return " ".join([text, *bounds])


def table(heads: list[str], rows: list[list[str]]) -> list[str]:
    if not rows:
        return []
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def content(part: dict) -> str:
    kinds = part.get("content", {})
    return "; ".join(f"`{kind}`: {type_of(body.get('schema', {}))}" for kind, body in kinds.items())


def operation(method: str, path: str, told: dict) -> list[str]:
    lines = [f"### {method.upper()} {path.removeprefix('/api/v1')}", "", told["summary"], ""]
    if told.get("description", told["summary"]) != told["summary"]:
        lines += [told["description"], ""]
    lines += table(["parameter", "in", "type", ""],
                   [[f"`{one['name']}`", one["in"], type_of(one["schema"]), cell(one.get("description", ""))]
                    for one in told.get("parameters", [])])
    if "requestBody" in told:
        lines += ["Body: " + content(told["requestBody"]), ""]
    lines += table(["status", "answer", ""],
                   [[status, content(answer) or "–", cell(answer.get("description", ""))]
                    for status, answer in told["responses"].items()])
    return lines


def schema(name: str, told: dict) -> list[str]:
    lines = [f"### {name}", ""]
    if "description" in told:
        lines += [cell(told["description"]), ""]
    properties = told.get("properties", {})
    if not properties:
        return lines + [f"Type: {type_of(told)}", ""]
    required = told.get("required", [])
    return lines + table(["member", "type", ""],
                         [[f"`{key}`" + ("" if key in required else " (may be missing)"), type_of(value),
                           cell(value.get("description", ""))] for key, value in properties.items()])


def page(api: dict) -> str:
    lines = ["# REST reference", "",
             f"Every request of `/api/v1`, version {api['info']['version']}, as the server describes itself in "
             "`/api/v1/openapi.json`. [The API](../api.md) is the guide.", "", api["info"]["description"], ""]
    groups: dict[str, list[str]] = {}
    for path, methods in api["paths"].items():
        for method in sorted(methods, key=METHODS.index):
            told = methods[method]
            groups.setdefault(told["tags"][0], []).extend(operation(method, path, told))
    for group, text in groups.items():
        lines += [f"## {group[0].upper() + group[1:]}", "", *text]
    lines += ["## Objects", ""]
    for name, told in api["components"]["schemas"].items():
        lines += schema(name, told)
    return "\n".join(lines)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        print(page(json.load(file)))
