// Reads a .glb file (glTF 2.0, all in one piece) into plain lists for the viewer: no skins, no cameras, no lights.
"use strict";

const NUMBERS = {
  5120: Int8Array, 5121: Uint8Array, 5122: Int16Array, 5123: Uint16Array, 5125: Uint32Array, 5126: Float32Array,
};
const WIDTHS = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT4: 16 };
const UNDERSTOOD = [
  "KHR_materials_", "KHR_mesh_quantization", "KHR_texture_transform", "KHR_lights_punctual", "EXT_texture_webp",
];

/** What to draw: {parts, clips, images, textures, materials} of the bytes of a .glb file. */
function readGlb(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== 0x46546c67) throw new Error("the asset is no GLB file");
  const length = view.getUint32(12, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(20, 20 + length)));
  const isKnown = (name) => UNDERSTOOD.some((known) => name.startsWith(known));
  const unknown = (header.extensionsRequired || []).filter((name) => !isKnown(name));
  if (unknown.length) throw new Error(`the asset needs ${unknown.join(", ")}, which this page cannot show`);
  const file = { header, data: bytes.subarray(28 + length) };
  return {
    parts: placedParts(file),
    clips: (header.animations || []).map((animation) => readClip(file, animation)),
    images: (header.images || []).map((image) => imageBlob(file, image)),
    textures: (header.textures || []).map((texture) => ({
      image: texture.source ?? texture.extensions?.EXT_texture_webp?.source,
      sampler: header.samplers?.[texture.sampler] || {},
    })),
    materials: (header.materials || []).map(readMaterial),
  };
}

/** The bytes of a buffer view. */
function viewBytes(file, number) {
  const { byteOffset = 0, byteLength } = file.header.bufferViews[number];
  return file.data.subarray(byteOffset, byteOffset + byteLength);
}

/** An accessor as {array, width, normalized}; `array` is packed, and a copy only where it has to be. */
function readArray(file, number) {
  const accessor = file.header.accessors[number];
  const width = WIDTHS[accessor.type];
  let array = readNumbers(file, accessor, accessor.componentType, accessor.count, width);
  if (accessor.sparse) {
    const { count, indices, values } = accessor.sparse;
    const places = readNumbers(file, indices, indices.componentType, count, 1);
    const changed = readNumbers(file, values, accessor.componentType, count, width);
    array = array.slice();
    places.forEach((place, i) => array.set(changed.subarray(i * width, (i + 1) * width), place * width));
  }
  return { array, width, normalized: accessor.normalized === true };
}

/** `count` rows of `width` numbers from where `place` (bufferView, byteOffset) says; zeros where it says nothing. */
function readNumbers(file, place, kind, count, width) {
  const Numbers = NUMBERS[kind];
  if (place.bufferView === undefined) return new Numbers(count * width);
  const bytes = viewBytes(file, place.bufferView).subarray(place.byteOffset || 0);
  const size = Numbers.BYTES_PER_ELEMENT;
  const row = size * width;
  const stride = file.header.bufferViews[place.bufferView].byteStride || row;
  const packedAlready = stride === row && bytes.byteOffset % size === 0;
  if (packedAlready) return new Numbers(bytes.buffer, bytes.byteOffset, count * width);
  const packed = new Uint8Array(count * row);
  for (let i = 0; i < count; i++) packed.set(bytes.subarray(i * stride, i * stride + row), i * row);
  return new Numbers(packed.buffer);
}

/** The same numbers as floats, integers scaled to [0, 1] or [-1, 1] where the file says so. */
function asFloats({ array, normalized }) {
  if (array instanceof Float32Array) return array;
  if (!normalized) return Float32Array.from(array);
  const top = { 1: array instanceof Int8Array ? 127 : 255, 2: array instanceof Int16Array ? 32767 : 65535 };
  const scale = top[array.BYTES_PER_ELEMENT];
  return Float32Array.from(array, (x) => Math.max(x / scale, -1));
}

