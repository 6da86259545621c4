"""Tiny pipelines of the real classes with random weights that are the same on every machine, for tests and dry runs."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from to4d.guidance.diffusers.packages import import_package
from to4d.guidance.random_weights import random_tensor

WIDTH = 32  # of words


def wan() -> Any:
    """Wan 2.1: 3-D autoencoder that joins 4 frames, transformer with cross-attention to words and image tokens."""
    diffusers = import_package("diffusers")
    transformer = wan_transformer(image_dim=WIDTH, added_kv_proj_dim=24)
    return diffusers.WanImageToVideoPipeline(
        tokenizer=tokenizer(512),
        text_encoder=t5("UMT5"),
        vae=randomised(diffusers.AutoencoderKLWan(base_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1)),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=3.0),
        image_processor=image_processor(32),
        image_encoder=image_tower(32),
        transformer=randomised(transformer),
    )


def wan22() -> Any:
    """Wan 2.2, 14 B: two transformers, of which the first is for times from 0.9 on, and no image tokens."""
    diffusers, first, second = import_package("diffusers"), randomised(wan_transformer()), randomised(wan_transformer())
    with torch.no_grad():
        for parameter in second.parameters():
            parameter.neg_()  # another network
    return diffusers.WanImageToVideoPipeline(
        tokenizer=tokenizer(512),
        text_encoder=t5("UMT5"),
        vae=randomised(diffusers.AutoencoderKLWan(base_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1)),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(shift=5.0),
        transformer=first,
        transformer_2=second,
        boundary_ratio=0.9,
    )


def wan_transformer(**image: int) -> nn.Module:
    """Of Wan, with what it needs to look at image tokens, if it does."""
    return import_package("diffusers").WanTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=36, text_dim=WIDTH, freq_dim=32, ffn_dim=32,
        num_layers=2, rope_max_seq_len=32, **image,
    )  # fmt: skip


def cogvideox() -> Any:
    """CogVideoX 1.0: 3-D autoencoder that joins 4 frames, transformer over words and patches alike."""
    diffusers = import_package("diffusers")
    transformer = diffusers.CogVideoXTransformer3DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=32, time_embed_dim=8, text_embed_dim=WIDTH,
        num_layers=2, sample_width=4, sample_height=4, sample_frames=9, max_text_seq_length=226,
        use_rotary_positional_embeddings=True, use_learned_positional_embeddings=True,
    )  # fmt: skip
    autoencoder = diffusers.AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=2, scaling_factor=0.7
    )
    schedule = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "snr_shift_scale": 1.0}
    return diffusers.CogVideoXImageToVideoPipeline(
        tokenizer=tokenizer(226),
        text_encoder=t5("T5"),
        vae=randomised(autoencoder),
        transformer=randomised(transformer),
        scheduler=diffusers.CogVideoXDDIMScheduler(
            **schedule, prediction_type="v_prediction", rescale_betas_zero_snr=True, timestep_spacing="trailing"
        ),
    )


def ltx() -> Any:
    """LTX-Video: 3-D autoencoder that joins 8 frames and 32 x 32 pixels, transformer with cross-attention to words."""
    diffusers = import_package("diffusers")
    transformer = diffusers.LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, num_attention_heads=2, attention_head_dim=12, cross_attention_dim=24,
        num_layers=2, caption_channels=WIDTH,
    )  # fmt: skip
    autoencoder = diffusers.AutoencoderKLLTXVideo(
        latent_channels=8, block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=(1, 1, 1, 1, 1), decoder_layers_per_block=(1, 1, 1, 1, 1),
    )  # fmt: skip
    autoencoder.latents_mean, autoencoder.latents_std = torch.linspace(-0.2, 0.2, 8), torch.linspace(0.5, 1.5, 8)
    return diffusers.LTXImageToVideoPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=randomised(autoencoder),
        text_encoder=t5("T5"),
        tokenizer=tokenizer(128),
        transformer=randomised(transformer),
    )


def svd() -> Any:
    """Stable Video Diffusion: image autoencoder, U-Net that sees the still but no words."""
    diffusers = import_package("diffusers")
    unet = diffusers.UNetSpatioTemporalConditionModel(
        down_block_types=("CrossAttnDownBlockSpatioTemporal", "DownBlockSpatioTemporal"),
        up_block_types=("UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"),
        block_out_channels=(32, 64), num_attention_heads=(2, 4), layers_per_block=1, addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=24, cross_attention_dim=WIDTH, num_frames=9,
    )  # fmt: skip
    autoencoder = diffusers.AutoencoderKLTemporalDecoder(
        down_block_types=("DownEncoderBlock2D",) * 4, block_out_channels=(32, 32, 32, 32)
    )
    return diffusers.StableVideoDiffusionPipeline(
        vae=randomised(autoencoder),
        image_encoder=image_tower(224, projected=True),
        unet=randomised(unet),
        scheduler=diffusers.EulerDiscreteScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
            interpolation_type="linear", sigma_min=0.002, sigma_max=700.0, use_karras_sigmas=True,
            timestep_spacing="leading", timestep_type="continuous", steps_offset=1,
        ),
        feature_extractor=image_processor(224),
    )  # fmt: skip


def i2vgen_xl() -> Any:
    """I2VGen-XL: image autoencoder, U-Net with cross-attention to words and image tokens."""
    diffusers = import_package("diffusers")
    unet = u_net(diffusers.I2VGenXLUNet, "3D")
    return diffusers.I2VGenXLPipeline(
        **readers(),
        image_encoder=image_tower(32, projected=True),
        feature_extractor=image_processor(32),
        unet=unet,
        scheduler=diffusers.DDIMScheduler(
            beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", rescale_betas_zero_snr=True,
            clip_sample=False, set_alpha_to_one=True, steps_offset=1,
        ),
    )  # fmt: skip


def modelscope() -> Any:
    """ModelScope's text to video: image autoencoder, U-Net with cross-attention to words; sees no image."""
    diffusers = import_package("diffusers")
    unet = u_net(diffusers.UNet3DConditionModel, "3D")
    return diffusers.TextToVideoSDPipeline(
        **readers(),
        unet=unet,
        scheduler=diffusers.DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False
        ),
    )


