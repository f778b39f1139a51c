"""A BERT with one sigmoid head a label, in plain torch: the encoder, and the teacher, which adds a bias by distance."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

State = dict[str, Tensor]
CLS, SEP, PAD, UNKNOWN = 101, 102, 0, 100  # of BERT's vocabulary, which both read
DROPOUT = 0.1


class Layer(nn.Module):
    """One post-norm transformer layer, as BERT has it."""

    def __init__(self, width: int, heads: int, inner: int, eps: float) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_1 = nn.LayerNorm(width, eps=eps)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.norm_2 = nn.LayerNorm(width, eps=eps)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x: (N, T, W); mask: (N, 1, 1, T) or (N, H, T, T), added to the attention's logits."""
        n, t, w = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        if torch.onnx.is_in_onnx_export():  # the plain form, which runtimes know how to fuse
            weights = q @ k.transpose(-1, -2) * (w // self.heads) ** -0.5 + mask
            seen = weights.softmax(-1) @ v
        else:
            seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype))
        seen = seen.transpose(1, 2).reshape(n, t, w)
        x = self.norm_1(x + functional.dropout(self.out(seen), DROPOUT, self.training))
        inner = self.down(functional.gelu(self.up(x)))
        return self.norm_2(x + functional.dropout(inner, DROPOUT, self.training))


class Encoder(nn.Module):
    """input_ids, attention_mask (N, T) -> logits (N, L): mean of the last layer over the text's tokens, then a line.

    config: the keys of a Hugging Face config.json that are used here; `relative_attention_num_buckets` where each pair
    of tokens has a bias by its distance, as MPNet has it.
    """

    def __init__(self, config: Mapping[str, Any], labels: int) -> None:
        super().__init__()
        self.config = dict(config)
        width, heads, eps = config["hidden_size"], config["num_attention_heads"], config.get("layer_norm_eps", 1e-12)
        self.words = nn.Embedding(config["vocab_size"], width)
        self.places = nn.Embedding(config["max_position_embeddings"], width)
        self.norm = nn.LayerNorm(width, eps=eps)
        self.layers = nn.ModuleList(
            Layer(width, heads, config["intermediate_size"], eps) for _ in range(config["num_hidden_layers"])
        )
        buckets = config.get("relative_attention_num_buckets")
        self.far = nn.Embedding(buckets, heads) if buckets else None
        self.head = nn.Linear(width, labels)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        present = attention_mask.to(self.norm.weight.dtype)
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        x = self.norm(self.words(input_ids) + self.places(places))
        x = functional.dropout(x, DROPOUT if self.far is not None else 0.0, self.training)
        mask = (1 - present)[:, None, None, :] * -1e4
        if self.far is not None:
            mask = mask + self.far(bucket(places[None] - places[:, None], self.far.num_embeddings)).permute(2, 0, 1)
        for layer in self.layers:
            x = layer(x, mask)
        mean = (x * present[:, :, None]).sum(1) / present.sum(1, keepdim=True).clamp(min=1)
        return self.head(functional.dropout(mean, DROPOUT, self.training))

    def freeze(self, layers: int) -> None:
        """Embeddings and the first so many layers keep the weights they came with; with 0 everything learns."""
        if layers:
            for module in (self.words, self.places, self.norm, *list(self.layers)[:layers]):
                module.requires_grad_(False)


def bucket(distance: Tensor, buckets: int, furthest: int = 128) -> Tensor:
    """Which bias a pair of tokens has, by where the second stands from the first: near ones each their own."""
    half = buckets // 2
    near = half // 2
    apart = distance.abs().clamp(min=1)
    far = near + (torch.log(apart.float() / near) / math.log(furthest / near) * (half - near)).long()
    at = torch.where(distance.abs() < near, distance.abs(), far.clamp(max=half - 1))
    return at + (distance > 0).long() * half


def pretrained(folder: Path, labels: int) -> Encoder:
    """An encoder with the weights of a Hugging Face BERT or MPNet in a folder (config.json, model.safetensors).

    Its head is zero. An MPNet's words are put in BERT's order, so that both read the same ids.
    """
    config = json.loads((folder / "config.json").read_text("utf-8"))
    weights = {name.removeprefix("bert."): tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    mpnet = config["model_type"] == "mpnet"
    words, places = weights["embeddings.word_embeddings.weight"], weights["embeddings.position_embeddings.weight"]
    if mpnet:
        words, places = _as_bert(words), places[2:]  # the first two places are padding's
        config |= {"vocab_size": len(words), "max_position_embeddings": len(places)}
    else:
        # Every text is one segment, so its embedding is part of each position's.
        places = places + weights["embeddings.token_type_embeddings.weight"][0]
        config.pop("relative_attention_num_buckets", None)
    model = Encoder(config, labels)
    state = {
        "words.weight": words,
        "places.weight": places,
        "norm.weight": weights["embeddings.LayerNorm.weight"],
        "norm.bias": weights["embeddings.LayerNorm.bias"],
        "head.weight": model.head.weight,
        "head.bias": model.head.bias,
    }
    if mpnet:
        state["far.weight"] = weights["encoder.relative_attention_bias.weight"]
    for i in range(config["num_hidden_layers"]):
        state |= _layer(weights, i, mpnet)
    model.load_state_dict(state)
    return model


def _as_bert(words: Tensor) -> Tensor:
    """MPNet's vocabulary is BERT's after four marks of its own, and one more at the end."""
    found = words[4:-1].clone()
    for ours, theirs in ((CLS, 0), (PAD, 1), (SEP, 2)):
        found[ours] = words[theirs]
    return found


def _layer(weights: State, i: int, mpnet: bool) -> State:
    theirs, attention = f"encoder.layer.{i}.", "attention.attn." if mpnet else "attention.self."
    names = MPNET if mpnet else BERT
    parts = ("q", "k", "v") if mpnet else ("query", "key", "value")
    state = {}
    for kind in ("weight", "bias"):
        state[f"layers.{i}.qkv.{kind}"] = torch.cat([weights[f"{theirs}{attention}{part}.{kind}"] for part in parts])
        for ours, name in names.items():
            state[f"layers.{i}.{ours}.{kind}"] = weights[f"{theirs}{name}.{kind}"]
    return state


def shallower(model: Encoder, kept: Sequence[int]) -> Encoder:
    """A model of these layers alone, each with the weights it has."""
    small = Encoder(model.config | {"num_hidden_layers": len(kept)}, model.head.out_features)
    state = {}
    for name, value in model.state_dict().items():
        if not name.startswith("layers."):
            state[name] = value
            continue
        number, rest = name.removeprefix("layers.").split(".", 1)
        if int(number) in kept:
            state[f"layers.{list(kept).index(int(number))}.{rest}"] = value
    small.load_state_dict(state)
    return small


@torch.no_grad()
def with_words(model: Encoder, pieces: Sequence[Sequence[int]]) -> Encoder:
    """The same with a word more for each of `pieces`: the known words that it starts as the mean of, at their size."""
    old = model.words.weight
    new = []
    for ids in pieces:
        known = old[torch.tensor(ids)]
        mean = known.mean(0)
        new.append(mean * known.norm(dim=1).mean() / mean.norm())
    model.words = nn.Embedding.from_pretrained(torch.cat([old, torch.stack(new)]), freeze=False)
    model.config["vocab_size"] = len(model.words.weight)
    return model


BERT = {
    "out": "attention.output.dense",
    "norm_1": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm_2": "output.LayerNorm",
}
MPNET = BERT | {"out": "attention.attn.o", "norm_1": "attention.LayerNorm"}
