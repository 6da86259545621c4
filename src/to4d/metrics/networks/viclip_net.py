"""A clip and a sentence as vectors, by ViCLIP (Wang et al. 2023), as in VBench. Takes the official weights by key."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

VOCABULARY = 49408


@dataclass(frozen=True)
class ViclipTowerSize:
    """A transformer's size."""

    width: int
    layers: int
    heads: int


@dataclass(frozen=True)
class ViclipSize:
    """Of the network; these are the official ones."""

    video: ViclipTowerSize = ViclipTowerSize(1024, 24, 16)
    text: ViclipTowerSize = ViclipTowerSize(768, 12, 12)
    pixels: int = 224
    patch: int = 14
    frames: int = 8
    tokens: int = 32
    features: int = 768


class ViclipMlp(nn.Module):
    """The feed-forward part of a layer."""

    def __init__(self, width: int) -> None:
        """Four times as wide inside."""
        super().__init__()
        self.c_fc, self.c_proj = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, l, width) -> the same; the bend is the quick form of GELU."""
        x = self.c_fc(x)
        return self.c_proj(x * torch.sigmoid(1.702 * x))


class ViclipLayer(nn.Module):
    """Self-attention and feed-forward part, each with a residual connection."""

    def __init__(self, tower: ViclipTowerSize) -> None:
        """Names are CLIP's."""
        super().__init__()
        self.attn = nn.MultiheadAttention(tower.width, tower.heads, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(tower.width), nn.LayerNorm(tower.width)
        self.mlp = ViclipMlp(tower.width)

    def forward(self, x: Tensor, hidden: Tensor | None) -> Tensor:
        """(n, l, width) -> the same; `hidden` (l, l) is true where a token (row) must not attend."""
        y = self.ln_1(x)
        x = x + self.attn(y, y, y, need_weights=False, attn_mask=hidden)[0]
        return x + self.mlp(self.ln_2(x))


class ViclipTransformer(nn.Module):
    """A stack of layers."""

    def __init__(self, tower: ViclipTowerSize) -> None:
        """Of one width."""
        super().__init__()
        self.resblocks = nn.ModuleList([ViclipLayer(tower) for _ in range(tower.layers)])

    def forward(self, x: Tensor, hidden: Tensor | None = None) -> Tensor:
        """(n, l, width) -> the same."""
        for layer in self.resblocks:
            x = layer(x, hidden)
        return x


class ViclipVideoTower(nn.Module):
    """All patches of all frames beside one token for the clip."""

    def __init__(self, size: ViclipSize) -> None:
        """Frames are squares."""
        super().__init__()
        width, patch = size.video.width, (1, size.patch, size.patch)
        self.conv1 = nn.Conv3d(3, width, patch, patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty((size.pixels // size.patch) ** 2 + 1, width))
        self.temporal_positional_embedding = nn.Parameter(torch.empty(1, size.frames, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = ViclipTransformer(size.video)
        self.proj = nn.Parameter(torch.empty(width, size.features))

    def forward(self, clips: Tensor) -> Tensor:
        """(n, V, 3, H, W) in CLIP's colours -> (n, features)."""
        patches = self.conv1(clips.transpose(1, 2)).flatten(3).movedim(1, -1)  # (n, V, places, width)
        place, time = self.positional_embedding, self.temporal_positional_embedding
        patches = patches + place[1:] + time[:, :, None]
        whole = (self.class_embedding + place[0]).expand(len(clips), 1, -1)
        x = self.ln_pre(torch.cat([whole, patches.flatten(1, 2)], 1))
        return self.ln_post(self.transformer(x)[:, 0]) @ self.proj


class ViclipTextTower(nn.Module):
    """Each token sees those before it; the last one stands for the sentence."""

    def __init__(self, size: ViclipSize) -> None:
        """Of CLIP's tokens."""
        super().__init__()
        width = size.text.width
        self.token_embedding = nn.Embedding(VOCABULARY, width)
        self.positional_embedding = nn.Parameter(torch.empty(size.tokens, width))
        self.transformer = ViclipTransformer(size.text)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, size.features))

    def forward(self, tokens: Tensor) -> Tensor:
        """(n, L) -> (n, features)."""
        later = torch.ones(tokens.shape[1], tokens.shape[1], dtype=torch.bool, device=tokens.device).triu(1)
        x = self.transformer(self.token_embedding(tokens) + self.positional_embedding, later)
        end = tokens.argmax(-1)  # the end's number is the largest
        return self.ln_final(x[torch.arange(len(x)), end]) @ self.text_projection


class ViclipNet(nn.Module):
    """Both towers."""

    def __init__(self, size: ViclipSize | None = None) -> None:
        """The official size, if none is given."""
        super().__init__()
        self.size = size or ViclipSize()
        self.vision_encoder, self.text_encoder = ViclipVideoTower(self.size), ViclipTextTower(self.size)
        self.temp = nn.Parameter(torch.ones(()))  # of training; only there because the weights hold it
