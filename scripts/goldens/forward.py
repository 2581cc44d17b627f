"""Writes cmd/weights/testdata/forward.safetensors: what transformers computes from the folders of weights in
checkpoints/weights/testdata (made by weights.py).

Run by hand from the repository root: python scripts/goldens/forward.py

torch 2.15.0, transformers 5.23.0, safetensors 0.8.0; seed 1. Holds pixel_values [1, 3, 64, 64] and for each
folder FOLDER/MODE/mask_logits and class_logits of the final prediction and tokens, MODE being unmasked or
masked (every probability 1).
"""

import torch
from safetensors.torch import save_file
from transformers import EomtDinov3ForUniversalSegmentation, EomtForUniversalSegmentation

FOLDERS = {
    "hf-eomt": EomtForUniversalSegmentation,
    "hf-eomt-sharded": EomtForUniversalSegmentation,
    "hf-eomt-bf16": EomtForUniversalSegmentation,
    "hf-eomt-swiglu": EomtForUniversalSegmentation,
    "hf-eomt-dinov3": EomtDinov3ForUniversalSegmentation,
    "hf-eomt-dinov3-gated": EomtDinov3ForUniversalSegmentation,
}

torch.manual_seed(1)
pixels = torch.randn(1, 3, 64, 64)
out = {"pixel_values": pixels}
for folder, kind in FOLDERS.items():
    net, report = kind.from_pretrained(f"checkpoints/weights/testdata/{folder}", dtype=torch.float32, output_loading_info=True)
    assert not any(report.values()), report
    for mode, probability in (("unmasked", 0.0), ("masked", 1.0)):
        net.attn_mask_probs.fill_(probability)
        with torch.no_grad():
            r = net.eval()(pixels)
        out[f"{folder}/{mode}/mask_logits"] = r.masks_queries_logits
        out[f"{folder}/{mode}/class_logits"] = r.class_queries_logits
        out[f"{folder}/{mode}/tokens"] = r.last_hidden_state
    difference = (out[f"{folder}/masked/mask_logits"] - out[f"{folder}/unmasked/mask_logits"]).abs().max().item()
    print(folder, "masks change", difference)
save_file({n: t.contiguous() for n, t in out.items()}, "cmd/weights/testdata/forward.safetensors")
