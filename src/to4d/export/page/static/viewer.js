// Renders a glTF asset with three.js, at any time of any of its clips and from any side.
"use strict";

const FOV_DEG = 40; // vertical, as that of the run's own cameras

/** What metal and glass reflect: a grey room with bright panels at the ceiling and the walls. */
function studio() {
  const scene = new THREE.Scene();
  const box = (color, size, position, side = THREE.FrontSide) => {
    const mesh = new THREE.Mesh(new THREE.BoxGeometry(...size), new THREE.MeshBasicMaterial({ color, side }));
    mesh.position.set(...position);
    scene.add(mesh);
  };
  const light = (brightness) => new THREE.Color(brightness, brightness, brightness);
  box(light(0.5), [10, 6, 10], [0, 1, 0], THREE.BackSide);
  box(light(5), [4, 0.1, 4], [0, 3.9, 0]); // ceiling
  box(light(7), [0.1, 2.5, 3], [-4.9, 1.5, 1.5]); // key light, at the left of the front camera
  box(light(3), [0.1, 2, 2], [4.9, 1.5, -1]);
  box(light(4), [2.5, 2, 0.1], [1, 1.5, 4.9]); // behind the front camera
  return scene;
}

/** The same surface without lighting, seen from both sides: as the run's own cameras render it. */
function unlit({ color, map, transparent, opacity, alphaTest, depthWrite, vertexColors }) {
  const options = { color, transparent, opacity, alphaTest, depthWrite, vertexColors, side: THREE.DoubleSide };
  return new THREE.MeshBasicMaterial(map ? { ...options, map } : options);
}

/** An asset in a canvas. `world` (16 numbers, column by column) takes its coordinates to those of the run's cameras. */
class Viewer {
  static async open(canvas, bytes, world) {
    const loader = new THREE.GLTFLoader();
    const gltf = await new Promise((resolve, reject) => loader.parse(bytes.buffer, "", resolve, reject));
    return new Viewer(canvas, gltf, world);
  }

  constructor(canvas, gltf, world) {
    this.canvas = canvas;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.renderer.outputEncoding = THREE.sRGBEncoding;
    this.camera = new THREE.PerspectiveCamera(FOV_DEG);
    this.orbit = { azimuth: 0, elevation: 0, distance: 3, target: new THREE.Vector3() };
    this.scene = new THREE.Scene();
    this.scene.environment = new THREE.PMREMGenerator(this.renderer).fromScene(studio(), 0.03).texture;
    const placed = new THREE.Group();
    placed.matrixAutoUpdate = false;
    placed.matrix.fromArray(world);
    placed.add(gltf.scene);
    this.scene.add(placed);
    this.meshes = [];
    gltf.scene.traverse((object) => this.prepare(object));
    this.clips = gltf.animations;
    this.mixer = new THREE.AnimationMixer(gltf.scene);
    this.action = null;
    this.setLit(true);
    this.setClip(0);
  }

  prepare(object) {
    if (object.isLight) object.visible = false; // the studio lights every asset alike
    if (!object.isMesh) return;
    object.frustumCulled = false; // the bounds are those of the rest pose
    this.meshes.push({ mesh: object, lit: object.material, unlit: unlit(object.material) });
  }

  /** Whether lighting changes anything. */
  get canBeLit() {
    return this.meshes.some(({ lit }) => !lit.isMeshBasicMaterial);
  }

  setLit(lit) {
    for (const entry of this.meshes) entry.mesh.material = lit && this.canBeLit ? entry.lit : entry.unlit;
  }

  setClip(number) {
    this.mixer.stopAllAction();
    this.action = this.clips[number] ? this.mixer.clipAction(this.clips[number]).play() : null;
    this.setTime(0);
  }

  get duration() {
    return this.action?.getClip().duration ?? 0;
  }

  get time() {
    return this.action?.time ?? 0;
  }

  /** Pose the asset as it is `seconds` after the clip's start. */
  setTime(seconds) {
    if (!this.action) return;
    this.action.time = seconds;
    this.mixer.update(0);
  }

  draw() {
    const { canvas, camera, renderer } = this;
    const { azimuth, elevation, distance, target } = this.orbit;
    renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    renderer.setSize(Math.max(1, canvas.clientWidth), Math.max(1, canvas.clientHeight), false);
    camera.aspect = Math.max(1, canvas.clientWidth) / Math.max(1, canvas.clientHeight);
    const half = Math.tan(THREE.MathUtils.degToRad(FOV_DEG) / 2) / Math.min(1, camera.aspect); // nothing is cut off
    camera.fov = THREE.MathUtils.radToDeg(2 * Math.atan(half));
    camera.near = distance / 100;
    camera.far = distance + 20;
    camera.updateProjectionMatrix();
    camera.position.setFromSphericalCoords(distance, Math.PI / 2 - elevation, azimuth).add(target);
    camera.lookAt(target);
    renderer.render(this.scene, camera);
  }
}
