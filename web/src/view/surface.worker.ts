import type { Bounds, Index3 } from '../api/types';
import { surface_of } from './surface_nets';

export interface SurfaceJob {
  id: number;
  /// Packed mask inside `bounds`.
  bytes: Uint8Array<ArrayBuffer>;
  bounds: Bounds;
  /// Where the mask is larger, it is looked at in steps of several voxels.
  most_voxels: number;
}

export interface SurfaceResult {
  id: number;
  /// Voxel indices of the image.
  positions: Float32Array<ArrayBuffer>;
  triangles: Uint32Array<ArrayBuffer>;
}

self.onmessage = (message: MessageEvent<SurfaceJob>) => {
  const { id, bytes, bounds, most_voxels } = message.data;
  const size = bounds.map(([low, high]) => high - low);
  let coarse = 1;
  while (size.reduce((product, n) => product * (Math.ceil(n / coarse) + 3), 1) > most_voxels) coarse += 1;
  const cells = size.map((n) => Math.ceil(n / coarse) + 3) as Index3;
  const mask = new Uint8Array(cells[0] * cells[1] * cells[2]);
  const origin = bounds.map(([low]) => low) as Index3;
  for (let k = 1; k + 2 < cells[2]; k += 1) {
    for (let j = 1; j + 2 < cells[1]; j += 1) {
      for (let i = 1; i + 2 < cells[0]; i += 1) {
        const at = coarse * (i - 1 + size[0]! * (j - 1 + size[1]! * (k - 1)));
        mask[i + cells[0] * (j + cells[1] * k)] = (bytes[at >> 3]! >> (7 - (at & 7))) & 1;
      }
    }
  }
  const { positions, triangles } = surface_of(mask, cells);
  for (let at = 0; at < positions.length; at += 1) positions[at] = origin[at % 3]! + (positions[at]! - 1) * coarse;
  const result: SurfaceResult = { id, positions, triangles };
  self.postMessage(result, { transfer: [positions.buffer, triangles.buffer] });
};
