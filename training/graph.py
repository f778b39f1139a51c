"""The fitted layer as an ONNX graph: input_ids and attention_mask in, logits out.

Weights are int16 with one scale a label, and are summed as whole numbers in float32, which is exact below 2^24:
so a window's logits do not depend on padding, batch or order of summation, to the last bit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from training.features import PAIR, TRIPLE, table_rows
from training.recipe import Recipe

QUANTUM = 32_767  # the largest int16
OPSET = 17


class Layer(NamedTuple):
    """What the graph computes: logit = (sum of weights) / sqrt(sum of norms) + bias, over a window's table rows."""

    weights: npt.NDArray[np.float32]  # (rows, L)
    norms: npt.NDArray[np.float32]  # (rows,), squared idf
    bias: npt.NDArray[np.float32]  # (L,)


def build(layer: Layer, recipe: Recipe) -> bytes:
    """The model file. Raises ValueError where a window could sum past what float32 holds exactly."""
    if 3 * recipe.max_tokens * QUANTUM >= 2**24:
        raise ValueError(f"max_tokens {recipe.max_tokens}: sums of int16 pass 2^24; expected at most 170")
    labels = layer.weights.shape[1]
    scale = np.append(np.abs(layer.weights).max(axis=0), layer.norms.max()).astype(np.float64) / QUANTUM
    scale[scale == 0] = 1
    table = np.rint(np.column_stack([layer.weights, layer.norms]) / scale).astype(np.int16)
    # One more row, of zeros, for what padding touches.
    table = np.vstack([table, np.zeros((1, labels + 1), np.int16)])
    nothing = table_rows(recipe)

    def ints(name: str, value: int | list[int]) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(value, np.int64), name)

    def doubles(name: str, value: npt.ArrayLike) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(value, np.float64), name)

    constants = [
        numpy_helper.from_array(table, "table"),
        *(ints("zero", [0]), ints("one", [1]), ints("two", [2]), ints("last", [-1]), ints("last_two", [-2])),
        *(ints("end", [2**31]), ints("axis", [1]), ints("nothing", nothing)),
        *(ints("pair_factor", PAIR), ints("pair_rows", recipe.bigram_rows), ints("pair_at", recipe.vocab_size)),
        *(ints("triple_factor", TRIPLE), ints("triple_rows", recipe.trigram_rows)),
        ints("triple_at", recipe.vocab_size + recipe.bigram_rows),
        ints("columns", [labels, 1]),
        *(doubles("scale", scale[:labels]), doubles("norm_scale", scale[labels]), doubles("bias", layer.bias)),
        doubles("least_norm", 1e-6),
    ]
    node = helper.make_node
    nodes = [
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.BOOL),
        # Pairs: neighbours a, b that are both text.
        node("Slice", ["input_ids", "zero", "last", "axis"], ["a"]),
        node("Slice", ["input_ids", "one", "end", "axis"], ["b"]),
        node("Slice", ["mask", "zero", "last", "axis"], ["mask_a"]),
        node("Slice", ["mask", "one", "end", "axis"], ["mask_b"]),
        node("And", ["mask_a", "mask_b"], ["mask_pair"]),
        node("Mul", ["a", "pair_factor"], ["a_far"]),
        node("Add", ["a_far", "b"], ["pair_key"]),
        node("Mod", ["pair_key", "pair_rows"], ["pair"]),
        node("Add", ["pair", "pair_at"], ["pair_row"]),
        # Triples: a pair and the token after it.
        node("Slice", ["pair", "zero", "last", "axis"], ["ab"]),
        node("Slice", ["input_ids", "two", "end", "axis"], ["c"]),
        node("Slice", ["mask_pair", "zero", "last", "axis"], ["mask_ab"]),
        node("Slice", ["mask", "two", "end", "axis"], ["mask_c"]),
        node("And", ["mask_ab", "mask_c"], ["mask_triple"]),
        node("Mul", ["ab", "triple_factor"], ["ab_far"]),
        node("Add", ["ab_far", "c"], ["triple_key"]),
        node("Mod", ["triple_key", "triple_rows"], ["triple"]),
        node("Add", ["triple", "triple_at"], ["triple_row"]),
        # Rows of the table; the row of zeros for padding.
        node("Concat", ["input_ids", "pair_row", "triple_row"], ["any_row"], axis=1),
        node("Concat", ["mask", "mask_pair", "mask_triple"], ["is_text"], axis=1),
        node("Where", ["is_text", "any_row", "nothing"], ["row"]),
        node("Gather", ["table", "row"], ["entries_int16"], axis=0),
        node("Cast", ["entries_int16"], ["entries"], to=TensorProto.FLOAT),
        node("ReduceSum", ["entries", "axis"], ["sums_float"], keepdims=0),
        # A few numbers a window from here on: float64 costs nothing and keeps them exact.
        node("Cast", ["sums_float"], ["sums"], to=TensorProto.DOUBLE),
        node("Split", ["sums", "columns"], ["weight_sum", "norm_sum"], axis=1),
        node("Mul", ["norm_sum", "norm_scale"], ["norm"]),
        node("Max", ["norm", "least_norm"], ["norm_safe"]),
        node("Sqrt", ["norm_safe"], ["length"]),
        node("Mul", ["weight_sum", "scale"], ["weight"]),
        node("Div", ["weight", "length"], ["evidence"]),
        node("Add", ["evidence", "bias"], ["logits_double"]),
        node("Cast", ["logits_double"], ["logits"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        recipe.name,
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "tokens"]),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "tokens"]),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", labels])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="tidegate")
    model.ir_version = 8  # any ONNX Runtime since 1.10 reads it
    onnx.checker.check_model(model)
    return model.SerializeToString()
