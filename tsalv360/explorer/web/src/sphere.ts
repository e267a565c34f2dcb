// Directions on the sphere: yaw to the right, pitch up, both in degrees. A vector is (right, up, forward) at yaw 0.

export type Vector = [number, number, number];

/** Where one looks: the centre of the screen, and the horizontal field of view. */
export interface View {
  yaw: number;
  pitch: number;
  fov: number;
}

const RADIANS = Math.PI / 180;

/** Returns a yaw in [−180, 180). */
export function wrapped(yaw: number): number {
  return ((((yaw + 180) % 360) + 360) % 360) - 180;
}

export function toVector(yaw: number, pitch: number): Vector {
  const [lam, phi] = [yaw * RADIANS, pitch * RADIANS];
  return [Math.cos(phi) * Math.sin(lam), Math.sin(phi), Math.cos(phi) * Math.cos(lam)];
}

export function toAngles([x, y, z]: Vector): [yaw: number, pitch: number] {
  return [Math.atan2(x, z) / RADIANS, Math.atan2(y, Math.hypot(x, z)) / RADIANS];
}

/** The axes of a camera: right, up and forward. */
export interface Axes {
  right: Vector;
  up: Vector;
  forward: Vector;
}

/** Returns the axes of a camera without roll. */
export function axesOf(yaw: number, pitch: number): Axes {
  const [lam, phi] = [yaw * RADIANS, pitch * RADIANS];
  return {
    right: [Math.cos(lam), 0, -Math.sin(lam)],
    up: [-Math.sin(phi) * Math.sin(lam), Math.cos(phi), -Math.sin(phi) * Math.cos(lam)],
    forward: toVector(yaw, pitch),
  };
}

/** Returns half of the width of the picture plane at distance 1. */
export function halfWidth(fov: number): number {
  return Math.tan((fov / 2) * RADIANS);
}

const dot = (a: Vector, b: Vector): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** Shows directions on a screen of a size in pixels, and finds the direction of a place on it. */
export class Projection {
  private readonly axes: Axes;
  private readonly scale: number; // pixels per unit of the picture plane

  constructor(
    view: View,
    private readonly width: number,
    private readonly height: number,
  ) {
    this.axes = axesOf(view.yaw, view.pitch);
    this.scale = width / 2 / halfWidth(view.fov);
  }

  /** Returns the place of a direction in pixels, or null behind the camera. */
  place(yaw: number, pitch: number): [number, number] | null {
    const vector = toVector(yaw, pitch);
    const depth = dot(vector, this.axes.forward);
    if (depth < 0.05) return null;
    const scale = this.scale / depth;
    return [this.width / 2 + dot(vector, this.axes.right) * scale, this.height / 2 - dot(vector, this.axes.up) * scale];
  }

  /** Returns the direction at a place in pixels. */
  direction(x: number, y: number): [yaw: number, pitch: number] {
    const [a, b] = [(x - this.width / 2) / this.scale, (this.height / 2 - y) / this.scale];
    const { right, up, forward } = this.axes;
    return toAngles([0, 1, 2].map((k) => forward[k] + a * right[k] + b * up[k]) as Vector);
  }
}

/** Returns the outline of a camera's view: directions along its four edges. */
export function outline(yaw: number, pitch: number, hfov: number, aspect: number): [number, number][] {
  const { right, up, forward } = axesOf(yaw, pitch);
  const [a, b] = [halfWidth(hfov), halfWidth(hfov) / aspect];
  const corners = [[-a, -b], [a, -b], [a, b], [-a, b], [-a, -b]];
  const places: [number, number][] = [];
  for (let k = 0; k < 4; k++)
    for (let step = 0; step < 12; step++) {
      const t = step / 12;
      const [x, y] = [0, 1].map((i) => corners[k][i] * (1 - t) + corners[k + 1][i] * t);
      places.push(toAngles([0, 1, 2].map((i) => forward[i] + x * right[i] + y * up[i]) as Vector));
    }
  return [...places, places[0]];
}
