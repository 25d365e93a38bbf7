import type { Bounds, Index3 } from '../api/types';

/// One bit per voxel, i fastest, the first voxel in the highest bit: as the server and prompts files hold masks.
export class BitVolume {
  readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(
    readonly shape: Index3,
    bytes?: Uint8Array<ArrayBuffer>,
  ) {
    const size = packed_size(shape[0] * shape[1] * shape[2]);
    if (bytes && bytes.length !== size) throw new Error(`a mask of ${bytes.length} bytes, expected ${size}`);
    this.bytes = bytes ?? new Uint8Array(size);
  }

  get(index: number): boolean {
    return ((this.bytes[index >> 3]! >> (7 - (index & 7))) & 1) === 1;
  }

  set(index: number, on: boolean): void {
    const bit = 128 >> (index & 7);
    if (on) this.bytes[index >> 3]! |= bit;
    else this.bytes[index >> 3]! &= ~bit;
  }

  /// Replaces the voxels inside `bounds` by those of `crop`, packed alone.
  paste(bounds: Bounds, crop: Uint8Array): void {
    const [ni, nj] = this.shape;
    const [[i0, i1], [j0, j1], [k0, k1]] = bounds;
    if (crop.length !== packed_size((i1 - i0) * (j1 - j0) * (k1 - k0))) throw new Error('a mask that does not fit its bounds');
    if (crop.length === this.bytes.length) {
      this.bytes.set(crop);
      return;
    }
    let from = 0;
    for (let k = k0; k < k1; k += 1) {
      for (let j = j0; j < j1; j += 1) {
        let to = i0 + ni * (j + nj * k);
        for (let left = i1 - i0; left > 0; ) {
          const at = from >> 3;
          const shift = from & 7;
          if ((to & 7) === 0 && left >= 8) {
            this.bytes[to >> 3] = (crop[at]! << shift) | ((crop[at + 1] ?? 0) >> (8 - shift));
            from += 8;
            to += 8;
            left -= 8;
          } else {
            this.set(to, ((crop[at]! >> (7 - shift)) & 1) === 1);
            from += 1;
            to += 1;
            left -= 1;
          }
        }
      }
    }
  }

  copy(): BitVolume {
    return new BitVolume(this.shape, this.bytes.slice());
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
