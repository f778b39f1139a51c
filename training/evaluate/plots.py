"""Three small drawings of an account, as SVG that is the same byte for byte every time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

STYLE = {
    "svg.hashsalt": "tidegate",  # ids in the file are drawn from this, not at random
    "svg.fonttype": "none",  # text stays text: small files, readable differences
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e5e5e5",
    "axes.axisbelow": True,
    "legend.frameon": False,
}
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")  # Okabe and Ito
NOWHEN = {"Date": None, "Creator": None}


def draw(account: Mapping[str, Any], folder: Path) -> list[Path]:
    """The files written: reliability.svg, roc.svg, and sent.svg where there is a cascade; a stale one is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / "reliability.svg", folder / "roc.svg"]
    with rc_context(STYLE):
        _reliability(account, files[0])
        _roc(account, files[1])
        (folder / "sent.svg").unlink(missing_ok=True)
        if account["trade_off"]:
            files.append(folder / "sent.svg")
            _sent(account, files[2])
    return files


def _reliability(account: Mapping[str, Any], file: Path) -> None:
    curves = {k: v for k, v in account["reliability"].items() if k not in account["experimental"]}
    columns = 4
    lines = max(1, -(-len(curves) // columns))
    figure = Figure(figsize=(8, 2.2 * lines + 0.3), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for axes, label in zip(grid.flat, [*curves, *[None] * (lines * columns - len(curves))], strict=True):
        if label is None:
            axes.set_visible(False)
            continue
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8, linestyle="--")
        axes.plot([b[0] for b in curves[label]], [b[1] for b in curves[label]], ".-", color=COLOURS[0])
        axes.set_title(label, fontsize=9)
    figure.supxlabel("mean score of a bin")
    figure.supylabel("share of positives")
    _save(figure, file)


def _roc(account: Mapping[str, Any], file: Path) -> None:
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    whole, close = figure.subplots(1, 2)
    for axes, furthest in ((whole, 1.0), (close, 0.1)):
        for (name, curve), colour in zip(account["roc"].items(), COLOURS, strict=False):
            points = [point for point in curve if point[0] <= furthest]
            axes.plot([p[0] for p in points], [p[1] for p in points], color=colour, label=name, linewidth=1.2)
        _named(axes, "false-positive rate", "recall of toxicity")
        axes.set_xlim(0, furthest)
        axes.set_ylim(0, 1)
    whole.legend(loc="lower right")
    close.set_title("the first tenth", fontsize=9)
    _save(figure, file)


def _sent(account: Mapping[str, Any], file: Path) -> None:
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    points = account["trade_off"]
    axes.plot([p[0] for p in points], [p[1] for p in points], ".-", color=COLOURS[0])
    _named(axes, "share of texts that the encoder reads", "AUROC of toxicity")
    _save(figure, file)


def _named(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def _save(figure: Figure, file: Path) -> None:
    figure.savefig(file, format="svg", metadata=NOWHEN)
    lines = [line.rstrip() for line in file.read_text("utf-8").splitlines()]
    file.write_text("\n".join(lines) + "\n", "utf-8")
