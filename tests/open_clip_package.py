"""open_clip with its torchvision, or a skip. Import it before anything that imports torchvision."""

import pytest
import torch

try:
    pytest.importorskip("torchvision", reason="needs the extra `metrics`: make test-all")
except RuntimeError:  # a build for CUDA beside a torch for the CPU lacks its operators, which no test calls
    operators = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
open_clip = pytest.importorskip("open_clip", reason="needs the extra `metrics`: make test-all")
