"""What Tidegate runs on, with licences: `python -m tests.support.sbom` writes CycloneDX and docs/dependencies.md.

The runtime alone, as `requirements.lock` pins it, without the embedded stack and without tools. Licences are what each
package's own metadata says, read by `cyclonedx-py` from this environment; hashes are the lock's.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
SBOM = ROOT / "build" / "sbom.cdx.json"
PAGE = ROOT / "docs" / "dependencies.md"
TOP = "tidegate"

# Of direct dependencies; the others say who needs them.
FOR = {
    "faust-streaming": "hosts the worker: its app, agents and services",
    "aiokafka": "Kafka's protocol",
    "cramjam": "codecs of Kafka's batches: lz4, snappy, zstd",
    "onnxruntime": "runs the classifiers",
    "numpy": "scores as arrays",
    "tokenizers": "text to the encoder's tokens",
    "redis": "Redis's protocol",
    "hiredis": "reads Redis's replies, in C",
    "pydantic": "the events' models and their validation",
    "pydantic-settings": "settings from the environment",
    "prometheus-client": "metrics",
    "aiohttp": "the pages for probes and Prometheus",
    "tomlkit": "writes a policy as TOML",
    "typer": "the command line",
    "rich": "tables and colours in a terminal",
}
# Only on other systems than the one that this ran on: what their metadata says, looked up by hand.
ELSEWHERE = {"colorama": "BSD-3-Clause"}


@dataclass
class Pinned:
    """One line of the lock; two where versions differ by Python."""

    name: str
    versions: list[str] = field(default_factory=list)
    markers: list[str] = field(default_factory=list)
    sha256: dict[str, list[str]] = field(default_factory=dict)  # by version


def pinned(lock: str) -> dict[str, Pinned]:
    """What a lock pins, by canonical name."""
    found: dict[str, Pinned] = {}
    for line in lock.replace("\\\n", " ").splitlines():
        if match := re.match(r"([\w.-]+)==(\S+)(?: ; (.*?))?(?=\s+--hash|\s*$)", line):
            name = canonicalize_name(match[1])
            one = found.setdefault(name, Pinned(name))
            one.versions.append(match[2])
            one.markers.append((match[3] or "").strip())
            one.sha256[match[2]] = re.findall(r"--hash=sha256:([0-9a-f]{64})", line)
    return found


def needed() -> dict[str, set[str]]:
    """Every package of the runtime -> who needs it, from installed metadata, on any system and Python we support."""
    by: dict[str, set[str]] = {}
    todo: list[tuple[str, frozenset[str]]] = [(TOP, frozenset())]
    seen = set(todo)
    while todo:
        name, extras = todo.pop()
        for requirement in _requires(name, extras):
            inner = canonicalize_name(requirement.name)
            by.setdefault(inner, set()).add(name)
            if (step := (inner, frozenset(requirement.extras))) not in seen:
                seen.add(step)
                todo.append(step)
    return by


def _requires(name: str, extras: frozenset[str]) -> Iterator[Requirement]:
    try:
        lines = metadata.requires(name) or ()
    except metadata.PackageNotFoundError:  # another system's: its own needs are none, or the lock would not be whole
        return
    for requirement in map(Requirement, lines):
        marker = str(requirement.marker or "")
        if "extra ==" not in marker or any(f'extra == "{extra}"' in marker for extra in extras):
            yield requirement


def runtime() -> dict[str, tuple[Pinned, set[str]]]:
    """Name -> what the lock pins, and who needs it: what is both needed and pinned."""
    by, lock = needed(), pinned(LOCK.read_text())
    return {name: (lock[name], by[name]) for name in sorted(by) if name in lock}


def environment() -> dict[str, Any]:
    """What `cyclonedx-py` says of everything that is installed here."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "sbom.json"
        subprocess.run(
            [*(sys.executable, "-m", "cyclonedx_py", "environment", sys.executable), "--pyproject", "pyproject.toml",
             "--output-reproducible", "-o", str(out)],
            cwd=ROOT, check=True, capture_output=True,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(out.read_text())
        return found


def sbom() -> dict[str, Any]:
    """The CycloneDX document of the runtime alone, with the lock's hashes."""
    document, wanted = environment(), runtime()
    components = []
    for component in document["components"]:
        name = canonicalize_name(component["name"])
        if name in wanted:
            hashes = wanted[name][0].sha256.get(component["version"], [])
            if not licence(component):
                component["licenses"] = [{"license": {"name": _said_by(name)}}]
            # One a file that the lock allows: wheels of each system, and the source.
            component["hashes"] = [{"alg": "SHA-256", "content": digest} for digest in hashes]
            components.append(component)
    there = {canonicalize_name(component["name"]) for component in components}
    components += [
        _elsewhere(wanted[name][0], version)
        for name in sorted(wanted.keys() - there)
        for version in wanted[name][0].versions
    ]
    refs = {component["bom-ref"] for component in components}
    root = document["metadata"]["component"]["bom-ref"]
    document["components"] = components
    document["dependencies"] = [
        {**one, "dependsOn": sorted(refs & set(one.get("dependsOn", ())))}
        for one in document["dependencies"]
        if one["ref"] in refs | {root}
    ]
    return document


def _elsewhere(one: Pinned, version: str) -> dict[str, Any]:
    """The component of a package that is not installed here."""
    return {
        "bom-ref": f"{one.name}=={version}",
        "name": one.name,
        "version": version,
        "type": "library",
        "purl": f"pkg:pypi/{one.name}@{version}",
        "licenses": [{"license": {"id": ELSEWHERE[one.name]}}],
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in one.sha256[version]],
    }


