import errno

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from to4d.cli import check_writable, plain_text, report_user_errors, run_folder, settings_among
from to4d.errors import InputError


def value_seen_by_hydra(argument):
    return OverridesParser.create().parse_override(plain_text(argument)).value()


@pytest.mark.parametrize(
    "text",
    [
        "a plant blooming",
        "it's alive, really",
        "a, b (c) [d] {e}",
        'she said "jump"',
        "100% = all",
        "back\\slash",
        "café plant",
        "$HOME",
    ],
)
def test_a_prompt_needs_no_quoting_tricks(text):
    assert value_seen_by_hydra(f"prompt={text}") == text


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=30))
def test_any_printable_prompt_survives(text):
    if text.strip() and text[0] not in "'\"[" and text not in ("null",) and not text.startswith("choice("):
        assert value_seen_by_hydra(f"prompt={text}") == text


def test_brackets_around_a_prompt_make_a_list():
    assert value_seen_by_hydra("prompt=[a plant jumping, a plant swaying]") == ["a plant jumping", "a plant swaying"]
    assert value_seen_by_hydra("prompt=[a] plant") == "[a] plant"


def test_what_is_already_hydra_stays():
    for argument in ("seed=1,2", 'prompt="a, b"', "prompt=choice(a,b)", "-m", "prompt=null"):
        assert plain_text(argument) == argument


def test_out_names_the_run_folder_or_the_parent_of_a_sweep():
    assert run_folder(["out=x"]) == ["hydra.run.dir=x"]
    assert run_folder(["-m", "out=x", "seed=1,2"]) == ["-m", "hydra.sweep.dir=x", "seed=1,2"]


def test_a_run_folder_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="out=.*file/run"):
        check_writable([f"hydra.run.dir={tmp_path / 'file' / 'run'}"])


def test_the_words_after_hydra_s_flags_are_no_settings():
    assert settings_among(["prompt=x", "--cfg", "job", "-p", "phase", "seed=1"]) == ["prompt=x", "seed=1"]


def test_an_option_called_true_is_a_name():
    assert value_seen_by_hydra("+tiny=true") == "true"


def test_a_disk_without_room_is_one_clear_line(capsys):
    @report_user_errors
    def task(cfg):
        raise OSError(errno.ENOSPC, "No space left on device", "runs/a/metrics.csv")

    with pytest.raises(SystemExit) as ended:
        task(None)
    error = capsys.readouterr().err
    assert ended.value.code == 2 and error.count("\n") == 1
    assert "runs/a/metrics.csv" in error and "No space left on device" in error
