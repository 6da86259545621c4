// Draws what readGlb returns, at any time of its clip and from any side, with WebGL 2. It draws only when asked.
"use strict";

const VERTEX = `#version 300 es
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 uv;
layout(location = 3) in vec4 color;
uniform mat4 toCamera, projection;
uniform mat3 turn, uvMatrix;
out vec3 place, facing;
out vec2 where;
out vec4 tint;
void main() {
  vec4 seen = toCamera * vec4(position, 1.0);
  place = seen.xyz;
  facing = turn * normal;
  where = (uvMatrix * vec3(uv, 1.0)).xy;
  tint = color;
  gl_Position = projection * seen;
}`;

// A sky above, a floor below, and a lamp at the camera's left shoulder; both sides of a triangle are lit.
const FRAGMENT = `#version 300 es
precision highp float;
in vec3 place, facing;
in vec2 where;
in vec4 tint;
uniform sampler2D picture;
uniform vec4 factor;
uniform vec3 up;
uniform float cutoff;
uniform bool lit, smoothNormals, seeThrough;
out vec4 result;
vec3 toSrgb(vec3 x) {
  return mix(12.92 * x, 1.055 * pow(max(x, 0.0), vec3(1.0 / 2.4)) - 0.055, step(0.0031308, x));
}
void main() {
  vec4 color = factor * tint * texture(picture, where);
  if (color.a < cutoff) discard;
  if (lit) {
    vec3 n = normalize(smoothNormals ? facing : cross(dFdx(place), dFdy(place)));
    if (dot(n, place) > 0.0) n = -n;
    float sky = 0.5 + 0.5 * dot(n, up);
    float lamp = max(dot(n, normalize(vec3(-0.5, 0.7, 0.8))), 0.0);
    color.rgb *= 0.35 + 0.35 * sky + 0.55 * lamp;
  }
  float alpha = seeThrough ? color.a : 1.0;
  result = vec4(toSrgb(min(color.rgb, 1.0)) * alpha, alpha);
}`;

const UNIFORMS = [
  "toCamera", "projection", "turn", "uvMatrix", "picture", "factor", "up", "cutoff",
  "lit", "smoothNormals", "seeThrough",
];
const PLAIN = {
  factor: [1, 1, 1, 1], uvSet: 0, uvMatrix: [1, 0, 0, 0, 1, 0, 0, 0, 1], alpha: "OPAQUE", cutoff: 0.5, unlit: false,
};

/** The picture of an asset in a canvas. `world` takes the asset's coordinates to those of the run's own cameras. */
class Viewer {
  constructor(canvas, asset, world) {
    this.gl = canvas.getContext("webgl2", { antialias: true, alpha: true });
    if (!this.gl) throw new Error("this browser has no WebGL 2");
    Object.assign(this, { canvas, asset, world, clip: asset.clips[0] || null, time: 0, lit: true });
    this.camera = { azimuth: 0, elevation: 0, distance: 3, target: [0, 0, 0] };
    this.fov = (40 * Math.PI) / 180;
    this.program = this.compile();
    this.parts = asset.parts.map((part) => this.upload(part));
    this.white = this.texture(new ImageData(new Uint8ClampedArray(4).fill(255), 1, 1), {});
    this.textures = [];
  }

  /** Decode the images; until then everything is drawn in its plain colour. */
  async loadTextures() {
    const plain = { premultiplyAlpha: "none", colorSpaceConversion: "none" };
    const decode = (blob) => (blob ? createImageBitmap(blob, plain).catch(() => null) : null);
    const images = await Promise.all(this.asset.images.map(decode));
    const make = ({ image, sampler }) => images[image] && this.texture(images[image], sampler);
    this.textures = this.asset.textures.map(make);
  }