def _said_by(name: str) -> str:
    """A licence that is neither SPDX nor one that cyclonedx-py knows, as the package names it."""
    return str(metadata.metadata(name).get("License") or "not stated")


def licence(component: dict[str, Any]) -> str:
    """As SPDX has it where the package says so, else as the package writes it."""
    names = [
        one.get("expression") or one["license"].get("id") or one["license"]["name"]
        for one in component.get("licenses", ())
        if one.get("expression") or "id" in one["license"] or len(one["license"].get("name", "")) < 80
    ]
    names = dict.fromkeys(re.sub(r"^License :: (OSI Approved :: )?", "", name) for name in names)
    return ", ".join(names)


def page(document: dict[str, Any]) -> str:
    """docs/dependencies.md."""
    licences = {canonicalize_name(component["name"]): licence(component) for component in document["components"]}
    lines = [
        "# Dependencies",
        "",
        "What Tidegate runs on, with the licence that each package's own metadata states. Made by `make sbom`",
        "(`python -m tests.support.sbom`), which writes a CycloneDX list with hashes to `build/sbom.cdx.json`. A test",
        "holds this page against `requirements.lock`. The embedded stack and the tools of development are not in it.",
        "",
        "| name | version | licence | what for |",
        "| --- | --- | --- | --- |",
    ]
    for name, (one, by) in runtime().items():
        what = FOR.get(name) or "needed by " + ", ".join(sorted(by))
        marker = next((marker for marker in one.markers if marker and len(one.versions) == 1), "")
        where = f"; only where `{marker}`" if marker and name in ELSEWHERE else ""
        lines.append(f"| {name} | {', '.join(one.versions)} | {licences[name]} | {what}{where} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    if find_spec("cyclonedx_py") is None:
        sys.exit("no package cyclonedx-bom; expected it, to read licences: make sbom installs it; nothing was written")
    document = sbom()
    SBOM.parent.mkdir(exist_ok=True)
    SBOM.write_text(json.dumps(document, indent=1) + "\n")
    PAGE.write_text(page(document))
    sys.stdout.write(
        f"wrote {SBOM.relative_to(ROOT)} ({len(document['components'])} components), {PAGE.relative_to(ROOT)}\n"
    )


if __name__ == "__main__":
    main()
