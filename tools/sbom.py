#!/usr/bin/env python3
"""What a package of ours holds, as SPDX 2.3: sbom.py FILE.deb|FILE.tar.gz OUT.spdx.json [--licences OUT.txt]

Read from the package itself: the program, the libraries beside it (share/doc/sagittal/libraries.tsv) or those that it depends on
(.deb), libraries that are headers, the viewer's npm packages (web/package-lock.json), the model in the box, with the licence texts
that lie in the package."""
import argparse
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import time
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = "share/doc/sagittal/"
HEADERS = ["libboost-dev", "libcli11-dev", "libtomlplusplus-dev", "nlohmann-json3-dev"]
NOT_SAID = "NOASSERTION"


def files_of(package: Path) -> dict[str, bytes]:
    """Path below the prefix -> contents, of regular files."""
    data = package.read_bytes()
    if package.suffix == ".deb":
        data = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], capture_output=True, check=True).stdout
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            if member.isfile():
                name = re.sub(r"^(\./(usr/)?|sagittal-[^/]+/)", "", member.name)
                found[name] = archive.extractfile(member).read()
    return found


def debian_version(package: str) -> tuple[str, str]:
    """Source package and its version, of this machine, where the package was built."""
    shown = subprocess.run(["dpkg-query", "--show", "--showformat", "${source:Package}\t${source:Version}", package],
                           capture_output=True, text=True)
    if shown.returncode != 0:
        raise SystemExit(f"sbom.py: {package} is not installed, so its version is not known")
    return tuple(shown.stdout.split("\t"))


def version() -> str:
    return re.search(r"^project\(\w+ VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE)[1]


class Document:
    def __init__(self, package: Path):
        self.packages, self.relations, self.texts = [], [], []
        self.digest = hashlib.sha256(package.read_bytes()).hexdigest()
        self.name = package.name

    def add(self, name, found_version, relation, *, licence=NOT_SAID, supplier=NOT_SAID, purl=None, whose="Package-sagittal", **more):
        identifier = "Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)
        self.packages.append({
            "SPDXID": f"SPDXRef-{identifier}", "name": name, "versionInfo": found_version, "downloadLocation": NOT_SAID,
            "filesAnalyzed": False, "supplier": supplier, "licenseConcluded": licence, "licenseDeclared": licence,
            "copyrightText": NOT_SAID, **more,
            **({"externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}]}
               if purl else {})})
        if relation:
            self.relations.append((f"SPDXRef-{whose}", relation, f"SPDXRef-{identifier}"))

    def text(self, name: str, text: bytes) -> str:
        """A licence that is a text of its own, and its id."""
        identifier = "LicenseRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)
        self.texts.append({"licenseId": identifier, "name": name, "extractedText": text.decode("utf-8", "replace")})
        return identifier

    def json(self) -> str:
        seconds = float(os.environ.get("SOURCE_DATE_EPOCH", time.time()))
        created = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        described = {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                     "relatedSpdxElement": "SPDXRef-Package-sagittal"}
        related = [dict(zip(("spdxElementId", "relationshipType", "relatedSpdxElement"), row)) for row in self.relations]
        return json.dumps({
            "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": self.name,
            "documentNamespace": f"https://sagittal.example.org/spdx/{self.name}-{self.digest}",
            "creationInfo": {"created": created, "creators": ["Organization: The Sagittal authors", "Tool: sbom.py"]},
            "packages": self.packages, "relationships": [described, *related],
            "hasExtractedLicensingInfos": self.texts}, indent=1)


def add_libraries(document: Document, files: dict[str, bytes]) -> None:
    """Those that lie in the package: one entry for each of Debian's packages, with the files that came from it."""
    rows = [line.split("\t") for line in files[DOCUMENTS + "libraries.tsv"].decode().splitlines()[1:]]
    for package in sorted({row[1] for row in rows}):
        held = [row[0] for row in rows if row[1] == package]
        _, _, source, found = next(row for row in rows if row[1] == package)
        licence = document.text(package, files[f"{DOCUMENTS}licences/{package}.txt"])
        document.add(package, found, "CONTAINS", licence=licence, supplier="Organization: Debian",
                     purl=f"pkg:deb/debian/{package}@{found}", comment=f"of the source package {source}: {', '.join(held)}")


def add_dependencies(document: Document, package: Path) -> None:
    """Those of Debian that the package asks for; they are not in it."""
    depends = subprocess.run(["dpkg-deb", "--field", package, "Depends"], capture_output=True, text=True, check=True).stdout
    for name, wanted in re.findall(r"([a-z0-9][a-z0-9+.-]+)(?: \(([^)]*)\))?", depends):
        document.add(name, wanted or "any", "DEPENDS_ON", supplier="Organization: Debian", purl=f"pkg:deb/debian/{name}")


def describe(package: Path) -> tuple[Document, dict[str, bytes]]:
    files, document = files_of(package), Document(package)
    document.add("sagittal", version(), None, licence="Apache-2.0", supplier="Organization: The Sagittal authors",
                 packageFileName=package.name, checksums=[{"algorithm": "SHA256", "checksumValue": document.digest}])
    if package.suffix == ".deb":
        add_dependencies(document, package)
    else:
        add_libraries(document, files)
    for name in HEADERS:
        source, found = debian_version(name)
        licence = document.text(name, files[f"{DOCUMENTS}licences/{name}.txt"])
        document.add(name, found, "CONTAINS", licence=licence, supplier="Organization: Debian",
                     purl=f"pkg:deb/debian/{name}@{found}", comment=f"headers, compiled in; of the source package {source}")
    if f"{DOCUMENTS}licences/viewer.txt" in files:
        locked = json.loads((ROOT / "web/package-lock.json").read_text())["packages"]
        for folder, entry in locked.items():
            if folder and not entry.get("dev") and not entry.get("optional"):
                name = folder.rpartition("node_modules/")[2]
                document.add(name, entry["version"], "CONTAINS", licence=entry["license"],
                             purl=f"pkg:npm/{name.replace('@', '%40')}@{entry['version']}")
    for card in sorted(name for name in files if re.fullmatch(r"share/sagittal/models/[^/]+/LICENSE", name)):
        folder = card.rsplit("/", 1)[0]
        weights = hashlib.sha256(b"".join(files[name] for name in sorted(files) if name.startswith(folder + "/"))).hexdigest()
        document.add(folder.rsplit("/", 1)[1], version(), "CONTAINS", licence="Apache-2.0",
                     supplier="Organization: The Sagittal authors", comment=f"a model; SHA-256 of its files by name: {weights}")
    return document, files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--licences", type=Path, help="all licence texts of the package, in one file")
    arguments = parser.parse_args()
    document, files = describe(arguments.package)
    arguments.out.write_text(document.json())
    if arguments.licences:
        texts = {name: text for name, text in files.items() if name.startswith(f"{DOCUMENTS}licences/") or name.endswith("/LICENSE")}
        arguments.licences.write_bytes(b"".join(b"%s\n%s\n\n%s\n\n" % (name.encode(), b"=" * len(name), text.strip())
                                                for name, text in sorted(texts.items())))


if __name__ == "__main__":
    main()
