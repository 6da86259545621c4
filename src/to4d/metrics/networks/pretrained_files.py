"""Pretrained weights of the networks that metrics use: their sources, licenses, local paths and checksums."""

from dataclasses import dataclass
from pathlib import Path

from to4d.disk.folders import weights_folder


@dataclass(frozen=True)
class PretrainedFile:
    """One file of weights. `sha256` may hold only the first digits; None means the checksum that the host states."""

    address: str
    file: str  # local name
    about: str
    terms: str
    sha256: str | None = None

    @property
    def path(self) -> Path:
        """Local path: where `python -m to4d.weights get metrics` writes the file."""
        return weights_folder() / "metrics" / self.file

    @property
    def instructions(self) -> str:
        """How to obtain the file."""
        if not self.address:
            return f"it needs {self.about}"
        return f"python -m to4d.weights get metrics fetches {self.address.rsplit('/', 1)[-1]}"

    def url(self, kind: str) -> str:
        """On the hub, "resolve" is the content and "raw" what stands for it, its size and hash."""
        return self.address.replace("/resolve/", f"/{kind}/")


LPIPS = (
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/"
    "082bb24f84c091ea94de2867d34c4544f68e0963/lpips/weights/v0.1/"
)
TORCHVISION, HUB = "https://download.pytorch.org/models/", "https://huggingface.co/"
IMAGENET = "BSD-3-Clause code; trained on ImageNet, whose pictures are for research"

# Checksums: the names of torchvision's files hold the first digits; those of LPIPS are of the files in its repository;
# that of RAFT is the one that several users of the official archive and of this copy state.
PRETRAINED = {
    "alexnet": PretrainedFile(TORCHVISION + "alexnet-owt-7be5be79.pth", "alexnet.pth", "LPIPS", IMAGENET, "7be5be79"),
    "vgg16": PretrainedFile(TORCHVISION + "vgg16-397923af.pth", "vgg16.pth", "LPIPS by VGG", IMAGENET, "397923af"),
    "lpips-alex": PretrainedFile(
        LPIPS + "alex.pth",
        "lpips-alex.pth",
        "LPIPS 0.1",
        "BSD-2-Clause",
        "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    ),
    "lpips-vgg": PretrainedFile(
        LPIPS + "vgg.pth",
        "lpips-vgg.pth",
        "LPIPS 0.1 by VGG",
        "BSD-2-Clause",
        "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    ),
    "raft": PretrainedFile(
        "https://github.com/sczhou/ProPainter/releases/download/v0.1.0/raft-things.pth",
        "raft-things.pth",
        "RAFT, for the dynamic degree",
        "BSD-3-Clause",
        "fcfa4125d6418f4de95d84aec20a3c5f4e205101715a79f193243c186ac9a7e1",
    ),
    "amt": PretrainedFile(
        HUB + "lalala125/AMT/resolve/main/amt-s.pth",
        "amt-s.pth",
        "AMT-S, for motion smoothness",
        "CC-BY-NC-4.0: not for commercial use",
    ),
    "viclip": PretrainedFile(
        HUB + "OpenGVLab/VBench_Used_Models/resolve/main/ViClip-InternVid-10M-FLT.pth",
        "viclip.pth",
        "ViCLIP-L, for temporal style, 1.7 GB",
        "Apache-2.0 code; trained on InternVid, which is CC-BY-NC-SA-4.0",
    ),
    "open_clip": PretrainedFile(
        HUB + "laion/CLIP-ViT-B-32-laion2B-s34B-b79K/resolve/main/open_clip_model.safetensors",
        "open_clip-ViT-B-32.safetensors",
        "CLIP ViT-B-32 of open_clip",
        "MIT",
    ),
}
