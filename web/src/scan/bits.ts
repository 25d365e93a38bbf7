import type { Bounds } from '../api/types';

/// One bit per voxel of a box, i fastest, the first voxel in the highest bit: as the server and prompts files hold masks.
/// Outside of the box nothing is set; the box grows where something is pasted.
export class BitBox {
  private box: Bounds = [[0, 0], [0, 0], [0, 0]];
  private packed: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  get bounds(): Bounds {
    return this.box;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.packed;
  }

  /// Replaces the voxels inside `bounds` by those of `crop`, packed alone.
  paste(bounds: Bounds, crop: Uint8Array<ArrayBuffer>): void {
    if (crop.length !== packed_size(voxels_of(bounds))) throw new Error('a mask that does not fit its bounds');
    if (is_empty(bounds)) return;
    if (contains(bounds, this.box)) {
      this.box = bounds;
      this.packed = crop.slice();
      return;
    }
    if (!contains(this.box, bounds)) this.grow(joined(this.box, bounds));
    copy_box(crop, bounds, this.packed, this.box);
  }

  copy(): BitBox {
    const copy = new BitBox();
    copy.box = this.box;
    copy.packed = this.packed.slice();
    return copy;
  }

  private grow(box: Bounds): void {
    const grown = new Uint8Array(packed_size(voxels_of(box)));
    copy_box(this.packed, this.box, grown, box);
    this.box = box;
    this.packed = grown;
  }
}

export function joined(a: Bounds, b: Bounds): Bounds {
  if (is_empty(a)) return b;
  if (is_empty(b)) return a;
  return a.map(([low, high], axis) => [Math.min(low, b[axis]![0]), Math.max(high, b[axis]![1])]) as Bounds;
}

function contains(outer: Bounds, inner: Bounds): boolean {
  return is_empty(inner) || outer.every(([low, high], axis) => low <= inner[axis]![0] && high >= inner[axis]![1]);
}

function voxels_of(bounds: Bounds): number {
  return bounds.reduce((product, [low, high]) => product * (high - low), 1);
}

/// `inner` lies in `outer`.
function copy_box(from_bytes: Uint8Array, inner: Bounds, to_bytes: Uint8Array, outer: Bounds): void {
  if (is_empty(inner)) return;
  const [[i0, i1], [j0, j1], [k0, k1]] = inner;
  const [ni, nj] = [outer[0][1] - outer[0][0], outer[1][1] - outer[1][0]];
  let from = 0;
  for (let k = k0; k < k1; k += 1) {
    for (let j = j0; j < j1; j += 1) {
      copy_row(from_bytes, from, to_bytes, i0 - outer[0][0] + ni * (j - outer[1][0] + nj * (k - outer[2][0])), i1 - i0);
      from += i1 - i0;
    }
  }
}

function copy_row(from_bytes: Uint8Array, from: number, to_bytes: Uint8Array, to: number, count: number): void {
  for (let left = count; left > 0; ) {
    const at = from >> 3;
    const shift = from & 7;
    if ((to & 7) === 0 && left >= 8) {
      to_bytes[to >> 3] = (from_bytes[at]! << shift) | ((from_bytes[at + 1] ?? 0) >> (8 - shift));
      from += 8;
      to += 8;
      left -= 8;
    } else {
      const bit = 128 >> (to & 7);
      if (((from_bytes[at]! >> (7 - shift)) & 1) === 1) to_bytes[to >> 3]! |= bit;
      else to_bytes[to >> 3]! &= ~bit;
      from += 1;
      to += 1;
      left -= 1;
    }
  }
}

export function packed_size(voxels: number): number {
  return Math.ceil(voxels / 8);
}

export function is_empty(bounds: Bounds): boolean {
  return bounds.some(([low, high]) => high <= low);
}

export function encode_base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

export function decode_base64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
