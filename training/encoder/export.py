"""The trained encoder as ONNX: fp32 for comparison, int8 for use."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

from training.encoder.model import Encoder

OPSET = 17


def fold_scale(model: Encoder, slope: npt.NDArray[np.float64], shift: npt.NDArray[np.float64]) -> None:
    """Makes the head give slope * logit + shift, label by label."""
    with torch.no_grad():
        model.head.weight.mul_(torch.from_numpy(slope.astype(np.float32))[:, None])
        model.head.bias.mul_(torch.from_numpy(slope.astype(np.float32)))
        model.head.bias.add_(torch.from_numpy(shift.astype(np.float32)))


def export(model: Encoder, path: Path) -> None:
    """input_ids, attention_mask (N, T) int64 -> logits (N, L), in fp32."""
    model.eval()
    ids = torch.ones((2, 8), dtype=torch.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is called old by every torch; the other needs onnxscript
        torch.onnx.export(
            model,
            (ids, torch.ones_like(ids)),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={
                "input_ids": {0: "batch", 1: "tokens"},
                "attention_mask": {0: "batch", 1: "tokens"},
                "logits": {0: "batch"},
            },
            opset_version=OPSET,
            dynamo=False,
        )


def quantize(fp32: Path, int8: Path) -> None:
    """Weights in 8 bits, a scale a channel; activations in 8 bits, a scale a run, so that each text is its own run.

    Weights are unsigned: signed ones overflow the 16-bit sums of processors without VNNI, and a text would score
    otherwise there than elsewhere.
    """
    logging.getLogger().setLevel(logging.ERROR)  # advises pre-processing, which is done
    prepared = int8.with_suffix(".prepared")
    quant_pre_process(str(fp32), str(prepared), skip_symbolic_shape=True)
    quantize_dynamic(
        prepared,
        int8,
        op_types_to_quantize=["MatMul", "Gather"],
        per_channel=True,
        weight_type=QuantType.QUInt8,
        extra_options={"MatMulConstBOnly": True},
    )
    prepared.unlink()