  compile() {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    this.places = Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]));
    return program;
  }

  /** Give a primitive its buffers, and room for what its targets make of it. */
  upload(part) {
    const { gl } = this;
    const material = this.asset.materials[part.material] || PLAIN;
    const [array, moves] = [gl.createVertexArray(), part.targets.length > 0];
    gl.bindVertexArray(array);
    const attribute = (place, values, width) => {
      if (!values) return null;
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, values, moves && place < 2 ? gl.DYNAMIC_DRAW : gl.STATIC_DRAW);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, width, gl.FLOAT, false, 0, 0);
      return buffer;
    };
    const buffers = { position: attribute(0, part.position, 3), normal: attribute(1, part.normal, 3) };
    attribute(2, part.uv[material.uvSet] || null, 2);
    attribute(3, part.color, part.colorWidth);
    if (part.indices) {
      gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
      gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, part.indices, gl.STATIC_DRAW);
    }
    gl.bindVertexArray(null);
    return { ...part, material, array, buffers };
  }

  texture(image, { wrapS = 10497, wrapT = 10497, magFilter = 9729, minFilter = 9987 }) {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.SRGB8_ALPHA8, gl.RGBA, gl.UNSIGNED_BYTE, image);
    gl.generateMipmap(gl.TEXTURE_2D);
    for (const [name, value] of [
      [gl.TEXTURE_WRAP_S, wrapS], [gl.TEXTURE_WRAP_T, wrapT],
      [gl.TEXTURE_MAG_FILTER, magFilter], [gl.TEXTURE_MIN_FILTER, minFilter],
    ]) gl.texParameteri(gl.TEXTURE_2D, name, value);
    return texture;
  }

  /** Move the vertices to where they are at this time: the rest plus the weighted targets. */
  pose() {
    const { gl } = this;
    for (const part of this.parts.filter((one) => one.targets.length)) {
      const track = this.clip?.tracks.find(({ node }) => node === part.node);
      const weights = track ? weightsAt(track, this.time) : part.rest;
      for (const kind of ["position", "normal"]) {
        if (!part.buffers[kind]) continue;
        gl.bindBuffer(gl.ARRAY_BUFFER, part.buffers[kind]);
        gl.bufferSubData(gl.ARRAY_BUFFER, 0, blended(part[kind], part.targets.map((target) => target[kind]), weights));
      }
    }
  }

  draw() {
    const { gl, canvas, places, camera } = this;
    const density = Math.min(window.devicePixelRatio || 1, 2);
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * density));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * density));
    const aspect = canvas.width / canvas.height;
    const fov = aspect < 1 ? 2 * Math.atan(Math.tan(this.fov / 2) / aspect) : this.fov; // all stays in a narrow picture
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.depthMask(true);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.program);
    this.pose();
    const view = orbitView(camera);
    const near = camera.distance / 100;
    gl.uniformMatrix4fv(places.projection, false, perspective(fov, aspect, near, camera.distance + 20));
    gl.uniform3f(places.up, view[4], view[5], view[6]);
    for (const part of this.parts.filter(({ material }) => material.alpha !== "BLEND")) this.drawPart(part, view);
    gl.enable(gl.BLEND);
    gl.depthMask(false);
    for (const part of this.farFirst(view)) this.drawPart(part, view);
    gl.depthMask(true);
    gl.disable(gl.BLEND);
  }

  /** The transparent parts, the farthest first, by the middle of their vertices at rest. */
  farFirst(view) {
    const parts = this.parts.filter(({ material }) => material.alpha === "BLEND");
    return parts
      .map((part) => {
        const [m, [x, y, z]] = [multiply(view, multiply(this.world, part.matrix)), middle(part.position)];
        return { part, depth: m[2] * x + m[6] * y + m[10] * z + m[14] };
      })
      .sort((a, b) => a.depth - b.depth)
      .map(({ part }) => part);
  }

  drawPart(part, view) {
    const { gl, places } = this;
    const { material } = part;
    const toCamera = multiply(view, multiply(this.world, part.matrix));
    gl.uniformMatrix4fv(places.toCamera, false, toCamera);
    gl.uniformMatrix3fv(places.turn, false, normalMatrix(toCamera));
    gl.uniformMatrix3fv(places.uvMatrix, false, material.uvMatrix);
    gl.uniform4fv(places.factor, material.factor);
    gl.uniform1f(places.cutoff, material.alpha === "MASK" ? material.cutoff : -1);
    gl.uniform1i(places.lit, this.lit && !material.unlit);
    gl.uniform1i(places.smoothNormals, part.normal !== null);
    gl.uniform1i(places.seeThrough, material.alpha === "BLEND");
    gl.bindTexture(gl.TEXTURE_2D, this.textures[material.texture] || this.white);
    gl.bindVertexArray(part.array);
    if (!part.color) gl.vertexAttrib4f(3, 1, 1, 1, 1);
    if (part.indices) gl.drawElements(part.mode, part.indices.length, kindOf(gl, part.indices), 0);
    else gl.drawArrays(part.mode, 0, part.position.length / 3);
    gl.bindVertexArray(null);
  }
}

/** values + the sum of weights x targets. */
function blended(values, targets, weights) {
  const sum = Float32Array.from(values);
  targets.forEach((target, number) => {
    const weight = weights[number];
    if (target && weight) for (let i = 0; i < sum.length; i++) sum[i] += weight * target[i];
  });
  return sum;
}

function middle(position) {
  const sum = [0, 0, 0];
  position.forEach((x, i) => (sum[i % 3] += x));
  return sum.map((x) => (3 * x) / position.length);
}

function kindOf(gl, indices) {
  return { 1: gl.UNSIGNED_BYTE, 2: gl.UNSIGNED_SHORT, 4: gl.UNSIGNED_INT }[indices.BYTES_PER_ELEMENT];
}
