"""Trains the encoder on masked labels. Hours on two cores, minutes on a GPU; logs a line every so many steps."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from training.encoder.lessons import batch_of, batches
from training.encoder.model import Encoder
from training.recipe import EncoderRecipe

Floats = npt.NDArray[np.float32]


def fit(
    model: Encoder,
    ids: Sequence[Sequence[int]],
    y: Floats,
    w: Floats,
    recipe: EncoderRecipe,
    tell: Callable[[str], None],
    save: Callable[[Encoder], None],
) -> None:
    """Trains in place. y, w: (N, L), w already holds the weights of sets and labels. save: called every 500 steps."""
    torch.manual_seed(recipe.seed)
    rng = random.Random(recipe.seed)
    model.freeze(recipe.frozen_layers)
    plan = [batch for _ in range(recipe.epochs) for batch in batches(ids, y, w, recipe.batch_tokens, rng)]
    head = {id(p) for p in model.head.parameters()}
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in model.parameters() if p.requires_grad and id(p) not in head], "lr": recipe.rate},
            {"params": list(model.head.parameters()), "lr": 10 * recipe.rate},
        ],
        weight_decay=0.01,
        betas=(0.9, 0.98),
    )
    warm = max(1, len(plan) // 20)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (len(plan) - step) / (len(plan) - warm))
    )
    mean_rows = sum(len(batch.y) for batch in plan) / len(plan)
    tell(
        f"{len(plan)} batches, {sum(b.input_ids.numel() for b in plan)} tokens with padding, {mean_rows:.0f} rows each"
    )
    model.train()
    began, lost, tokens = time.monotonic(), 0.0, 0
    for step, batch in enumerate(plan, 1):
        logits = model(batch.input_ids, batch.attention_mask)
        loss = functional.binary_cross_entropy_with_logits(logits, batch.y, weight=batch.w, reduction="sum")
        # By the mean number of rows, not this batch's own: a row counts alike in a batch of few long texts.
        (loss / mean_rows).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        lost, tokens = lost + float(loss.detach()) / mean_rows, tokens + batch.input_ids.numel()
        if step % 100 == 0 or step == len(plan):
            seconds = time.monotonic() - began
            left = seconds / step * (len(plan) - step)
            said = f"loss {lost / 100:.4f}, {tokens / seconds:.0f} tokens/s, {left / 60:.0f} min left"
            tell(f"step {step}/{len(plan)}: {said}")
            lost = 0.0
        if step % 500 == 0 or step == len(plan):
            save(model)


@torch.inference_mode()
def logits_of(model: Encoder, ids: Sequence[Sequence[int]], budget: int = 8192) -> Floats:
    """(N, L) logits of one window a text, in order."""
    model.eval()
    out = np.zeros((len(ids), model.head.out_features), np.float32)
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    nothing = np.zeros((0, 0), np.float32)
    while order:
        longest = len(ids[order[-1]])
        group = order[-max(1, budget // longest) :]
        del order[-len(group) :]
        batch = batch_of([ids[i] for i in group], nothing, nothing)
        out[group] = model(batch.input_ids, batch.attention_mask).numpy()
    return out
