// Joins the page's controls with the viewer and the videos.
"use strict";

const $ = (id) => document.getElementById(id);

/** The bytes in an element that holds base64. */
function inlined(id) {
  const text = atob($(id).textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Calls `draw` before the next picture, at most once. */
function onceAFrame(draw) {
  let asked = false;
  return () => {
    if (!asked) requestAnimationFrame((now) => ((asked = false), draw(now)));
    asked = true;
  };
}

/** Offer bytes as a file. */
function save(name, bytes) {
  const link = Object.assign(document.createElement("a"), { download: name });
  link.href = URL.createObjectURL(new Blob([bytes], { type: "model/gltf-binary" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function startViewer() {
  const canvas = $("canvas");
  const viewer = new Viewer(canvas, readGlb(inlined("asset")), JSON.parse($("world").textContent));
  const start = { azimuth: 0.5, elevation: 0.2, distance: 2.2, target: [0, 0, 0] };
  const redraw = onceAFrame(() => viewer.draw());
  const look = (change) => (Object.assign(viewer.camera, change), redraw());
  look(start);
  play(viewer, redraw);
  orbit(canvas, viewer.camera, look, () => look({ ...start, target: [0, 0, 0] }));
  $("light").disabled = viewer.parts.every(({ material }) => material.unlit);
  $("light").addEventListener("change", (event) => ((viewer.lit = event.target.checked), redraw()));
  for (const button of document.querySelectorAll("[data-azimuth]")) {
    const azimuth = (Number(button.dataset.azimuth) * Math.PI) / 180;
    button.addEventListener("click", () => look({ azimuth, elevation: 0, distance: 3, target: [0, 0, 0] }));
  }
  new ResizeObserver(redraw).observe(canvas);
  $("save").addEventListener("click", () => save("asset.glb", inlined("asset")));
  const seen = () => requestAnimationFrame(() => canvas.setAttribute("data-ready", "")); // the picture after the one drawn
  viewer.loadTextures().then(() => requestAnimationFrame(() => (viewer.draw(), seen())));
}

/** The play button and the time slider. */
function play(viewer, redraw) {
  const [button, slider, output] = [$("play"), $("time"), $("clock")];
  const duration = viewer.clip?.duration || 0;
  let [playing, before] = [false, 0];
  const show = (time) => {
    viewer.time = time;
    slider.value = duration ? time / duration : 0;
    output.textContent = `${time.toFixed(2)} s`;
    slider.setAttribute("aria-valuetext", `${time.toFixed(2)} of ${duration.toFixed(2)} seconds`);
    redraw();
  };
  const tick = (now) => {
    if (!playing) return;
    const passed = Math.max(0, Math.min(now - before, 100)); // a frame's time may lie before the click
    show((viewer.time + passed / 1000) % duration);
    before = now;
    requestAnimationFrame(tick);
  };
  const set = (value) => {
    playing = value && duration > 0;
    button.textContent = playing ? "Pause" : "Play";
    button.setAttribute("aria-pressed", playing);
    before = performance.now();
    if (playing) requestAnimationFrame(tick);
  };
  button.addEventListener("click", () => set(!playing));
  slider.addEventListener("input", () => (set(false), show(slider.value * duration)));
  button.disabled = slider.disabled = !duration;
  show(0);
  set(!matchMedia("(prefers-reduced-motion: reduce)").matches && !location.hash.includes("still"));
}

/** Drag to turn, wheel or two fingers to zoom, shift and drag to move; arrows, plus, minus and 0 do the same. */
function orbit(canvas, camera, look, reset) {
  const fingers = new Map();
  const turn = (dx, dy) => look({
    azimuth: camera.azimuth - 0.008 * dx,
    elevation: Math.max(-1.5, Math.min(1.5, camera.elevation + 0.008 * dy)),
  });
  const zoom = (factor) => look({ distance: Math.max(0.6, Math.min(12, camera.distance * factor)) });
  const shift = (dx, dy) => {
    const step = (0.73 * camera.distance) / canvas.clientHeight;
    const view = orbitView(camera);
    look({ target: camera.target.map((x, i) => x + step * (dy * view[4 * i + 1] - dx * view[4 * i])) });
  };
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    if (!last) return;
    const here = { x: event.clientX, y: event.clientY };
    const apart = fingers.size === 2 ? spread() : 0;
    fingers.set(event.pointerId, here);
    if (fingers.size === 2) zoom(apart / Math.max(spread(), 1));
    else if (event.shiftKey || event.buttons === 2) shift(here.x - last.x, here.y - last.y);
    else turn(here.x - last.x, here.y - last.y);
  });
  for (const name of ["pointerup", "pointercancel"])
    canvas.addEventListener(name, (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  const wheel = (event) => {
    if (document.activeElement !== canvas) return; // the page scrolls until the view was clicked
    event.preventDefault();
    zoom(Math.exp(0.001 * event.deltaY));
  };
  canvas.addEventListener("wheel", wheel, { passive: false });
  canvas.addEventListener("dblclick", reset);
  const keys = {
    ArrowLeft: () => turn(20, 0), ArrowRight: () => turn(-20, 0),
    ArrowUp: () => turn(0, 20), ArrowDown: () => turn(0, -20),
    "+": () => zoom(0.9), "=": () => zoom(0.9), "-": () => zoom(1.1), 0: reset,
  };
  canvas.addEventListener("keydown", (event) => keys[event.key] && (event.preventDefault(), keys[event.key]()));
}

/** Which of a video's panels is shown, and whether the videos play. */
function startVideos() {
  const videos = [...document.querySelectorAll(".view video")];
  const button = $("videos");
  const set = (playing) => {
    button.textContent = playing ? "Pause" : "Play";
    button.setAttribute("aria-pressed", playing);
    for (const video of videos) playing ? video.play().catch(() => {}) : video.pause();
  };
  button.addEventListener("click", () => set(button.getAttribute("aria-pressed") !== "true"));
  set(!matchMedia("(prefers-reduced-motion: reduce)").matches && !location.hash.includes("still"));
  const panels = [...document.querySelectorAll("[data-panel]")];
  for (const choice of panels)
    choice.addEventListener("click", () => {
      for (const panel of panels) panel.setAttribute("aria-pressed", panel === choice);
      document.documentElement.style.setProperty("--panel", choice.dataset.panel);
    });
}

if ($("videos")) startVideos();
if ($("asset"))
  try {
    startViewer();
  } catch (error) {
    $("trouble").textContent = `No 3D view: ${error.message}. The file asset.glb beside this page has the animation.`;
    $("trouble").hidden = false;
  }
