"""Weights as a small file: rows of integers, each a step of so many standard deviations of its row, entropy-coded.

A step of 0.03 is finer than int8 a channel; a quarter is enough to start training from. What is small stays float16.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from training.encoder.model import Encoder

Floats = npt.NDArray[np.float32]
SMALL = 4096  # numbers, under which an array is not worth coding
FINE, COARSE = 0.03, 0.25  # of words
WORDS_COARSER = 2.5  # a text has some dozens of words, and passes every layer


def save(model: Encoder, path: Path, step: float = FINE) -> None:
    """Writes the model's shape and weights."""
    told = json.dumps({"config": model.config, "labels": model.head.out_features}).encode()
    written = path.with_suffix(".part")
    with written.open("wb") as out:
        out.write(struct.pack("<I", len(told)) + told)
        for name, value in model.state_dict().items():
            fine = step if name.startswith("words") else step / WORDS_COARSER
            head, raw = _packed(value.detach().float().cpu().numpy(), fine)
            text = json.dumps(head | {"name": name, "bytes": len(raw)}).encode()
            out.write(struct.pack("<I", len(text)) + text + raw)
    written.replace(path)  # a run that is cut short leaves the last whole one


def load(path: Path) -> Encoder:
    """The model that was saved."""
    parts = _parts(path.read_bytes())
    told, _ = next(parts)
    model = Encoder(told["config"], told["labels"])
    model.load_state_dict({head["name"]: torch.from_numpy(_unpacked(head, raw)) for head, raw in parts})
    return model


def _parts(data: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
    at = 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        head = json.loads(data[at + 4 : at + 4 + size])
        at += 4 + size
        end = at + head.get("bytes", 0)
        yield head, data[at:end]
        at = end


def _packed(array: Floats, step: float) -> tuple[dict[str, Any], bytes]:
    shape: dict[str, Any] = {"shape": list(array.shape)}
    if array.ndim < 2 or array.size < SMALL:
        return shape | {"coded": 0}, array.astype(np.float16).tobytes()
    rows = array.reshape(len(array), -1)
    scale = np.maximum(rows.std(axis=1, keepdims=True) * step, 1e-6).astype(np.float16)
    steps = np.clip(np.rint(rows / scale.astype(np.float32)), -32_767, 32_767).astype(np.int16)
    folded = ((steps << 1) ^ (steps >> 15)).astype(np.uint16)  # 0, -1, 1, -2, …: small ones are all in the low byte
    low = _coded((folded & 255).astype(np.uint8), zlib.Z_HUFFMAN_ONLY)
    return shape | {"coded": len(low)}, scale.tobytes() + low + _coded((folded >> 8).astype(np.uint8))


def _coded(plane: npt.NDArray[np.uint8], strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    coder = zlib.compressobj(6, zlib.DEFLATED, 15, 9, strategy)
    return coder.compress(plane.tobytes()) + coder.flush()


def _unpacked(head: dict[str, Any], raw: bytes) -> Floats:
    shape: list[int] = head["shape"]
    if not head["coded"]:
        return np.frombuffer(raw, np.float16).astype(np.float32).reshape(shape)
    rows, cut = shape[0], 2 * shape[0] + head["coded"]
    scale = np.frombuffer(raw[: 2 * rows], np.float16).astype(np.float32)[:, None]
    low, high = (np.frombuffer(zlib.decompress(part), np.uint8) for part in (raw[2 * rows : cut], raw[cut:]))
    folded = low.astype(np.uint16) | (high.astype(np.uint16) << 8)
    steps = (folded >> 1).astype(np.int16) ^ -(folded & 1).astype(np.int16)
    return (steps.reshape(rows, -1) * scale).reshape(shape).astype(np.float32)
