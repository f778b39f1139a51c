"""Teaches a model windows with targets. Minutes on an accelerator, hours on two cores; logs a line every so often."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from training.encoder.lesson_file import Course
from training.encoder.model import Encoder

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Say = Callable[[str], None]
TOLD = 50  # steps from one line of the log to the next
TOGETHER = 8192  # rows within which lengths meet, so that batches stay mixed


class Windows(NamedTuple):
    """Windows on a device. ids: (N, T) int32, padded with 0."""

    ids: Tensor
    length: Ints

    def take(self, rows: Ints) -> tuple[Tensor, Tensor]:
        """(input_ids, attention_mask) of these rows, as wide as the longest, to a multiple of 8."""
        wide = min(self.ids.shape[1], -int(self.length[rows].max()) // 8 * -8)
        ids = self.ids[torch.from_numpy(rows).to(self.ids.device), :wide].long()
        return ids, (ids != 0).long()

    def some(self, rows: Ints) -> Windows:
        """These rows alone."""
        return Windows(self.ids[torch.from_numpy(rows).to(self.ids.device)], self.length[rows])


def device_of(model: nn.Module) -> str:
    """What a model is on."""
    return next(model.parameters()).device.type


def placed(ids: npt.NDArray[np.int32], length: Ints, device: str) -> Windows:
    """The windows on the device."""
    return Windows(torch.from_numpy(ids).to(device), length)


def compiled(model: Encoder) -> Encoder:
    """The model, its layers compiled once for every size where there is an accelerator; elsewhere as it is."""
    if device_of(model) == "cuda":
        for layer in model.layers:
            layer.compile(dynamic=True)
    return model


def groups(length: Ints, budget: int, rng: random.Random) -> Iterator[Ints]:
    """Every row once, in random order; rows of a group are of like length, count times longest at most `budget`."""
    order = list(range(len(length)))
    rng.shuffle(order)
    found: list[list[int]] = []
    for start in range(0, len(order), TOGETHER):
        group: list[int] = []
        for i in sorted(order[start : start + TOGETHER], key=length.__getitem__):
            if group and (len(group) + 1) * length[i] > budget:
                found.append(group)
                group = []
            group.append(i)
        found.append(group)
    rng.shuffle(found)
    for group in found:
        yield np.array(group, np.int64)


def fit(model: Encoder, windows: Windows, target: Floats, weight: Floats, course: Course, tell: Say) -> None:
    """Teaches in place, on the device that model and windows are on. target, weight: (N, L); weight 0 is no lesson."""
    torch.manual_seed(course.seed)
    rng, device = random.Random(course.seed), windows.ids.device
    model.freeze(course.frozen_layers)
    plan = [g for _ in range(course.epochs) for g in groups(windows.length, course.batch_tokens, rng)]
    goal, trust = (torch.from_numpy(x.astype(np.float32)).to(device) for x in (target, weight))
    optimizer, schedule = _optimizer(model, course, len(plan))
    mean_rows = sum(map(len, plan)) / len(plan)
    tell(f"{len(plan)} batches of {mean_rows:.0f} windows, on {device}")
    model.train()
    began = time.monotonic()
    for step, rows in enumerate(plan, 1):
        at = torch.from_numpy(rows).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda" or course.narrow):
            logits = model(*windows.take(rows))
        loss = functional.binary_cross_entropy_with_logits(logits.float(), goal[at], trust[at], reduction="sum")
        # By the mean number of rows, not this batch's own: a row counts alike in a batch of few long texts.
        (loss / mean_rows).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        if step % TOLD == 0 or step == len(plan):
            seconds = time.monotonic() - began
            tell(f"step {step}/{len(plan)}: loss {float(loss.detach()) / len(rows):.4f}, {seconds:.0f} s")
    model.eval()


def _optimizer(
    model: Encoder, course: Course, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    head = {id(p) for p in model.head.parameters()}
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in model.parameters() if p.requires_grad and id(p) not in head], "lr": course.rate},
            {"params": list(model.head.parameters()), "lr": 10 * course.rate},
        ],
        weight_decay=0.01,
        betas=(0.9, 0.98),
        fused=device_of(model) == "cuda",
    )
    warm = max(1, steps // 16)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (steps - step) / max(1, steps - warm)))
    )


@torch.inference_mode()
def logits_of(model: Encoder, windows: Windows, budget: int = 8192) -> Floats:
    """(N, L) logits of every window, in order."""
    model.eval()
    out = np.zeros((len(windows.length), model.head.out_features), np.float32)
    order = np.argsort(windows.length, kind="stable")
    device = windows.ids.device.type
    while len(order):
        fits = max(1, budget // int(windows.length[order[-1]]))
        rows, order = order[-fits:], order[:-fits]
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            out[rows] = model(*windows.take(rows)).float().cpu().numpy()
    return out
