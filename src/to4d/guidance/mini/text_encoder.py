"""Tokens become vectors: a word's own and its letters', its place, and whether it names the object."""

import torch
from torch import Tensor, nn

from to4d.guidance.mini.layers import GeluMlp, MultiHeadSelfAttention
from to4d.guidance.mini.vocabulary import MAX_TOKENS, TRIGRAM_BUCKETS, Tokens


class TextBlock(nn.Module):
    """One transformer layer over the words."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm_words, self.words = nn.LayerNorm(width), MultiHeadSelfAttention(width, heads)
        self.norm_mix, self.mix = nn.LayerNorm(width), GeluMlp(width, 2)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """(B, L, d) -> (B, L, d)."""
        x = x + self.words(self.norm_words(x), present)
        return x + self.mix(self.norm_mix(x))


class TextEncoder(nn.Module):
    """A small transformer over at most 32 words."""

    def __init__(self, words: int, width: int, heads: int = 4, depth: int = 2) -> None:
        super().__init__()
        self.word = nn.Embedding(words, width)
        self.trigram = nn.Embedding(TRIGRAM_BUCKETS, width, padding_idx=0)
        self.place = nn.Parameter(0.05 * torch.randn(MAX_TOKENS, width))
        self.noun = nn.Parameter(0.3 * torch.randn(width))
        nn.init.normal_(self.word.weight, std=0.3)
        with torch.no_grad():
            self.trigram.weight.normal_(std=0.2)[0] = 0.0
        self.blocks = nn.ModuleList([TextBlock(width, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tokens) -> Tensor:
        """(B, L, d)."""
        letters = (tokens.trigrams > 0).sum(-1, keepdim=True).clamp_min(1)
        x = self.word(tokens.words) + self.trigram(tokens.trigrams).sum(2) / letters
        x = x + self.place[: x.shape[1]] + tokens.noun[..., None] * self.noun
        for block in self.blocks:
            x = block(x, tokens.present)
        return self.norm(x)
