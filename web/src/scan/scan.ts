import type { Geometry, Index3, Volume } from '../api/types';

export type Voxels = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array;

/// An image for display: value = voxel * slope + intercept, i fastest.
export interface Scan {
  name: string;
  modality: string | null;
  geometry: Geometry;
  voxels: Voxels;
  slope: number;
  intercept: number;
}

export function value_at(scan: Scan, [i, j, k]: Index3): number {
  const [ni, nj] = scan.geometry.shape;
  return scan.voxels[i + ni * (j + nj * k)]! * scan.slope + scan.intercept;
}

export function voxel_ml(geometry: Geometry): number {
  const [a, b, c] = geometry.spacing_mm;
  return (a * b * c) / 1000;
}

/// Voxel indices to LPS millimetres.
export function to_lps(geometry: Geometry, ijk: Index3): Index3 {
  const lps: Index3 = [...geometry.origin_lps_mm];
  for (let row = 0; row < 3; row += 1) {
    for (let axis = 0; axis < 3; axis += 1) {
      lps[row]! += geometry.direction[3 * row + axis]! * geometry.spacing_mm[axis]! * ijk[axis]!;
    }
  }
  return lps;
}

const kTypes: Record<number, { bytes: number; view: (buffer: ArrayBuffer, at: number, length: number) => Voxels }> = {
  2: { bytes: 1, view: (b, at, n) => new Uint8Array(b, at, n) },
  4: { bytes: 2, view: (b, at, n) => new Int16Array(b, at, n) },
  8: { bytes: 4, view: (b, at, n) => new Int32Array(b, at, n) },
  16: { bytes: 4, view: (b, at, n) => new Float32Array(b, at, n) },
  64: { bytes: 8, view: (b, at, n) => new Float64Array(b, at, n) },
  256: { bytes: 1, view: (b, at, n) => new Int8Array(b, at, n) },
  512: { bytes: 2, view: (b, at, n) => new Uint16Array(b, at, n) },
  768: { bytes: 4, view: (b, at, n) => new Uint32Array(b, at, n) },
};

/// The NIfTI-1 or -2 file that the server makes of any image; the geometry is the one the server states.
export function read_nifti(file: ArrayBuffer, volume: Pick<Volume, 'name' | 'modality'>, geometry: Geometry): Scan {
  const header = new DataView(file);
  const second = header.getInt32(0, true) === 540;
  if (!second && header.getInt32(0, true) !== 348) throw new Error('The server sent no NIfTI file.');
  const type = kTypes[header.getInt16(second ? 12 : 70, true)];
  if (!type) throw new Error('This image has colours or complex numbers; only scalar images can be segmented.');
  const offset = second ? Number(header.getBigInt64(168, true)) : header.getFloat32(108, true);
  const slope = second ? header.getFloat64(176, true) : header.getFloat32(112, true);
  const intercept = second ? header.getFloat64(184, true) : header.getFloat32(116, true);
  const count = geometry.shape.reduce((product, size) => product * size, 1);
  if (file.byteLength < offset + count * type.bytes) throw new Error('The server sent a NIfTI file that is too short.');
  const aligned = offset % type.bytes === 0;
  return {
    name: volume.name,
    modality: volume.modality,
    geometry,
    voxels: aligned ? type.view(file, offset, count) : type.view(file.slice(offset), 0, count),
    slope: slope || 1,
    intercept: slope ? intercept : 0,
  };
}
