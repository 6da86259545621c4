// Starts the 3D view and the videos of the page.
"use strict";

const $ = (id) => document.getElementById(id);

/** The bytes in an element that holds base64. */
function inlined(id) {
  const text = atob($(id).textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Offer bytes as a file. */
function save(name, bytes) {
  const link = Object.assign(document.createElement("a"), { download: name });
  link.href = URL.createObjectURL(new Blob([bytes], { type: "model/gltf-binary" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function startViewer() {
  const viewer = await Viewer.open($("canvas"), inlined("asset"), JSON.parse($("world").textContent));
  const redraw = onceAFrame(() => viewer.draw());
  const move = orbitControls(viewer, { azimuth: 0.5, elevation: 0.2, distance: 2.2 }, redraw);
  timeline(viewer, { button: $("play"), slider: $("time"), clock: $("clock"), menu: $("clip") }, redraw);
  $("light").disabled = !viewer.canBeLit;
  $("light").addEventListener("change", (event) => (viewer.setLit(event.target.checked), redraw()));
  for (const button of document.querySelectorAll("[data-azimuth]")) {
    const azimuth = (Number(button.dataset.azimuth) * Math.PI) / 180;
    button.addEventListener("click", () => move({ azimuth, elevation: 0, distance: 3, target: new THREE.Vector3() }));
  }
  new ResizeObserver(redraw).observe($("canvas"));
  viewer.draw();
  requestAnimationFrame(() => requestAnimationFrame(() => $("canvas").setAttribute("data-ready", ""))); // it was shown
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
  set(animates());
  const panels = [...document.querySelectorAll("[data-panel]")];
  for (const choice of panels)
    choice.addEventListener("click", () => {
      for (const panel of panels) panel.setAttribute("aria-pressed", panel === choice);
      document.documentElement.style.setProperty("--panel", choice.dataset.panel);
    });
}

if ($("videos")) startVideos();
if ($("asset")) {
  $("save").addEventListener("click", () => save("asset.glb", inlined("asset")));
  startViewer().catch((error) => {
    $("error").textContent = `No 3D view: ${error.message}. The file asset.glb beside this page has the animation.`;
    $("error").hidden = false;
  });
}
