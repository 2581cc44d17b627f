"""Writes losses/testdata: costs, assignments, chosen points, losses and gradients of
Hugging Face transformers' EomtLoss on random logits, with every number that
torch.rand returned, so that ours can be fed the same points. All in float64.

Run by hand from the repository root:
    python scripts/goldens/losses.py
Made with torch 2.15.0, transformers 5.23.0, scipy 1.17.1; the seed is the case's
position. `make parity` runs it with --root DIR --seed N, which adds the case "full",
of the size of published models at 640 px.
"""

import argparse
import base64
import json
import pathlib

import numpy as np
import torch
from transformers.models.eomt import modeling_eomt as eomt
from transformers.models.eomt.configuration_eomt import EomtConfig

CLASSES, PREDICTIONS = 5, 2
CASES = {
    "plain": dict(queries=7, targets=(3, 5), size=(32, 32), grid=(8, 8)),
    "wide": dict(queries=5, targets=(1, 2), size=(24, 40), grid=(6, 10)),
    "crowded": dict(queries=4, targets=(6, 2), size=(32, 32), grid=(8, 8)),
    "nonfinite": dict(queries=6, targets=(3, 2), size=(32, 32), grid=(8, 8), spoil=True),
    "planes": dict(queries=40, targets=(34, 0), size=(16, 16), grid=(4, 4), points=16, noise=True),
}
FULL = dict(queries=200, targets=(20,), size=(640, 640), grid=(160, 160), points=12544, predictions=1)


def array(x):
    x = np.ascontiguousarray(x.detach().numpy() if torch.is_tensor(x) else x)
    return {"dtype": str(x.dtype), "shape": x.shape, "data": base64.b64encode(x.tobytes()).decode()}


def scene(rng, case):
    """Overlapping rectangles as targets, with their classes."""
    height, width = case["size"]
    masks, classes = [], []
    for count in case["targets"]:
        stack = np.zeros((count, height, width))
        for mask in stack:
            y, x = rng.integers(0, height - 2), rng.integers(0, width - 2)
            mask[y : y + rng.integers(2, height), x : x + rng.integers(2, width)] = 1
        if case.get("noise"):  # so that no two small targets miss all points, and tie
            stack = (rng.random(stack.shape) < 0.5).astype(float)
        masks.append(torch.tensor(stack))
        classes.append(torch.tensor(rng.integers(0, CLASSES, count)))
    return masks, classes


def recorded(draws):
    """torch.rand in float64 that keeps what it returns."""
    original = torch.rand

    def rand(*shape, device=None):
        draws.append(original(*shape, dtype=torch.float64))
        return draws[-1]

    return rand


def one(loss, mask_logits, class_logits, masks, classes):
    """One prediction: the reference's intermediate values, its loss, and its cost matrices [Q, targets]."""
    draws, costs, indices, chosen = [], [], [], []
    assign, choose = eomt.linear_sum_assignment, loss.sample_points_using_uncertainty
    match = loss.matcher.forward

    def keep_cost(cost):
        costs.append(cost.clone())
        return assign(cost)

    def keep_chosen(*args):
        chosen.append(choose(*args))
        return chosen[-1]

    def keep_indices(*args):
        indices.extend(match(*args))
        return indices

    rand = torch.rand
    torch.rand, eomt.linear_sum_assignment = recorded(draws), keep_cost
    loss.sample_points_using_uncertainty, loss.matcher.forward = keep_chosen, keep_indices
    try:
        parts = loss(mask_logits, class_logits, masks, classes)
    finally:
        torch.rand, eomt.linear_sum_assignment = rand, assign
        loss.sample_points_using_uncertainty, loss.matcher.forward = choose, match
    batch, most = len(masks), max(len(c) for c in classes)
    candidates, fresh = draws[batch], draws[batch + 1]
    out = {"cost_points": array(torch.cat(draws[:batch]))}
    queries = np.full((batch, most), -1, np.int32)
    spread = {name: np.zeros((batch, most, *x.shape[1:])) for name, x in
              [("candidates", candidates), ("fresh", fresh), ("chosen", chosen[0])]}
    pair = 0
    for b, (query, target) in enumerate(indices):
        for q, t in zip(query.tolist(), target.tolist()):
            queries[b, t] = q
            for name, x in [("candidates", candidates), ("fresh", fresh), ("chosen", chosen[0])]:
                spread[name][b, t] = x[pair]
            pair += 1
    cost = np.zeros((batch, most, mask_logits.shape[1]))
    for b, c in enumerate(costs):
        cost[b, : c.shape[1]] = c.T
    out.update({name: array(x) for name, x in spread.items()})
    out["cost"], out["queries"] = array(cost), array(queries)
    for name in ["mask", "dice", "cross_entropy"]:
        out[f"loss_{name}"] = parts[f"loss_{name}"].item()
    weights = {"loss_mask": 5.0, "loss_dice": 5.0, "loss_cross_entropy": 2.0}
    return out, sum(weights[k] * v for k, v in parts.items()), costs


