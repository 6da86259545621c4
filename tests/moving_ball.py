"""A renderer in closed form: a ball, red in front and blue behind, that jumps up and lands."""

import torch
from torch import Tensor, nn

from to4d.geometry import pixel_rays
from to4d.types import Cameras, Render


class MovingBall(nn.Module):
    """A ball of radius 0.4 on y = -0.4, which rises by `height` at t = 1/2 and is back at t = 1."""

    def __init__(self, height: float) -> None:
        super().__init__()
        self.height = height

    def forward(self, cameras: Cameras, times: Tensor, normals: bool = True) -> Render:
        """(B cameras), (V,) -> Render (B, V)."""
        rays = pixel_rays(cameras)
        origins, directions = rays.origins[:, None], rays.directions[:, None]
        centre = torch.zeros(len(times), 3)
        centre[:, 1] = self.height * (torch.pi * times).sin()
        to_ray = origins - centre[:, None, None]  # (B, V, H, W, 3)
        along = (to_ray * directions).sum(-1, keepdim=True)
        inside = along**2 - (to_ray**2).sum(-1, keepdim=True) + 0.4**2
        opacity = (inside > 0).float()
        depth = opacity * (-along - inside.clamp(min=0.0).sqrt())
        normal = opacity * (to_ray + depth * directions) / 0.4
        front = (normal[..., 2:] > 0).float()
        colour = torch.tensor([0.8, 0.2, 0.2]) * front + torch.tensor([0.2, 0.2, 0.8]) * (1 - front)
        return Render(opacity * colour + 1 - opacity, opacity, depth, normal if normals else None)
