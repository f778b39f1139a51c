"""The manifest: which models there are, which files they are, and what is known about each.

One TOML file, `models.toml`; paths in it are relative to it. Reading it touches no model file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from tidegate.classifiers.entries import CascadeEntry, ModelEntry, Strict
from tidegate.classifiers.errors import ManifestError, UnknownModelError

DEFAULT_MANIFEST = Path(__file__).parent / "models.toml"


def _kind(entry: Any) -> str:
    """Which kind of entry it is; a plain model need not say."""
    found = entry.get("kind", "model") if isinstance(entry, dict) else getattr(entry, "kind", "model")
    return str(found)


AnyEntry = Annotated[
    Annotated[ModelEntry, Tag("model")] | Annotated[CascadeEntry, Tag("cascade")],
    Discriminator(_kind, custom_error_type="kind", custom_error_message="kind: expected model (or none) or cascade"),
]


class Manifest(Strict):
    """All models, and which one is meant when none is named."""

    default: str
    models: dict[str, AnyEntry] = Field(min_length=1)

    @model_validator(mode="after")
    def _default_exists(self) -> Manifest:
        if self.default not in self.models:
            raise ValueError(f"default: {self.default!r} is not among models ({', '.join(self.models)})")
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> Manifest:
        for name, entry in self.models.items():
            if isinstance(entry, CascadeEntry):
                for key, part in (("screen", entry.screen), ("encoder", entry.encoder)):
                    self._part_fits(f"models.{name}.{key}", part, entry)
        return self

    def _part_fits(self, where: str, part: str, cascade: CascadeEntry) -> None:
        found = self.models.get(part)
        if not isinstance(found, ModelEntry):
            plain = ", ".join(name for name, entry in self.models.items() if isinstance(entry, ModelEntry)) or "none"
            raise ValueError(f"{where}: {part!r} is no plain model of this manifest, expected one of {plain}")
        if found.labels != cascade.labels:
            raise ValueError(
                f"{where}: {part} gives {', '.join(found.labels)}; expected the cascade's labels, in their order: "
                f"{', '.join(cascade.labels)}"
            )


def read_manifest(path: Path = DEFAULT_MANIFEST) -> Manifest:
    """The manifest in a file. Raises ManifestError naming every key at fault."""
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ManifestError(f"{path}: no such file; expected a model manifest; no model loaded") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ManifestError(f"{path}: not readable as TOML ({error}); no model loaded") from error
    try:
        return Manifest.model_validate(raw)
    except ValidationError as error:
        raise ManifestError(_explain(path, error)) from error


def find_model(manifest: Manifest, name: str, path: Path = DEFAULT_MANIFEST) -> ModelEntry | CascadeEntry:
    """The entry of that name. Raises UnknownModelError naming those there are."""
    entry = manifest.models.get(name)
    if entry is None:
        there = ", ".join(sorted(manifest.models))
        raise UnknownModelError(f"{path}: models: no {name!r}, expected one of {there}; no model loaded")
    return entry


def _explain(path: Path, error: ValidationError) -> str:
    lines = []
    for fault in error.errors(include_url=False, include_input=False):
        loc = fault["loc"]
        if loc[:1] == ("models",):
            loc = loc[:2] + loc[3:]  # what follows the name is the entry's kind, which is not in the file's path
        where = ".".join(map(str, loc))
        what = "unknown key" if fault["type"] == "extra_forbidden" else fault["msg"].removeprefix("Value error, ")
        lines.append(": ".join(filter(None, (str(path), where, what))))
    return "\n".join(lines) + "; no model loaded"
