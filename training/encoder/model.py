"""A small BERT with one sigmoid head a label, in plain torch: what is trained, and what is exported."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional


class Layer(nn.Module):
    """One post-norm transformer layer, as BERT has it."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_1 = nn.LayerNorm(width, eps=1e-12)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.norm_2 = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x: Tensor, mask: Tensor, dropout: float) -> Tensor:
        """x: (N, T, W); mask: (N, 1, 1, T), 0 for text and very low for padding."""
        n, t, w = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        weights = q @ k.transpose(-1, -2) * (w // self.heads) ** -0.5 + mask
        seen = (weights.softmax(-1) @ v).transpose(1, 2).reshape(n, t, w)
        x = self.norm_1(x + functional.dropout(self.out(seen), dropout, self.training))
        inner = self.down(functional.gelu(self.up(x)))
        return self.norm_2(x + functional.dropout(inner, dropout, self.training))


class Encoder(nn.Module):
    """input_ids, attention_mask (N, T) -> logits (N, L): mean of the last layer over the text's tokens, then a line."""

    def __init__(self, config: dict[str, int], labels: int, dropout: float = 0.1) -> None:
        super().__init__()
        width = config["hidden_size"]
        self.words = nn.Embedding(config["vocab_size"], width)
        self.places = nn.Embedding(config["max_position_embeddings"], width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(
            Layer(width, config["num_attention_heads"], config["intermediate_size"])
            for _ in range(config["num_hidden_layers"])
        )
        self.head = nn.Linear(width, labels)
        self.dropout = dropout

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        present = attention_mask.to(self.norm.weight.dtype)
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        x = self.norm(self.words(input_ids) + self.places(places))
        mask = (1 - present)[:, None, None, :] * -1e4
        for layer in self.layers:
            x = layer(x, mask, self.dropout)
        mean = (x * present[:, :, None]).sum(1) / present.sum(1, keepdim=True).clamp(min=1)
        return self.head(functional.dropout(mean, self.dropout, self.training))

    def freeze(self, layers: int) -> None:
        """Embeddings and the first so many layers keep the weights they came with."""
        for module in (self.words, self.places, self.norm, *list(self.layers)[:layers]):
            module.requires_grad_(False)


def pretrained(folder: Path, labels: int) -> Encoder:
    """An encoder with the weights of a Hugging Face BERT in a folder (config.json, model.safetensors), head at zero."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    weights = {name.removeprefix("bert."): tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    model = Encoder(config, labels)
    state = {
        "words.weight": weights["embeddings.word_embeddings.weight"],
        # Every text is one segment, so its embedding is part of each position's.
        "places.weight": weights["embeddings.position_embeddings.weight"]
        + weights["embeddings.token_type_embeddings.weight"][0],
        "norm.weight": weights["embeddings.LayerNorm.weight"],
        "norm.bias": weights["embeddings.LayerNorm.bias"],
        "head.weight": torch.zeros_like(model.head.weight),
        "head.bias": torch.zeros_like(model.head.bias),
    }
    for i in range(config["num_hidden_layers"]):
        theirs = f"encoder.layer.{i}."
        for kind in ("weight", "bias"):
            parts = [weights[f"{theirs}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"layers.{i}.qkv.{kind}"] = torch.cat(parts)
            for ours, name in NAMES.items():
                state[f"layers.{i}.{ours}.{kind}"] = weights[f"{theirs}{name}.{kind}"]
    model.load_state_dict(state)
    return model


NAMES = {
    "out": "attention.output.dense",
    "norm_1": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "norm_2": "output.LayerNorm",
}
