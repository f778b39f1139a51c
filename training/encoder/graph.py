"""The encoder as an ONNX graph of fused operators: fp32 for comparison, int8 for use.

Written operator by operator, in those that ONNX Runtime has for transformers: a projection with attention is one, a
quantised product with its bias one, the sum and norm after it one. Weights are signed integers of 7 bits, a scale a
channel: two of their products with 8-bit activations fit the 16-bit sums of processors without VNNI, so a text scores
the same there. Embeddings are 8 bits, a scale a word: they are looked up, and multiply nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]
Weights = Mapping[str, npt.NDArray[np.float32]]
MICROSOFT = "com.microsoft"
WEIGHT_MOST, WORD_MOST = 63, 127  # 7 bits and 8, signed and even around 0


class _Graph:
    """Nodes and constants as they come."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: Array) -> str:
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, kind: str, given: list[str], out: str, domain: str = "", **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, given, [out], domain=domain, **attributes))
        return out


def rows_in_integers(rows: npt.NDArray[np.float32], most: int) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """(integers, (N,) scale): each row's furthest number is `most` steps from 0."""
    scale = np.maximum(np.abs(rows).max(axis=1), 1e-8).astype(np.float32) / most
    return np.rint(rows / scale[:, None]).astype(np.int8), scale


