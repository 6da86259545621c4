"""The models on the hub that `python -m to4d.weights` knows: where they are, and on what terms.

Terms are as the authors state them on the model's page, which decides.
"""

from dataclasses import dataclass

HUB = "https://huggingface.co/"


@dataclass(frozen=True)
class DynamiCrafterModel:
    """A published DynamiCrafter: a pickle, which becomes safetensors."""

    repository: str
    size: str  # `guidance.size`
    option: str  # `guidance`
    about: str
    terms: str = "code Apache-2.0; the authors state no terms of the weights' own, and ask for lawful, responsible use"
    file: str = "model.ckpt"


@dataclass(frozen=True)
class DiffusersModel:
    """A pipeline of diffusers."""

    repository: str
    option: str  # `guidance`
    about: str
    terms: str
    gated: bool = False  # whether its terms have to be accepted on its page


DYNAMICRAFTER = {
    "dynamicrafter-256": DynamiCrafterModel(
        "Doubiiu/DynamiCrafter", "256", "dynamicrafter", "10.4 GB, the paper's prior"
    ),
    "dynamicrafter-512": DynamiCrafterModel("Doubiiu/DynamiCrafter_512", "512", "dynamicrafter_512", "320 x 512"),
    "dynamicrafter-1024": DynamiCrafterModel("Doubiiu/DynamiCrafter_1024", "1024", "dynamicrafter_1024", "576 x 1024"),
}
DIFFUSERS = {
    "wan": DiffusersModel("Wan-AI/Wan2.1-I2V-14B-480P-Diffusers", "wan", "Wan 2.1 image to video, 14 B", "Apache-2.0"),
    "wan22": DiffusersModel(
        "Wan-AI/Wan2.2-I2V-A14B-Diffusers", "wan22", "Wan 2.2 image to video, 2 x 14 B", "Apache-2.0"
    ),
    "cogvideox": DiffusersModel(
        "THUDM/CogVideoX-5b-I2V",
        "cogvideox",
        "CogVideoX image to video, 5 B",
        "CogVideoX License: free for research; commercial use needs a registration with the authors",
    ),
    "ltx": DiffusersModel(
        "Lightricks/LTX-Video", "ltx", "LTX-Video, 2 B", "a licence of Lightricks' own, which restricts uses"
    ),
    "svd": DiffusersModel(
        "stabilityai/stable-video-diffusion-img2vid",
        "svd",
        "Stable Video Diffusion, 14 frames",
        "a licence of Stability AI's own; commercial use is restricted",
        gated=True,
    ),
    "i2vgen_xl": DiffusersModel("ali-vilab/i2vgen-xl", "i2vgen_xl", "I2VGen-XL", "MIT"),
    "modelscope": DiffusersModel(
        "ali-vilab/text-to-video-ms-1.7b", "modelscope", "ModelScope text to video, 1.7 B", "CC-BY-NC-4.0"
    ),
    "stable_diffusion": DiffusersModel(
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "stable_diffusion",
        "Stable Diffusion 1.5, text to image",
        "CreativeML Open RAIL-M, which restricts uses",
    ),
}