def stable_diffusion() -> Any:
    """Stable Diffusion: image autoencoder, U-Net over single images with cross-attention to words."""
    diffusers = import_package("diffusers")
    unet = u_net(diffusers.UNet2DConditionModel, "2D")
    return diffusers.StableDiffusionPipeline(
        **readers(),
        unet=unet,
        scheduler=diffusers.DDIMScheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def u_net(kind: Callable[..., nn.Module], blocks: str) -> nn.Module:
    """A U-Net with cross-attention to words in its upper level; `blocks` are "2D" or "3D"."""
    return randomised(kind(
        down_block_types=(f"CrossAttnDownBlock{blocks}", f"DownBlock{blocks}"),
        up_block_types=(f"UpBlock{blocks}", f"CrossAttnUpBlock{blocks}"),
        block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=2, cross_attention_dim=WIDTH,
        attention_head_dim=8,
    ))  # fmt: skip


def readers() -> dict[str, Any]:
    """What such a U-Net's pipeline reads pictures and words with."""
    return {"vae": randomised(image_autoencoder()), "text_encoder": clip_text(), "tokenizer": tokenizer(77)}


def randomised(model: nn.Module) -> nn.Module:
    """The model with values that depend on its parameters' names alone; none is zero, as some are in fresh models."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(random_tensor(name, tuple(parameter.shape)))
    return model.requires_grad_(False).eval()


def image_autoencoder() -> nn.Module:
    """Of single images, 8 x 8 pixels to one."""
    return import_package("diffusers").AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8), norm_num_groups=2,
    )  # fmt: skip


def tokenizer(length: int) -> Any:
    """A token a byte, with an end mark: whatever the text, it can be read."""
    tokenizers, transformers = import_package("tokenizers"), import_package("transformers")
    names = ["<pad>", "</s>", *sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())]
    model = tokenizers.Tokenizer(tokenizers.models.BPE({name: i for i, name in enumerate(names)}, []))
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.post_processor = tokenizers.processors.TemplateProcessing("$A </s>", special_tokens=[("</s>", 1)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=model, pad_token="<pad>", eos_token="</s>", model_max_length=length
    )


def t5(family: str) -> nn.Module:
    """The word reader `family`, T5 or UMT5."""
    transformers = import_package("transformers")
    size = {"vocab_size": 258, "d_model": WIDTH, "d_kv": 16, "d_ff": 64, "num_layers": 1, "num_heads": 2}
    config = getattr(transformers, f"{family}Config")(**size, dropout_rate=0.0)
    return randomised(getattr(transformers, f"{family}EncoderModel")(config))


def clip_text() -> nn.Module:
    """CLIP's word reader."""
    transformers = import_package("transformers")
    size = {"vocab_size": 258, "hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": 2}
    ends = {"bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}
    return randomised(transformers.CLIPTextModel(transformers.CLIPTextConfig(**size, **ends, num_attention_heads=2)))


def image_tower(pixels: int, projected: bool = False) -> nn.Module:
    """CLIP's image reader."""
    transformers = import_package("transformers")
    size = {"hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = transformers.CLIPVisionConfig(**size, projection_dim=WIDTH, image_size=pixels, patch_size=pixels // 4)
    made = transformers.CLIPVisionModelWithProjection if projected else transformers.CLIPVisionModel
    return randomised(made(config))


def image_processor(pixels: int) -> Any:
    """What comes before it."""
    size = {"height": pixels, "width": pixels}
    return import_package("transformers").CLIPImageProcessorPil(size={"shortest_edge": pixels}, crop_size=size)