def build(config: Mapping[str, Any], weights: Weights, *, quantized: bool) -> bytes:
    """The model: input_ids, attention_mask (N, T) int64 -> logits (N, L). weights: an Encoder's, by its names."""
    graph = _Graph()
    eps = float(config.get("layer_norm_eps", 1e-12))
    x = _embedded(graph, weights, eps, quantized)
    graph.add("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    for i in range(config["num_hidden_layers"]):
        x = _layer(graph, weights, i, x, config["num_attention_heads"], eps, quantized)
    # The mean of the text's tokens.
    graph.add("Cast", ["attention_mask"], "present", to=TensorProto.FLOAT)
    graph.add("Unsqueeze", ["present", graph.constant("last", np.array([-1], np.int64))], "present_column")
    graph.add("Mul", [x, "present_column"], "read")
    graph.add("ReduceSum", ["read", graph.constant("tokens_axis", np.array([1], np.int64))], "summed", keepdims=0)
    graph.add("ReduceSum", ["present_column", "tokens_axis"], "tokens", keepdims=0)
    graph.add("Max", ["tokens", graph.constant("one", np.array(1, np.float32))], "at_least_one")
    graph.add("Div", ["summed", "at_least_one"], "mean")
    head = [graph.constant("head", weights["head.weight"]), graph.constant("head_bias", weights["head.bias"])]
    graph.add("Gemm", ["mean", *head], "logits", transB=1)
    return _whole(graph, len(weights["head.bias"]))


def _embedded(graph: _Graph, weights: Weights, eps: float, quantized: bool) -> str:
    if quantized:
        table, scale = rows_in_integers(weights["words.weight"], WORD_MOST)
        graph.add("Gather", [graph.constant("words", table), "input_ids"], "word_steps")
        graph.add("Cast", ["word_steps"], "word_numbers", to=TensorProto.FLOAT)
        graph.add("Gather", [graph.constant("word_scale", scale[:, None]), "input_ids"], "word_scales")
        graph.add("Mul", ["word_numbers", "word_scales"], "word")
    else:
        graph.add("Gather", [graph.constant("words", weights["words.weight"]), "input_ids"], "word")
    graph.add("Shape", ["input_ids"], "width", start=1, end=2)
    bounds = [graph.constant("zero", np.array([0], np.int64)), "width", graph.constant("axis", np.array([0], np.int64))]
    graph.add("Slice", [graph.constant("places", weights["places.weight"]), *bounds], "place")
    graph.add("Add", ["word", "place"], "embedded")
    norms = [graph.constant(f"norm_{kind}", weights[f"norm.{kind}"]) for kind in ("weight", "bias")]
    return graph.add("LayerNormalization", ["embedded", *norms], "x", axis=-1, epsilon=eps)


def _layer(graph: _Graph, weights: Weights, i: int, x: str, heads: int, eps: float, quantized: bool) -> str:
    at = f"layers.{i}."
    seen = _attention(graph, weights, at, x, heads, quantized)
    x = _normed(graph, weights, f"{at}norm_1", _product(graph, weights, f"{at}out", seen, quantized), x, eps)
    up = _product(graph, weights, f"{at}up", x, quantized)
    graph.add("Gelu", [up], f"{at}gelu", MICROSOFT)
    down = _product(graph, weights, f"{at}down", f"{at}gelu", quantized)
    return _normed(graph, weights, f"{at}norm_2", down, x, eps)


def _attention(graph: _Graph, weights: Weights, at: str, x: str, heads: int, quantized: bool) -> str:
    bias = graph.constant(f"{at}qkv.bias", weights[f"{at}qkv.bias"])
    if not quantized:
        table = graph.constant(f"{at}qkv", np.ascontiguousarray(weights[f"{at}qkv.weight"].T))
        return graph.add("Attention", [x, table, bias, "mask"], f"{at}seen", MICROSOFT, num_heads=heads)
    steps, scale = rows_in_integers(weights[f"{at}qkv.weight"], WEIGHT_MOST)
    table = graph.constant(f"{at}qkv", np.ascontiguousarray(steps.T))
    graph.nodes.append(helper.make_node("DynamicQuantizeLinear", [x], [f"{at}in", f"{at}in_scale", f"{at}in_zero"]))
    given = [f"{at}in", table, bias, f"{at}in_scale", graph.constant(f"{at}qkv_scale", scale), "mask", f"{at}in_zero"]
    given.append(graph.constant(f"{at}qkv_zero", np.zeros(len(scale), np.int8)))
    return graph.add("QAttention", given, f"{at}seen", MICROSOFT, num_heads=heads)


def _product(graph: _Graph, weights: Weights, name: str, x: str, quantized: bool) -> str:
    bias = graph.constant(f"{name}.bias", weights[f"{name}.bias"])
    if not quantized:
        table = graph.constant(name, np.ascontiguousarray(weights[f"{name}.weight"].T))
        graph.add("MatMul", [x, table], f"{name}.product")
        return graph.add("Add", [f"{name}.product", bias], f"{name}.given")
    steps, scale = rows_in_integers(weights[f"{name}.weight"], WEIGHT_MOST)
    table = graph.constant(name, np.ascontiguousarray(steps.T))
    parts = [graph.constant(f"{name}.scale", scale), graph.constant(f"{name}.zero", np.zeros(len(scale), np.int8))]
    return graph.add("DynamicQuantizeMatMul", [x, table, *parts, bias], f"{name}.given", MICROSOFT)


def _normed(graph: _Graph, weights: Weights, name: str, x: str, skipped: str, eps: float) -> str:
    norms = [graph.constant(f"{name}.{kind}", weights[f"{name}.{kind}"]) for kind in ("weight", "bias")]
    return graph.add("SkipLayerNormalization", [x, skipped, *norms], f"{name}.x", MICROSOFT, epsilon=eps)


def _whole(graph: _Graph, labels: int) -> bytes:
    texts = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", labels])
    made = helper.make_graph(graph.nodes, "encoder", texts, [logits], graph.constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(MICROSOFT, 1)]
    model = helper.make_model(made, opset_imports=opsets, producer_name="tidegate")
    model.ir_version = 8  # any ONNX Runtime since 1.10 reads it
    return bytes(model.SerializeToString())


def write(path: Path, config: Mapping[str, Any], weights: Weights, *, quantized: bool) -> None:
    """Writes the model."""
    path.write_bytes(build(config, weights, quantized=quantized))
