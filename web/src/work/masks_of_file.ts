import type { Client } from '../api/client';
import { download_voxels } from '../api/download';
import type { NewSegment } from '../api/session';
import type { Bounds, Geometry } from '../api/types';
import { upload_volume } from '../api/upload';
import { encode_base64, packed_size } from '../scan/bits';
import type { Scan } from '../scan/scan';
import { read_nifti } from '../scan/scan';

const kMostLabels = 64;

/// The labels of an image file on the scan's grid, one mask each; the server reads the file.
export async function masks_of_file(client: Client, file: File, grid: Geometry): Promise<NewSegment[]> {
  const volume = await upload_volume(client, file, file.name, () => undefined);
  const { shape } = volume.geometry;
  if (shape.some((size, axis) => size !== grid.shape[axis])) {
    throw new Error(`its grid is ${shape.join(' × ')}, the scan's ${grid.shape.join(' × ')}; a mask must be on the scan's grid`);
  }
  const labels = read_nifti(await download_voxels(client, `volumes/${volume.id}`, () => undefined), volume, volume.geometry);
  const bounds = label_bounds(labels);
  if (bounds.size === 0) throw new Error('there is no label in it');
  return [...bounds].map(([label, box]) => ({ name: bounds.size > 1 ? `Label ${label}` : 'Mask', mask: { bounds: box, mask: encode_base64(pack(labels, label, box)) } }));
}

function label_bounds(labels: Scan): Map<number, Bounds> {
  const [ni, nj, nk] = labels.geometry.shape;
  const found = new Map<number, Bounds>();
  let at = 0;
  for (let k = 0; k < nk; k += 1) {
    for (let j = 0; j < nj; j += 1) {
      for (let i = 0; i < ni; i += 1, at += 1) {
        const label = labels.voxels[at]!;
        if (label === 0) continue;
        const box = found.get(label);
        if (box) grow(box, [i, j, k]);
        else if (found.size < kMostLabels) found.set(label, [[i, i + 1], [j, j + 1], [k, k + 1]]);
        else throw new Error(`it has more than ${kMostLabels} labels: it is an image, not a mask`);
      }
    }
  }
  return found;
}

function grow(box: Bounds, ijk: readonly number[]): void {
  box.forEach((range, axis) => {
    if (ijk[axis]! < range[0]) range[0] = ijk[axis]!;
    if (ijk[axis]! >= range[1]) range[1] = ijk[axis]! + 1;
  });
}

function pack(labels: Scan, label: number, [[i0, i1], [j0, j1], [k0, k1]]: Bounds): Uint8Array {
  const [ni, nj] = labels.geometry.shape;
  const packed = new Uint8Array(packed_size((i1 - i0) * (j1 - j0) * (k1 - k0)));
  let bit = 0;
  for (let k = k0; k < k1; k += 1) {
    for (let j = j0; j < j1; j += 1) {
      for (let i = i0; i < i1; i += 1, bit += 1) {
        if (labels.voxels[i + ni * (j + nj * k)] === label) packed[bit >> 3]! |= 128 >> (bit & 7);
      }
    }
  }
  return packed;
}
