"""Where a run's models go: files under OUT/models/<name>/, and their entries in OUT/models.toml as they come to be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from tidegate.classifiers import ModelEntry, UnknownModelError, find_model, read_manifest
from tidegate.classifiers.entries import Band
from training.entry import about, file_fields, write_entry
from training.graph import Layer, build
from training.recipe import Recipe
from training.screen import Screen


class Register:
    """One run's manifest."""

    def __init__(self, out: Path, recipe: Recipe, sets: Mapping[str, int], experimental: list[str]) -> None:
        """sets: name -> rows trained on. experimental: labels with too little evidence to act on."""
        self.out, self.recipe = out, recipe
        self.manifest = out / "models.toml"
        self._sets, self.experimental = sets, experimental
        self._entries: dict[str, dict[str, Any]] = {}

    def folder(self, name: str) -> Path:
        """OUT/models/<name>, made."""
        found = self.out / "models" / name
        found.mkdir(parents=True, exist_ok=True)
        return found

    def screen(self, screen: Screen) -> None:
        """Exports the screen and registers it."""
        recipe, folder = self.recipe, self.folder(self.recipe.screen)
        model, tokenizer = folder / "model.onnx", folder / "tokenizer.json"
        model.write_bytes(build(Layer(screen.weights * screen.idf[:, None], screen.idf**2, screen.bias), recipe))
        screen.tokenizer.save(str(tokenizer), pretty=False)
        self._put_screen(model, tokenizer)

    def encoder(self, model: Path, tokenizer: Path) -> None:
        """Registers the encoder's files, which lie in its folder."""
        told = self.recipe.encoder
        fields = self._model(model, tokenizer, told.max_tokens, told.overlap, "alone")
        self._put(told.name, told.summary, told.intended_use, fields)

    def take(self, manifest: Path, part: str) -> None:
        """Copies the screen or the encoder (`part`: its name) of another manifest, and registers it.

        Raises UnknownModelError where it has none of that name.
        """
        entry = find_model(read_manifest(manifest), part, manifest)
        if not isinstance(entry, ModelEntry):
            raise UnknownModelError(f"{manifest}: models.{part} is a cascade; expected a single model; nothing trained")
        folder = self.folder(part)
        model, tokenizer = folder / "model.onnx", folder / "tokenizer.json"
        for ours, theirs in ((model, entry.file), (tokenizer, entry.tokenizer)):
            ours.write_bytes((manifest.parent / theirs).read_bytes())
        if part == self.recipe.encoder.name:
            self.encoder(model, tokenizer)
        else:
            self._put_screen(model, tokenizer)

    def cascade(self, bands: Mapping[str, Band], budget: str, traffic: Path, shares: Mapping[str, float]) -> None:
        """Registers the two as one, and makes it the default. shares: of the traffic that is sent to the encoder."""
        recipe = self.recipe
        table = tomlkit.table()
        for label, band in bands.items():
            row = tomlkit.inline_table()
            row.update({"low": band.low, "high": band.high})
            table[label] = row
        told = f"{budget}; sends {shares['texts']:.1%} of the texts and {shares['windows']:.1%} of the windows of the "
        self._put(
            recipe.name,
            recipe.summary,
            recipe.intended_use,
            {
                "kind": "cascade",
                "screen": recipe.screen,
                "encoder": recipe.encoder.name,
                "budget": told + "stated traffic to the encoder",
                **file_fields(self.manifest, "traffic", traffic),
                "bands": table,
            },
            default=True,
        )

    def golden(self, file: Path) -> None:
        """Adds the golden texts to the cascade's entry."""
        fields = self._entries[self.recipe.name]
        bands = fields.pop("bands")  # a table: it has to come last
        fields |= file_fields(self.manifest, "golden", file)
        fields["bands"] = bands
        write_entry(self.manifest, self.recipe.name, fields)

    def figures(self, name: str, account: str, found: Mapping[str, Any]) -> None:
        """Adds what was measured to a model's entry."""
        fields = self._entries[name]
        fields["figures"] = {
            "run": account,
            "target_fpr": self.recipe.target_fpr,
            "thresholds": found["thresholds"],
            "labels": found["labels"],
        }
        write_entry(self.manifest, name, fields)

    def _put_screen(self, model: Path, tokenizer: Path) -> None:
        recipe = self.recipe
        fields = self._model(model, tokenizer, recipe.max_tokens, recipe.overlap, "padded")
        self._put(recipe.screen, recipe.screen_summary, recipe.screen_use, fields)

    def _put(self, name: str, summary: str, use: str, fields: dict[str, Any], *, default: bool = False) -> None:
        self._entries[name] = about(summary, use, self._sets, self.experimental) | fields
        write_entry(self.manifest, name, self._entries[name], default=default)

    def _model(self, model: Path, tokenizer: Path, max_tokens: int, overlap: int, batching: str) -> dict[str, Any]:
        return {
            **file_fields(self.manifest, "file", model),
            **file_fields(self.manifest, "tokenizer", tokenizer),
            "activation": "sigmoid",
            "max_tokens": max_tokens,
            "overlap": overlap,
            "batching": batching,
        }
