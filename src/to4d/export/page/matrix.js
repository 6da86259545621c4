// 4 x 4 matrices as 16 numbers, column after column, as WebGL and glTF have them.
"use strict";

const identity = () => [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** a b. */
function multiply(a, b) {
  const product = new Array(16).fill(0);
  for (let column = 0; column < 4; column++)
    for (let row = 0; row < 4; row++)
      for (let k = 0; k < 4; k++) product[4 * column + row] += a[4 * k + row] * b[4 * column + k];
  return product;
}

/** Scale, then turn by the quaternion (x, y, z, w), then move. */
function fromTrs({ translation = [0, 0, 0], rotation = [0, 0, 0, 1], scale = [1, 1, 1] }) {
  const [x, y, z, w] = rotation;
  const [a, b, c] = scale;
  return [
    a * (1 - 2 * (y * y + z * z)), a * 2 * (x * y + w * z), a * 2 * (x * z - w * y), 0,
    b * 2 * (x * y - w * z), b * (1 - 2 * (x * x + z * z)), b * 2 * (y * z + w * x), 0,
    c * 2 * (x * z + w * y), c * 2 * (y * z - w * x), c * (1 - 2 * (x * x + y * y)), 0,
    ...translation, 1,
  ];
}

/** World to camera, for one on a sphere about `target` that looks at it. Angles in radians, azimuth 0 looks from +z. */
function orbitView({ azimuth, elevation, distance, target }) {
  const [sa, ca, se, ce] = [Math.sin(azimuth), Math.cos(azimuth), Math.sin(elevation), Math.cos(elevation)];
  const right = [ca, 0, -sa], up = [-se * sa, ce, -se * ca], back = [ce * sa, se, ce * ca];
  const along = (axis) => axis[0] * target[0] + axis[1] * target[1] + axis[2] * target[2];
  return [
    right[0], up[0], back[0], 0, right[1], up[1], back[1], 0, right[2], up[2], back[2], 0,
    -along(right), -along(up), -along(back) - distance, 1,
  ];
}

/** Camera to clip space; `fov` is the vertical angle in radians. */
function perspective(fov, aspect, near, far) {
  const f = 1 / Math.tan(fov / 2);
  const depth = near - far;
  return [f / aspect, 0, 0, 0, 0, f, 0, 0, 0, 0, (far + near) / depth, -1, 0, 0, (2 * far * near) / depth, 0];
}

/** The upper left 3 x 3, inverse and transposed but for a factor: how normals turn. */
function normalMatrix(m) {
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const [x, y, z] = [m.slice(0, 3), m.slice(4, 7), m.slice(8, 11)];
  return [...cross(y, z), ...cross(z, x), ...cross(x, y)];
}
