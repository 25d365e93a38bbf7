import type { Geometry, Index3 } from '../api/types';
import type { Scan } from '../scan/scan';
import { to_lps } from '../scan/scan';

/// Every n-th voxel of a scan, for a picture in 3D.
export interface ThinScan {
  shape: Index3;
  spacing_mm: Index3;
  /// Voxel indices to RAS millimetres, 4 x 4, row-major.
  affine: number[];
  values: Float32Array<ArrayBuffer>;
}

const kMostPerAxis = 160;

export function thin_scan(scan: Scan): ThinScan {
  const { shape, spacing_mm } = scan.geometry;
  const step = shape.map((size) => Math.ceil(size / kMostPerAxis)) as Index3;
  const thin = shape.map((size, axis) => Math.ceil(size / step[axis]!)) as Index3;
  const values = new Float32Array(thin[0] * thin[1] * thin[2]);
  let to = 0;
  for (let k = 0; k < thin[2]; k += 1) {
    for (let j = 0; j < thin[1]; j += 1) {
      let at = shape[0] * (j * step[1] + shape[1] * k * step[2]);
      for (let i = 0; i < thin[0]; i += 1, to += 1, at += step[0]) values[to] = scan.voxels[at]! * scan.slope + scan.intercept;
    }
  }
  return { shape: thin, spacing_mm: spacing_mm.map((mm, axis) => mm * step[axis]!) as Index3, affine: ras_affine(scan.geometry, step), values };
}

function ras_affine(geometry: Geometry, step: Index3): number[] {
  const origin = to_lps(geometry, [0, 0, 0]);
  const rows: number[] = [];
  for (let row = 0; row < 3; row += 1) {
    const sign = row < 2 ? -1 : 1;
    for (let axis = 0; axis < 3; axis += 1) {
      rows.push(sign * geometry.direction[3 * row + axis]! * geometry.spacing_mm[axis]! * step[axis]!);
    }
    rows.push(sign * origin[row]!);
  }
  return [...rows, 0, 0, 0, 1];
}