/** Every primitive of every mesh in the scene, with the matrix of its node: {node, matrix, ...primitive}. */
function placedParts(file) {
  const { nodes = [], scenes = [], scene = 0 } = file.header;
  const parts = [];
  const visit = (number, parent) => {
    const node = nodes[number];
    const matrix = multiply(parent, node.matrix || fromTrs(node));
    if (node.mesh !== undefined) {
      const mesh = file.header.meshes[node.mesh];
      const rest = node.weights || mesh.weights || [];
      for (const part of mesh.primitives) parts.push({ node: number, matrix, rest, ...readPart(file, part) });
    }
    for (const child of node.children || []) visit(child, matrix);
  };
  for (const root of scenes[scene]?.nodes || []) visit(root, identity());
  return parts;
}

/** A primitive: arrays of floats a vertex, indices, what morph targets add, and its material's number. */
function readPart(file, part) {
  const floats = (number) => (number === undefined ? null : asFloats(readArray(file, number)));
  const { POSITION, NORMAL, TEXCOORD_0, TEXCOORD_1, COLOR_0 } = part.attributes;
  return {
    mode: part.mode ?? 4,
    material: part.material,
    position: floats(POSITION),
    normal: floats(NORMAL),
    uv: [floats(TEXCOORD_0), floats(TEXCOORD_1)],
    color: floats(COLOR_0),
    colorWidth: COLOR_0 === undefined ? 4 : WIDTHS[file.header.accessors[COLOR_0].type],
    indices: part.indices === undefined ? null : readArray(file, part.indices).array,
    targets: (part.targets || []).map((target) => ({
      position: floats(target.POSITION), normal: floats(target.NORMAL),
    })),
  };
}

/** A clip: {name, duration, tracks: [{node, seconds, rows, width, step}]} of morph weights. */
function readClip(file, animation) {
  const tracks = animation.channels.filter(({ target }) => target.path === "weights").map(({ sampler, target }) => {
    const { input, output, interpolation } = animation.samplers[sampler];
    const seconds = asFloats(readArray(file, input));
    const rows = asFloats(readArray(file, output));
    return { node: target.node, seconds, rows, width: rows.length / seconds.length, step: interpolation === "STEP" };
  });
  const duration = Math.max(0, ...tracks.map((track) => track.seconds[track.seconds.length - 1]));
  return { name: animation.name || "animation", duration, tracks };
}

/** A track's weights at a time in seconds. */
function weightsAt({ seconds, rows, width, step }, time) {
  let after = seconds.findIndex((second) => second > time);
  if (after < 0) after = seconds.length;
  const last = Math.max(after - 1, 0), next = Math.min(after, seconds.length - 1);
  const gap = seconds[next] - seconds[last];
  const share = step || gap <= 0 ? 0 : Math.max(0, (time - seconds[last]) / gap);
  return Array.from({ length: width }, (_, i) => (1 - share) * rows[last * width + i] + share * rows[next * width + i]);
}

/** What of a material is drawn: its base colour, and how its alpha counts. */
function readMaterial(material) {
  const old = material.extensions?.KHR_materials_pbrSpecularGlossiness;
  const look = material.pbrMetallicRoughness || {};
  const picture = look.baseColorTexture || old?.diffuseTexture;
  const { offset = [0, 0], scale = [1, 1], rotation = 0, texCoord } = picture?.extensions?.KHR_texture_transform || {};
  const cos = Math.cos(rotation), sin = Math.sin(rotation);
  return {
    factor: look.baseColorFactor || old?.diffuseFactor || [1, 1, 1, 1],
    texture: picture?.index,
    uvSet: texCoord ?? picture?.texCoord ?? 0,
    uvMatrix: [cos * scale[0], -sin * scale[0], 0, sin * scale[1], cos * scale[1], 0, ...offset, 1],
    alpha: material.alphaMode || "OPAQUE",
    cutoff: material.alphaCutoff ?? 0.5,
    unlit: material.extensions?.KHR_materials_unlit !== undefined,
  };
}

/** An image of the file; null if it lies outside. */
function imageBlob(file, { bufferView, mimeType: type }) {
  return bufferView === undefined ? null : new Blob([viewBytes(file, bufferView)], { type });
}
