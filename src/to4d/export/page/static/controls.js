// The controls of the 3D view: mouse, touch and keys move the camera; button, slider and menu choose the moment.
"use strict";

/** Calls `draw` before the next picture, at most once. */
function onceAFrame(draw) {
  let pending = false;
  return () => {
    if (!pending) requestAnimationFrame((now) => ((pending = false), draw(now)));
    pending = true;
  };
}

const animates = () => !matchMedia("(prefers-reduced-motion: reduce)").matches && !location.hash.includes("still");

/** The play button, the time slider and, of an asset with several clips, their menu, which begins with that of the run. */
function timeline(viewer, { button, slider, clock, menu }, redraw) {
  let [playing, before] = [false, 0];
  const show = (seconds) => {
    const { duration } = viewer;
    viewer.setTime(seconds);
    slider.value = duration ? seconds / duration : 0;
    clock.textContent = `${seconds.toFixed(2)} s`;
    slider.setAttribute("aria-valuetext", `${seconds.toFixed(2)} of ${duration.toFixed(2)} seconds`);
    redraw();
  };
  const tick = (now) => {
    if (!playing) return;
    const passed = Math.max(0, Math.min(now - before, 100)); // a frame's time may lie before the click
    show((viewer.time + passed / 1000) % viewer.duration);
    before = now;
    requestAnimationFrame(tick);
  };
  const play = (value) => {
    playing = value && viewer.duration > 0;
    button.textContent = playing ? "Pause" : "Play";
    button.setAttribute("aria-pressed", playing);
    before = performance.now();
    if (playing) requestAnimationFrame(tick);
  };
  button.addEventListener("click", () => play(!playing));
  slider.addEventListener("input", () => (play(false), show(slider.value * viewer.duration)));
  menu.replaceChildren(...viewer.clips.map(({ name }, number) => new Option(name, number)));
  menu.hidden = viewer.clips.length < 2;
  menu.addEventListener("change", () => (viewer.setClip(Number(menu.value)), show(0)));
  menu.value = Math.max(0, viewer.clips.map(({ name }) => name).lastIndexOf(menu.dataset.first));
  viewer.setClip(Number(menu.value));
  button.disabled = slider.disabled = !viewer.duration;
  show(0);
  play(animates());
}

/** Drag to turn, wheel or two fingers to zoom, shift and drag to move; arrows, plus, minus and 0 do the same. */
function orbitControls(viewer, start, redraw) {
  const { canvas, camera, orbit } = viewer;
  const fingers = new Map();
  const move = (change) => (Object.assign(orbit, change), redraw());
  const reset = () => move({ ...start, target: new THREE.Vector3() });
  const turn = (dx, dy) => move({
    azimuth: orbit.azimuth - 0.008 * dx,
    elevation: THREE.MathUtils.clamp(orbit.elevation + 0.008 * dy, -1.5, 1.5),
  });
  const zoom = (factor) => move({ distance: THREE.MathUtils.clamp(orbit.distance * factor, 0.6, 12) });
  const pan = (dx, dy) => {
    const step = (0.73 * orbit.distance) / canvas.clientHeight;
    const [right, up] = [0, 1].map((column) => new THREE.Vector3().setFromMatrixColumn(camera.matrixWorld, column));
    move({ target: orbit.target.clone().addScaledVector(right, -step * dx).addScaledVector(up, step * dy) });
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
    else if (event.shiftKey || event.buttons === 2) pan(here.x - last.x, here.y - last.y);
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
  reset();
  return move;
}