def make(case, seed):
    """The golden of a case, or None where two targets cost the same everywhere and could be swapped."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    config = EomtConfig(train_num_points=case.get("points", 32), num_queries=case["queries"], num_labels=CLASSES)
    loss = eomt.EomtLoss(config, {}).double()
    masks, classes = scene(rng, case)
    batch, words = len(masks), (max(map(len, classes)) + 31) // 32
    planes = np.zeros((batch, *case["size"], words), np.uint32)
    for b, stack in enumerate(masks):
        for m, mask in enumerate(stack.numpy()):
            planes[b, :, :, m // 32] |= mask.astype(np.uint32) << np.uint32(m % 32)
    labels = np.zeros((batch, max(map(len, classes))), np.int32)
    for b, c in enumerate(classes):
        labels[b, : len(c)] = c.numpy()
    predictions, total, leaves = [], 0, []
    for _ in range(case.get("predictions", PREDICTIONS)):
        mask_logits = torch.tensor(rng.normal(0, 2, (batch, case["queries"], *case["grid"])))
        class_logits = torch.tensor(rng.normal(0, 2, (batch, case["queries"], CLASSES + 1)))
        if case.get("spoil"):
            mask_logits[0, 1, 2, 3], mask_logits[1, 4] = float("nan"), float("inf")
        leaves.append((mask_logits.requires_grad_(), class_logits.requires_grad_()))
        out, weighted, costs = one(loss, *leaves[-1], masks, classes)
        if any(np.unique(c, axis=1).shape[1] < c.shape[1] for c in costs):
            return None
        total = total + weighted
        predictions.append(out)
    total.backward()
    for out, (mask_logits, class_logits) in zip(predictions, leaves):
        last = lambda x: x.permute(0, 2, 3, 1)
        out["mask_logits"], out["class_logits"] = array(last(mask_logits)), array(class_logits)
        out["mask_gradient"], out["class_gradient"] = array(last(mask_logits.grad)), array(class_logits.grad)
    return {
        "points": config.train_num_points, "masks": sum(map(len, classes)), "counts": list(map(len, classes)),
        "planes": array(planes), "classes": array(labels), "total": total.item(), "predictions": predictions,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=".", help="folder laid out as the repository")
    parser.add_argument("--seed", type=int, help="makes other cases than the committed ones")
    arguments = parser.parse_args()
    out = pathlib.Path(arguments.root, "losses/testdata")
    out.mkdir(parents=True, exist_ok=True)
    cases, first = CASES, 0
    if arguments.seed is not None:
        cases, first = CASES | {"full": FULL}, 1000 * (arguments.seed + 1)
    for seed, (name, case) in enumerate(cases.items(), first):
        while (golden := make(case, seed)) is None:
            seed += len(cases)
        (out / f"{name}.json").write_text(json.dumps(golden, indent=0))


main()
