"""An asset as three.js plays it in headless Chromium; needs `npm i three`, TO4D_THREE=<folder>/node_modules/three."""

import http.server
import importlib
import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from to4d.types import Cameras


def tests(name: str) -> ModuleType:
    """A helper of the tests."""
    folder = str(Path(__file__).resolve().parents[1] / "tests")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


browser = tests("browser")

PAGE = """<!doctype html><body style="margin:0"><script type="importmap">
{"imports": {"three": "/three/build/three.module.js", "three/addons/": "/three/examples/jsm/"}}</script>
<script type="module">
import * as THREE from 'three';
import {GLTFLoader} from 'three/addons/loaders/GLTFLoader.js';
const renderer = new THREE.WebGLRenderer({antialias: true, preserveDrawingBuffer: true});
renderer.setSize(SIZE, SIZE);
renderer.setClearColor(0xffffff);
document.body.append(renderer.domElement);
const gltf = await new GLTFLoader().loadAsync('/asset.glb');
const unlit = m => new THREE.MeshBasicMaterial({map: m.map, color: m.color, vertexColors: m.vertexColors,
  transparent: m.transparent, opacity: m.opacity, alphaTest: m.alphaTest, side: THREE.DoubleSide});
gltf.scene.traverse(o => { if (o.isMesh) o.material = unlit(o.material); });
const root = new THREE.Group(), scene = new THREE.Scene(), camera = new THREE.PerspectiveCamera(40, 1, 0.1, 20);
root.matrixAutoUpdate = camera.matrixAutoUpdate = false;
root.matrix.set(...WORLD);
root.add(gltf.scene);
scene.add(root, camera);
const mixer = new THREE.AnimationMixer(gltf.scene), action = mixer.clipAction(gltf.animations[0]);
action.setLoop(THREE.LoopOnce);
action.clampWhenFinished = true;
window.show = (seconds, pose, fov) => {
  action.reset().play();
  mixer.setTime(seconds);
  camera.fov = fov;
  camera.updateProjectionMatrix();
  camera.matrix.set(...pose);
  scene.updateMatrixWorld(true);
  renderer.render(scene, camera);
  return true;
};
window.ready = true;
</script>"""


def pictures(asset: Path, world: np.ndarray, cameras: Cameras, seconds: list[float]) -> torch.Tensor:
    """(B, V, H, W, 3) in [0, 1]: what three.js shows.

    Args:
        asset: a GLB file with a clip.
        world: (4, 4) from its coordinates to the cameras'.
        cameras: B.
        seconds: V times of the clip.
    """
    if browser.CHROMIUM is None or "TO4D_THREE" not in os.environ:
        sys.exit("needs chromium on the PATH and TO4D_THREE=<folder>/node_modules/three (npm i three)")
    size = cameras.size[0]
    page = PAGE.replace("SIZE", str(size)).replace("WORLD", json.dumps(world.flatten().tolist()))
    files = {"/": page.encode(), "/asset.glb": asset.read_bytes()}
    with Served(files) as address, profile() as folder, browser.Browser(Path(folder), (600, 600), 240.0) as window:
        window.open(address)
        window.wait("window.ready === true")
        shots = [[shot(window, t, cameras, b) for t in seconds] for b in range(len(cameras.pose))]
    return torch.from_numpy(np.array(shots)).float() / 255.0


def shot(window: object, seconds: float, cameras: Cameras, b: int) -> np.ndarray:
    """(H, W, 3) bytes as floats: the clip at a time from camera b."""
    pose, fov = cameras.pose[b].flatten().tolist(), float(cameras.fov[b].rad2deg())
    window.value(f"window.show({seconds}, {json.dumps(pose)}, {fov})")
    return window.picture("canvas")


def profile() -> tempfile.TemporaryDirectory:
    """A folder for the browser, which may still write when it is taken away."""
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


class Served:
    """Files by path, and those of three.js, at a port of this computer."""

    def __init__(self, files: dict[str, bytes]) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer."""
                path = self.path
                known = files.get(path)
                if known is None and path.startswith("/three/") and ".." not in path:
                    file = Path(os.environ["TO4D_THREE"]) / path.removeprefix("/three/")
                    known = file.read_bytes() if file.is_file() else None
                self.send_response(200 if known is not None else 404)
                kind = (
                    "text/javascript" if path.endswith(".js") else "text/html" if path == "/" else "model/gltf-binary"
                )
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(known or b"")

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}/"

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()
