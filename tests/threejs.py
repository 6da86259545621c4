"""Where three.js, the copy that the result page has, puts the vertices of an asset."""

import base64
import json
from pathlib import Path

import numpy as np
from browser import Browser

from to4d.export.page.threejs import three_js

SCRIPT = """
const bytes = Uint8Array.from(atob(document.querySelector('#asset').textContent.trim()), c => c.charCodeAt(0));
new THREE.GLTFLoader().parse(bytes.buffer, '', gltf => {
  const mixer = new THREE.AnimationMixer(gltf.scene), place = new THREE.Vector3();
  gltf.scene.traverse(object => {  // boneTransform of this release reads whole numbers as they are
    const weights = object.isSkinnedMesh && object.geometry.attributes.skinWeight;
    if (!weights || !weights.normalized || weights.isInterleavedBufferAttribute) return;
    const raw = weights.array, vertex = place => raw.slice(place - place % 4, place - place % 4 + 4);
    const sum = place => vertex(place).reduce((a, b) => a + b, 0);
    const shares = Float32Array.from(raw, (weight, place) => weight / sum(place));
    object.geometry.setAttribute('skinWeight', new THREE.BufferAttribute(shares, 4));
  });
  window.played = (clip, seconds) => {
    mixer.stopAllAction();
    const found = gltf.animations.filter(each => each.name === clip);
    const action = mixer.clipAction(found[found.length - 1]).play();
    action.time = seconds;
    mixer.update(0);
    gltf.scene.updateMatrixWorld(true);
    const places = [];
    gltf.scene.traverse(object => {
      if (!object.isMesh) return;
      for (let i = 0; i < object.geometry.attributes.position.count; i++) {
        place.fromBufferAttribute(object.geometry.attributes.position, i);
        if (object.isSkinnedMesh) object.boneTransform(i, place);
        places.push(...place.applyMatrix4(object.matrixWorld).toArray());
      }
    });
    const raw = new Uint8Array(new Float64Array(places).buffer);
    let text = '';
    for (let i = 0; i < raw.length; i += 8192) text += String.fromCharCode(...raw.subarray(i, i + 8192));
    return btoa(text);
  };
}, error => { window.failed = String(error.message || error); });
"""


def poses(browser: Browser, path: Path, clip: str, seconds: np.ndarray) -> np.ndarray:
    """(V, N, 3) of the last clip of this name, by joints and nodes; an asset without morph targets that are active."""
    page = path.with_name(f"{path.stem} three.html")
    asset = base64.b64encode(path.read_bytes()).decode()
    holder = f"<script id='asset' type='text/plain'>{asset}</script>"
    page.write_text(f"<!doctype html>{holder}<script>{three_js()}</script><script>{SCRIPT}</script>")
    browser.open(page.as_uri())
    browser.wait("Boolean(window.played || window.failed)")
    assert not browser.value("window.failed"), browser.value("window.failed")
    raw = [browser.value(f"window.played({json.dumps(clip)}, {float(each)})") for each in seconds]
    return np.stack([np.frombuffer(base64.b64decode(text), "<f8").reshape(-1, 3) for text in raw])
