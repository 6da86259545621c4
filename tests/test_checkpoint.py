import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import to4d.disk.checkpoint
from to4d.disk.checkpoint import Damaged, flatten, load_into, load_tree, save_tree, unflatten
from to4d.errors import InputError

LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5) | st.floats(allow_nan=False)
KEYS = st.text(max_size=4) | st.integers(0, 9)
TREES = st.recursive(LEAVES, lambda t: st.lists(t, max_size=3) | st.dictionaries(KEYS, t, max_size=3), max_leaves=12)


@given(TREES)
def test_plain_trees_come_back_with_types_and_order(tree):
    assert unflatten(flatten(tree, {}), {}) == tree


def test_tensors_of_every_kind_come_back_bit_for_bit(tmp_path):
    adam = {"state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.randn(4, 2)}}, "betas": (0.9, 0.99)}
    tree = {"optimizer": [adam], "bits": torch.rand(5) > 0.5, "half": torch.randn(3).half(), "none": torch.zeros(0, 3)}
    save_tree(tmp_path / "x", tree)
    back = load_tree(tmp_path / "x")
    assert back["optimizer"][0]["betas"] == (0.9, 0.99)
    assert torch.equal(back["optimizer"][0]["state"][0]["exp_avg"], adam["state"][0]["exp_avg"])
    assert torch.equal(back["bits"], tree["bits"]) and torch.equal(back["half"], tree["half"])
    assert back["none"].shape == (0, 3)


@settings(max_examples=60, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_is_found(tmp_path_factory, where, bit):
    path = tmp_path_factory.mktemp("flip") / "x"
    save_tree(path, {"w": torch.arange(64.0), "step": 3})
    data = bytearray(path.read_bytes())
    data[int(where * len(data))] ^= 1 << bit
    path.write_bytes(data)
    try:
        back = load_tree(path)
    except InputError:
        return
    assert torch.equal(back["w"], torch.arange(64.0)) and back["step"] == 3  # a bit of the file's own padding


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_truncated_file_is_refused_with_its_name(tmp_path, keep):
    save_tree(tmp_path / "x", {"w": torch.arange(64.0)})
    (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:keep])
    with pytest.raises(Damaged, match=str(tmp_path / "x")):
        load_tree(tmp_path / "x")


def test_a_write_that_fails_names_the_file_and_leaves_what_was_there(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="file/x.* out=DIR"):
        save_tree(tmp_path / "file" / "x", {})
    assert (tmp_path / "file").read_text() == "in the way"


def test_objects_that_would_need_a_pickle_are_refused(tmp_path):
    with pytest.raises(TypeError, match="object"):
        save_tree(tmp_path / "x", {"model": object()})


def test_a_file_of_another_version_is_told_from_a_damaged_one(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(to4d.disk.checkpoint, "SCHEMA", "to4d-7")
        save_tree(tmp_path / "x", {"w": torch.arange(4.0)})
    with pytest.raises(InputError, match="/x .*to4d-7.*to4d-") as refused:
        load_tree(tmp_path / "x")
    assert not isinstance(refused.value, Damaged)  # which would let it be deleted
    path = tmp_path / "x"
    path.write_bytes(path.read_bytes().replace(b"to4d-7", b"to4d-6"))  # one bit
    with pytest.raises(Damaged):
        load_tree(path)


def test_unknown_and_missing_tensors_are_named(tmp_path):
    layer = torch.nn.Linear(2, 3)
    save_tree(tmp_path / "x", {"weight": layer.weight, "foreign.scale": torch.ones(1)})
    with pytest.raises(InputError, match=r'/x .*"bias".*"foreign\.scale"') as refused:
        load_into(layer, tmp_path / "x")
    assert "\n" not in str(refused.value) and not isinstance(refused.value, Damaged)
    save_tree(tmp_path / "x", [1, 2])
    with pytest.raises(InputError, match=str(tmp_path / "x")):
        load_into(layer, tmp_path / "x")
