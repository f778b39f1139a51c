"""`models`: what the manifest knows."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli.show import json_line, table


def models(
    json_: Annotated[bool, typer.Option("--json", help="One model a line, all that the manifest says of it.")] = False,
) -> None:
    """Show the classifiers there are.

    Their labels, licence, and what was measured on held-out texts. The one marked * is used where
    TIDEGATE_CLASSIFIER names none.

    \b
    tidegate models
    tidegate models --json | jq .training_sets

    Exit code: 0, 2 the manifest is missing or wrong.
    """
    from classifiers import DEFAULT_MANIFEST, read_manifest
    from streams.settings import Settings

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
                *_figures(entry, label),
                entry.licence if first else "",
            ]
            for name, entry in manifest.models.items()
            for first, label in ((i == 0, label) for i, label in enumerate(entry.labels))
        ),
        right=["AUROC", "AUPRC", "threshold", "recall", "benign flagged"],
    )
    for name, entry in manifest.models.items():
        typer.echo(f"\n{name}: {entry.summary}\n{' ' * len(name)}  {entry.intended_use}")


def _figures(entry: object, label: str) -> list[str]:
    from classifiers import ModelEntry

    assert isinstance(entry, ModelEntry)  # noqa: S101 - a manifest's
    figures = entry.figures.labels.get(label) if entry.figures else None
    if figures is None:
        return ["-"] * 5
    return [
        f"{figures.auroc:.3f}", f"{figures.auprc:.3f}", f"{figures.threshold:.3f}",
        f"{figures.recall_at_threshold:.1%}", f"{figures.benign_fpr:.2%}",
    ]  # fmt: skip
