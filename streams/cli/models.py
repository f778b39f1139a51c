"""`models`: what the manifest knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.streams.cli.render import json_line, table

if TYPE_CHECKING:
    from tidegate.classifiers import CascadeEntry, Figures, ModelEntry


def models(
    json_: Annotated[bool, typer.Option("--json", help="One model a line, all that the manifest says of it.")] = False,
) -> None:
    """Show the classifiers there are.

    Their labels, licence, and what was measured on held-out texts. The one marked * is used where
    TIDEGATE_CLASSIFIER names none. Of a cascade also its two models, and the bands that the encoder is asked about.

    \b
    tidegate models
    tidegate models --json | jq .training_sets

    Exit code: 0, 2 the manifest is missing or wrong.
    """
    from tidegate.classifiers import DEFAULT_MANIFEST, read_manifest
    from tidegate.streams.settings.settings import Settings

    manifest = read_manifest(Settings.load().classifier_manifest or DEFAULT_MANIFEST)
    if json_:
        for name, entry in manifest.models.items():
            json_line({"name": name, "default": name == manifest.default, **entry.model_dump(mode="json")})
        return
    table(
        ["", "model", "label", "AUROC", "AUPRC", "threshold", "recall", "benign flagged", "licence"],
        (
            [
                "*" if name == manifest.default and first else "",
                name if first else "",
                label + (" (experimental)" if label in entry.experimental else ""),
                *_figures(entry.figures, label),
                entry.licence if first else "",
            ]
            for name, entry in manifest.models.items()
            for first, label in ((i == 0, label) for i, label in enumerate(entry.labels))
        ),
        right=["AUROC", "AUPRC", "threshold", "recall", "benign flagged"],
    )
    for name, entry in manifest.models.items():
        typer.echo(f"\n{name}: {entry.summary}")
        for line in (entry.intended_use, *_bands(entry)):
            typer.echo(f"{' ' * len(name)}  {line}")


def _bands(entry: ModelEntry | CascadeEntry) -> list[str]:
    from tidegate.classifiers import CascadeEntry

    if not isinstance(entry, CascadeEntry):
        return []
    bands = (f"{k} [{band.low:g}, {band.high:g})" for k, band in entry.bands.items() if band.low < band.high)
    return [f"{entry.encoder} reads what {entry.screen} scores in {', '.join(bands) or 'no band'}; {entry.budget}"]


def _figures(known: Figures | None, label: str) -> list[str]:
    figures = known.labels.get(label) if known else None
    if figures is None:
        return ["-"] * 5
    return [
        f"{figures.auroc:.3f}", f"{figures.auprc:.3f}", f"{figures.threshold:.3f}",
        f"{figures.recall_at_threshold:.1%}", f"{figures.benign_fpr:.2%}",
    ]  # fmt: skip
