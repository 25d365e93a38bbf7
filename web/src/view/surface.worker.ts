import type { Bounds, Index3 } from '../api/types';
import { surface_of } from './surface_nets';

export interface SurfaceJob {
  id: number;
  /// Packed mask of the whole image.
  bytes: Uint8Array<ArrayBuffer>;
  shape: Index3;
  bounds: Bounds;
}

export interface SurfaceResult {
  id: number;
  /// Voxel indices of the image.
  positions: Float32Array<ArrayBuffer>;
  triangles: Uint32Array<ArrayBuffer>;
}

const kMostVoxels = 4_000_000;

self.onmessage = (message: MessageEvent<SurfaceJob>) => {
  const { id, bytes, shape, bounds } = message.data;
  const size = bounds.map(([low, high]) => high - low);
  let coarse = 1;
  while (size.reduce((product, n) => product * (Math.ceil(n / coarse) + 3), 1) > kMostVoxels) coarse += 1;
  const cells = size.map((n) => Math.ceil(n / coarse) + 3) as Index3;
  const mask = new Uint8Array(cells[0] * cells[1] * cells[2]);
  const origin = bounds.map(([low]) => low) as Index3;
  for (let k = 1; k + 2 < cells[2]; k += 1) {
    for (let j = 1; j + 2 < cells[1]; j += 1) {
      for (let i = 1; i + 2 < cells[0]; i += 1) {
        const [x, y, z] = [origin[0] + (i - 1) * coarse, origin[1] + (j - 1) * coarse, origin[2] + (k - 1) * coarse];
        const at = x + shape[0] * (y + shape[1] * z);
        mask[i + cells[0] * (j + cells[1] * k)] = (bytes[at >> 3]! >> (7 - (at & 7))) & 1;
      }
    }
  }
  const { positions, triangles } = surface_of(mask, cells);
  for (let at = 0; at < positions.length; at += 1) positions[at] = origin[at % 3]! + (positions[at]! - 1) * coarse;
  const result: SurfaceResult = { id, positions, triangles };
  self.postMessage(result, { transfer: [positions.buffer, triangles.buffer] });
};
