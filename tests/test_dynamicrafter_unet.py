"""DynamiCrafter's denoiser: the official parameters, the official numbers, and its attention maps."""

import pytest
import torch
from upstream_lvdm import difference, official_unet, upstream

from to4d.guidance.dynamicrafter.attention import TextImageAttention, UNetContext
from to4d.guidance.dynamicrafter.attention_maps import as_attention_maps, fused_attention_share, mean_noun_map
from to4d.guidance.dynamicrafter.sizes import SIZES
from to4d.guidance.dynamicrafter.unet import UNet
from to4d.guidance.random_weights import randomise

PREFIX = "model.diffusion_model."
TINY = SIZES["tiny"].unet


def inputs(rows=2, views=4):
    numbers = torch.Generator().manual_seed(0)
    noisy, still = (torch.randn(rows, *shape, generator=numbers) for shape in ((4, views, 16, 16), (4, 16, 16)))
    text, image = (torch.randn(rows, *shape, generator=numbers) for shape in ((77, 32), (views, 16, 32)))
    return noisy, still, torch.tensor([17, 800])[:rows], torch.tensor([3, 5])[:rows], text, image


@pytest.fixture(scope="module")
def unet():
    return randomise(UNet(TINY), PREFIX)


@torch.no_grad()
def denoise(unet, noisy, still, t, pace, text, image, marks=None):
    return unet(noisy, still, t, pace, UNetContext(text, image, marks))


def official(theirs, noisy, still, t, pace, text, image):
    both = torch.cat([noisy, still[:, :, None].expand_as(noisy)], dim=1)
    with torch.no_grad():
        return theirs(both, t, context=torch.cat([text, image.flatten(1, 2)], dim=1), fs=pace)


@pytest.mark.parametrize(("size", "count"), [("256", 1_438_854_996), ("512", 1_438_854_980), ("1024", 1_438_854_980)])
def test_the_full_model_has_the_official_number_of_parameters(size, count):
    with torch.device("meta"):
        unet = UNet(SIZES[size].unet)
    assert sum(p.numel() for p in unet.parameters()) == count


@pytest.mark.parametrize("size", ["tiny", "tiny_velocity"])
def test_it_predicts_what_the_official_code_predicts(size):
    size = SIZES[size]
    theirs = randomise(official_unet(size.unet, size.frames), PREFIX)
    ours = randomise(UNet(size.unet), PREFIX)
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: v.shape for k, v in theirs.state_dict().items()}
    assert difference(denoise(ours, *inputs())[0], official(theirs, *inputs())) < 1e-4


def test_every_block_does_what_the_official_block_does(unet):
    theirs, expected = randomise(official_unet(TINY, 4), PREFIX), {}
    blocks = [*theirs.input_blocks, theirs.init_attn, theirs.middle_block, *theirs.output_blocks]
    names = {block: name for name, block in theirs.named_modules() if block in blocks}
    for block, name in names.items():
        block.register_forward_hook(lambda _, __, out, name=name: expected.update({name: out}))
    official(theirs, *inputs())
    found, handles = {}, []
    for name in names.values():
        keep = lambda _, __, out, name=name: found.update({name: out[0]})  # noqa: E731
        handles.append(unet.get_submodule(name).register_forward_hook(keep))
    denoise(unet, *inputs())
    [handle.remove() for handle in handles]
    assert len(expected) == 18
    assert max(difference(found[name], expected[name]) for name in expected) < 1e-4


@pytest.mark.parametrize("which", range(6), ids=["noisy", "still", "step", "pace", "text", "image"])
def test_it_reads_all_that_it_is_given(unet, which):
    before = list(inputs())
    after = [x + (1 if index == which else 0) for index, x in enumerate(before)]
    assert difference(denoise(unet, *after)[0], denoise(unet, *before)[0]) > 1e-3


def test_clips_of_a_batch_do_not_mix(unet):
    alone = denoise(unet, *[x[:1] for x in inputs()])[0]
    assert difference(denoise(unet, *inputs())[0][:1], alone) < 1e-5


def test_its_blocks_compile_without_a_graph_break(unet):
    _, _, _, _, text, image = inputs()
    block, x, level = unet.input_blocks[1], torch.zeros(8, 32, 8, 8), torch.zeros(2, 128)
    explanation = torch._dynamo.explain(block)(x, level, UNetContext(text, image, torch.ones(1, 77)))
    assert explanation.graph_break_count == 0


@pytest.mark.slow
def test_it_compiles_to_one_graph_that_says_the_same_at_any_step(unet):
    compiled, marks = torch.compile(unet, backend="eager", fullgraph=True), torch.ones(1, 77)
    with torch._dynamo.config.patch(error_on_recompile=True):
        for shift in (0, 100):
            noisy, still, t, *condition = inputs()
            (prediction, maps), (same, same_maps) = (
                denoise(net, noisy, still, t + shift, *condition, marks) for net in (unet, compiled)
            )
            assert all(
                torch.allclose(a, b, atol=1e-5) for a, b in zip((prediction, *maps), (same, *same_maps), strict=True)
            )


