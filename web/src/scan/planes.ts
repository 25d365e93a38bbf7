import type { Geometry, Index3 } from '../api/types';

export type PlaneName = 'axial' | 'coronal' | 'sagittal';

/// How slices along one voxel axis are laid on the screen: pixel x counts along `u`, pixel y along `v`; a flipped axis
/// counts backwards. The patient's right is on the left of the screen, anterior on top of axial slices, superior on top
/// of the others, anterior on the left of sagittal ones. Oblique images keep their voxel planes, named by the nearest.
export interface Plane {
  name: PlaneName;
  u: number;
  v: number;
  n: number;
  flip_u: boolean;
  flip_v: boolean;
  /// Letters at the left, right, top and bottom.
  edges: [string, string, string, string];
}

const kOrders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] as const;

/// The voxel axis nearest to each of L, P and S, and whether it points there.
function nearest_axes(geometry: Geometry): { axis: Index3; along: [boolean, boolean, boolean] } {
  const cosine = (world: number, axis: number): number => geometry.direction[3 * world + axis]!;
  const closeness = (order: readonly number[]): number => order.reduce((sum, axis, world) => sum + Math.abs(cosine(world, axis)), 0);
  const best = [...kOrders].sort((a, b) => closeness(b) - closeness(a))[0]!;
  return { axis: [best[0], best[1], best[2]], along: [cosine(0, best[0]) > 0, cosine(1, best[1]) > 0, cosine(2, best[2]) > 0] };
}

export function planes_of(geometry: Geometry): Record<PlaneName, Plane> {
  const { axis, along } = nearest_axes(geometry);
  const [left, posterior, superior] = axis;
  return {
    axial: { name: 'axial', u: left, v: posterior, n: superior, flip_u: !along[0], flip_v: !along[1], edges: ['R', 'L', 'A', 'P'] },
    coronal: { name: 'coronal', u: left, v: superior, n: posterior, flip_u: !along[0], flip_v: along[2], edges: ['R', 'L', 'S', 'I'] },
    sagittal: { name: 'sagittal', u: posterior, v: superior, n: left, flip_u: !along[1], flip_v: along[2], edges: ['A', 'P', 'S', 'I'] },
  };
}

/// Where pixel (0, 0) of a slice lies in memory and how far one step in x and y goes.
export interface Stride {
  start: number;
  x: number;
  y: number;
  width: number;
  height: number;
}

export function stride_of(shape: Index3, plane: Plane, slice: number): Stride {
  const steps = [1, shape[0], shape[0] * shape[1]];
  const width = shape[plane.u]!;
  const height = shape[plane.v]!;
  const su = steps[plane.u]!;
  const sv = steps[plane.v]!;
  return {
    start: slice * steps[plane.n]! + (plane.flip_u ? (width - 1) * su : 0) + (plane.flip_v ? (height - 1) * sv : 0),
    x: plane.flip_u ? -su : su,
    y: plane.flip_v ? -sv : sv,
    width,
    height,
  };
}

/// The voxel of pixel (x, y); both may have fractions: whole numbers are corners of pixels, so voxels' centres end in 0.5.
export function to_voxel(shape: Index3, plane: Plane, slice: number, x: number, y: number): Index3 {
  const ijk: Index3 = [0, 0, 0];
  const u = Math.floor(x);
  const v = Math.floor(y);
  ijk[plane.u] = plane.flip_u ? shape[plane.u]! - 1 - u : u;
  ijk[plane.v] = plane.flip_v ? shape[plane.v]! - 1 - v : v;
  ijk[plane.n] = slice;
  return ijk;
}

/// The middle of a voxel as a position among pixels.
export function to_pixel(shape: Index3, plane: Plane, ijk: readonly number[]): [number, number] {
  const u = ijk[plane.u]!;
  const v = ijk[plane.v]!;
  return [(plane.flip_u ? shape[plane.u]! - 1 - u : u) + 0.5, (plane.flip_v ? shape[plane.v]! - 1 - v : v) + 0.5];
}

export function is_inside(shape: Index3, ijk: Index3): boolean {
  return ijk.every((index, axis) => index >= 0 && index < shape[axis]!);
}
