"""Named objects: where they are looked for, how they are fetched, and what is said when that fails."""

import io
import re
import stat
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from file_server import serving
from mesh_files import four_colors, write_obj

from to4d.disk.download import download, unpack
from to4d.disk.folders import data_folder
from to4d.errors import InputError
from to4d.objects.catalogue import load_data, load_gso

CONF = Path(__file__).parents[1] / "conf" / "object"
SCAN = {"model": "Some_Scan", "folder": "gso_some", "noun": "sign"}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TO4D_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TO4D_DATA", raising=False)
    return tmp_path / "cache" / "objects"


def model_zip(folder: Path) -> bytes:
    """A scan as its home serves it: mesh, texture and thumbnails in folders of their own."""
    folder.mkdir()
    files = {
        "meshes/model.obj": write_obj(folder).read_bytes(),
        "meshes/quad.mtl": (folder / "quad.mtl").read_bytes(),
        "materials/textures/four.png": four_colors(folder / "four.png").read_bytes(),
        "thumbnails/0.jpg": b"small",
        "model.sdf": b"<sdf/>",
    }
    return zipped(files)


def zipped(files: dict) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@pytest.fixture
def serve(monkeypatch):
    """Let a local server be the home of scans, which has the one that it is called with."""
    with serving({}) as server:
        monkeypatch.setattr("to4d.objects.catalogue.GSO_URL", f"{server.url}/{{}}.zip")
        yield lambda data: server.files.update({"/Some_Scan.zip": data}) or server


def test_offline_the_error_names_the_address_and_each_way_out(cache, monkeypatch):
    monkeypatch.setattr("to4d.objects.catalogue.GSO_URL", "http://127.0.0.1:1/{}.zip")
    with pytest.raises(InputError) as error:
        load_gso(**SCAN)
    for word in ("http://127.0.0.1:1/Some_Scan.zip", str(cache / "Some_Scan.zip"), "TO4D_DATA", "gso/plant"):
        assert word in str(error.value)


def test_a_scan_is_fetched_once_with_its_texture(cache, tmp_path, serve):
    server = serve(model_zip(tmp_path / "made"))
    first, second = load_gso(**SCAN), load_gso(**SCAN)
    assert server.asked == [0]
    assert first.materials[0].texture is not None
    assert first.noun == "sign"
    assert first.content_key() == second.content_key()
    assert [p.name for p in cache.iterdir()] == ["Some_Scan"]


def test_an_archive_put_by_hand_is_taken(cache, tmp_path):
    cache.mkdir(parents=True)
    (cache / "Some_Scan.zip").write_bytes(model_zip(tmp_path / "made"))
    assert load_gso(**SCAN).materials[0].texture is not None


def test_a_damaged_cache_is_replaced(cache, tmp_path, serve):
    server = serve(model_zip(tmp_path / "made"))
    key = load_gso(**SCAN).content_key()
    (cache / "Some_Scan" / "model.obj").write_text("")
    assert load_gso(**SCAN).content_key() == key
    assert server.asked == [0, 0]


def test_the_users_own_folder_comes_first(cache, tmp_path, monkeypatch):
    folder = tmp_path / "data" / "gso_some"
    folder.mkdir(parents=True)
    four_colors(folder / "four.png")
    write_obj(folder)
    monkeypatch.setenv("TO4D_DATA", str(tmp_path / "data"))
    assert load_gso(**SCAN).source.parent == folder


def test_a_broken_download_leaves_nothing(cache, tmp_path, serve):
    serve(model_zip(tmp_path / "made")).breaks = [100]
    with pytest.raises(InputError, match="TO4D_DATA"):
        load_gso(**SCAN)
    assert not list(cache.iterdir())


def test_what_is_no_archive_is_refused_and_not_cached(cache, serve):
    serve(b"<html>moved</html>")
    with pytest.raises(InputError, match=r"Some_Scan\.zip"):
        load_gso(**SCAN)
    assert not (cache / "Some_Scan").exists()


def test_a_download_that_is_too_large_is_not_begun(tmp_path):
    with serving({"/x.zip": b"x" * 1001}) as server:
        with pytest.raises(InputError, match=r"/x\.zip.* 1,000 "):
            download(f"{server.url}/x.zip", tmp_path / "x.zip", max_bytes=1000)
        assert not list(tmp_path.iterdir())


def test_only_https_is_asked_and_followed(tmp_path):
    with serving({}) as server:
        server.files["/x.zip"] = f"-> http://localhost:{server.server_port}/y.zip".encode()
        server.files["/y.zip"] = b"y"
        for url in ("http://example.org/x.zip", "file:///etc/hostname", f"{server.url}/x.zip"):
            with pytest.raises(InputError, match=f"{re.escape(url)}.* https"):
                download(url, tmp_path / "x.zip")
    assert not list(tmp_path.iterdir())


def test_no_entry_leaves_the_folder(tmp_path):
    (tmp_path / "x.zip").write_bytes(zipped({"../../evil.obj": b"v", "/abs/evil.mtl": b""}))
    unpack(tmp_path / "x.zip", tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"evil.obj", "evil.mtl"}
    assert not (tmp_path.parent / "evil.obj").exists()


def test_links_in_archives_are_left_out(tmp_path):
    link = zipfile.ZipInfo("four.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(link, "/etc/hostname")
        archive.writestr("a.obj", "v 0 0 0")
    unpack(tmp_path / "x.zip", tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.obj"]


def test_a_zip_bomb_is_refused_before_unpacking(tmp_path, monkeypatch):
    monkeypatch.setattr("to4d.disk.download.MAX_BYTES", 1000)
    (tmp_path / "x.zip").write_bytes(zipped({"a.obj": b"0" * 1001}))
    with pytest.raises(InputError, match=r"x\.zip .*1,000 "):
        unpack(tmp_path / "x.zip", tmp_path / "out")


def test_without_a_collection_the_error_names_it(cache):
    with pytest.raises(InputError, match=r"TO4D_DATA.*fox/Fox\.glb"):
        load_data("fox", "Fox.glb", "fox")


def test_an_unknown_folder_lists_the_known(tmp_path, monkeypatch):
    (tmp_path / "cow").mkdir()
    monkeypatch.setenv("TO4D_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"TO4D_DATA=.*'fox'.* cow"):
        load_data("fox", "Fox.glb", "fox")


FOLDERS = [p for p in sorted(CONF.glob("*/*.yaml")) if p.stem not in ("plant", "model")]


@pytest.mark.parametrize("path", FOLDERS, ids=lambda p: p.stem)
def test_every_object_that_is_here_loads(path):
    entry = SimpleNamespace(**yaml.safe_load(path.read_text()))
    data = data_folder()
    if data is None or not (data / entry.folder).is_dir():
        pytest.skip(f"TO4D_DATA={data} has no folder {entry.folder}")
    mesh = (
        load_gso(entry.model, entry.folder, entry.noun)
        if path.parent.name == "gso"
        else load_data(entry.folder, entry.file, entry.noun)
    )
    assert len(mesh.faces) > 100
    assert any(m.texture is not None for m in mesh.materials) or len({m.color for m in mesh.materials}) > 1