def test_all_tokens_together_have_all_the_attention(unet):
    _, maps = denoise(unet, *inputs(), marks=torch.ones(2, 77))
    sizes = [tuple(m.shape[1:3]) for m in maps]
    assert sizes == [(side, side) for side in (16, 8, 4, 2, 4, 4, 8, 8, 16, 16)]
    assert all(m.shape[3] == 1 + 16 for m in maps)
    assert all(torch.allclose(m[..., 0], torch.ones(m.shape[:3]), atol=1e-5) for m in maps)
    assert all(torch.allclose(m[..., 1:].sum(-1), torch.ones(m.shape[:3]), atol=1e-5) for m in maps)


def test_the_full_models_look_at_words_in_sixteen_places():
    with torch.device("meta"):
        unet = UNet(SIZES["256"].unet)
    layers = [name for name, part in unet.named_modules() if isinstance(part, TextImageAttention)]
    inputs, outputs = (f"{side}_blocks.{{}}.1" for side in ("input", "output"))
    blocks = [inputs.format(i) for i in (1, 2, 4, 5, 7, 8)] + ["middle_block.1"]
    blocks += [outputs.format(i) for i in range(3, 12)]
    assert sorted(layers) == sorted(f"{name}.transformer_blocks.0.attn2" for name in blocks)


@pytest.mark.parametrize("size", ["256", "512", "1024"])
def test_the_full_models_fit_their_images(size):
    height, width = (side // 8 for side in SIZES[size].resolution)
    with torch.device("meta"):
        unet, text, image = UNet(SIZES[size].unet), torch.empty(2, 77, 1024), torch.empty(2, 16, 16, 1024)
        noisy, still, two = torch.empty(2, 4, 16, height, width), torch.empty(2, 4, height, width), torch.empty(2)
        prediction, maps = denoise(unet, noisy, still, two, two, text, image, torch.empty(1, 77))
    assert prediction.shape == noisy.shape
    assert len(maps) == 16 and maps[0].shape == (16, height, width, 17)


def test_maps_of_two_tokens_add_up_and_only_watched_clips_have_one(unet):
    marks = torch.zeros(3, 1, 77)
    marks[0, :, 5], marks[1, :, 6], marks[2, :, 5:7] = 1, 1, 1
    one, other, both = (denoise(unet, *inputs(), marks=m)[1] for m in marks)
    assert all(m.shape[0] == 4 for m in both)
    words = ([m[..., 0] for m in maps] for maps in (one, other, both))
    assert all(torch.allclose(a + b, c, atol=1e-6) for a, b, c in zip(*words, strict=True))
    assert both[0][..., 0].std() > 1e-3
    assert all(torch.equal(a[..., 1:], b[..., 1:]) for a, b in zip(one, both, strict=True))


def test_a_fused_map_is_the_softmax_column():
    queries, keys = torch.randn(2, 3, 10, 8), torch.randn(2, 3, 77, 8)
    marks = torch.nn.functional.one_hot(torch.tensor([4, 9]), 77).float()
    columns = (queries @ keys.transpose(-1, -2) / 8**0.5).softmax(-1)[[0, 1], :, :, [4, 9]].mean(1)
    assert torch.allclose(fused_attention_share(marks, queries, keys), columns, atol=1e-6)


def test_the_maps_are_those_of_the_official_layer(unet):
    theirs, attention_of = randomise(official_unet(TINY, 4), PREFIX), {}
    layer = theirs.input_blocks[1][1].transformer_blocks[0].attn2

    def watch(attention, args, kwargs):
        text, image = kwargs["context"][:, :77], kwargs["context"][:, 77:]
        parts = attention.to_q(args[0]), attention.to_k(text), attention.to_k_ip(image)
        q, k, k_image = (x.unflatten(-1, (attention.heads, -1)).transpose(1, 2) for x in parts)
        attention_of["word"] = (q @ k.transpose(-1, -2) * attention.scale).softmax(-1)[..., 7].mean(1)
        attention_of["image"] = (q @ k_image.transpose(-1, -2) * attention.scale).softmax(-1).mean(1)

    layer.register_forward_pre_hook(watch, with_kwargs=True)
    official(theirs, *inputs())
    marks = torch.nn.functional.one_hot(torch.tensor([7, 7]), 77).float()
    ours = denoise(unet, *inputs(), marks=marks)[1][0].flatten(1, 2)
    assert difference(ours[..., 0], attention_of["word"]) < 1e-4
    assert difference(ours[..., 1:], attention_of["image"]) < 1e-4
    assert upstream().attention.XFORMERS_IS_AVAILBLE is False


def test_a_frame_without_the_object_stays_dark_and_coarse_layers_do_not_count():
    fine, coarse = torch.rand(8, 16, 16, generator=torch.Generator().manual_seed(0)), torch.rand(8, 4, 4)
    fine[3] *= 1e-3
    layers = tuple(
        as_attention_maps(m[..., None].expand(-1, -1, -1, 17), views=4) for m in (fine, fine[:, ::2, ::2], coarse)
    )
    noun = mean_noun_map(layers, size=(16, 16), coarsest=2)
    assert noun.shape == (2, 4, 16, 16)
    assert torch.allclose(noun.amax((1, 2, 3)), torch.ones(2))
    assert noun[0, 3].max() < 0.01
    assert torch.equal(noun, mean_noun_map(layers[:2], size=(16, 16), coarsest=4))
