import type { Bounds, Index3, Prompt } from '../api/types';
import { encode_base64, packed_size } from '../scan/bits';
import type { Plane } from '../scan/planes';
import { to_pixel, to_voxel } from '../scan/planes';

/// Positions among a slice's pixels: voxels' centres end in 0.5.
export type Spot = readonly [number, number];

/// Marks of one slice, a byte per pixel.
export interface SliceMarks {
  width: number;
  height: number;
  marks: Uint8Array;
}

export function empty_marks(width: number, height: number): SliceMarks {
  return { width, height, marks: new Uint8Array(width * height) };
}

/// Marks pixels whose centre is within `radius_mm` of the line from `a` to `b`; pixels are `size_mm` wide and high.
export function mark_line(slice: SliceMarks, a: Spot, b: Spot, radius_mm: number, size_mm: Spot): void {
  const [sx, sy] = size_mm;
  const reach_x = radius_mm / sx;
  const reach_y = radius_mm / sy;
  const x0 = Math.max(0, Math.floor(Math.min(a[0], b[0]) - reach_x));
  const x1 = Math.min(slice.width - 1, Math.ceil(Math.max(a[0], b[0]) + reach_x));
  const y0 = Math.max(0, Math.floor(Math.min(a[1], b[1]) - reach_y));
  const y1 = Math.min(slice.height - 1, Math.ceil(Math.max(a[1], b[1]) + reach_y));
  const dx = (b[0] - a[0]) * sx;
  const dy = (b[1] - a[1]) * sy;
  const length = dx * dx + dy * dy;
  for (let y = y0; y <= y1; y += 1) {
    for (let x = x0; x <= x1; x += 1) {
      const px = (x + 0.5 - a[0]) * sx;
      const py = (y + 0.5 - a[1]) * sy;
      const along = length > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0;
      const ex = px - along * dx;
      const ey = py - along * dy;
      if (ex * ex + ey * ey <= radius_mm * radius_mm) slice.marks[y * slice.width + x] = 1;
    }
  }
  for (const [x, y] of [a, b]) mark_pixel(slice, x, y); // however thin the brush
}

function mark_pixel(slice: SliceMarks, x: number, y: number): void {
  const px = Math.floor(x);
  const py = Math.floor(y);
  if (px >= 0 && py >= 0 && px < slice.width && py < slice.height) slice.marks[py * slice.width + px] = 1;
}

/// Marks pixels whose centre is inside the closed polygon (even-odd).
export function mark_polygon(slice: SliceMarks, corners: readonly Spot[]): void {
  for (let y = 0; y < slice.height; y += 1) {
    const crossings: number[] = [];
    for (let n = 0; n < corners.length; n += 1) {
      const [xa, ya] = corners[n]!;
      const [xb, yb] = corners[(n + 1) % corners.length]!;
      if (ya <= y + 0.5 !== yb <= y + 0.5) crossings.push(xa + ((y + 0.5 - ya) / (yb - ya)) * (xb - xa));
    }
    crossings.sort((a, b) => a - b);
    for (let n = 0; n + 1 < crossings.length; n += 2) {
      const from = Math.max(0, Math.ceil(crossings[n]! - 0.5));
      const to = Math.min(slice.width, Math.ceil(crossings[n + 1]! - 0.5));
      if (to > from) slice.marks.fill(1, y * slice.width + from, y * slice.width + to);
    }
  }
}

/// The prompt of what is marked; null where nothing is.
export function painted_prompt(type: 'scribble' | 'lasso', slice: SliceMarks, shape: Index3, plane: Plane, index: number, include: boolean): Prompt | null {
  const bounds = marked_bounds(slice, shape, plane, index);
  if (!bounds) return null;
  const [[i0, i1], [j0, j1], [k0, k1]] = bounds;
  const packed = new Uint8Array(packed_size((i1 - i0) * (j1 - j0) * (k1 - k0)));
  let bit = 0;
  for (let k = k0; k < k1; k += 1) {
    for (let j = j0; j < j1; j += 1) {
      for (let i = i0; i < i1; i += 1, bit += 1) {
        const [x, y] = to_pixel(shape, plane, [i, j, k]);
        if (slice.marks[Math.floor(y) * slice.width + Math.floor(x)]) packed[bit >> 3]! |= 128 >> (bit & 7);
      }
    }
  }
  return { type, bounds, mask: encode_base64(packed), include };
}

function marked_bounds(slice: SliceMarks, shape: Index3, plane: Plane, index: number): Bounds | null {
  let [x0, x1, y0, y1] = [slice.width, -1, slice.height, -1];
  for (let y = 0, at = 0; y < slice.height; y += 1) {
    for (let x = 0; x < slice.width; x += 1, at += 1) {
      if (!slice.marks[at]) continue;
      x0 = Math.min(x0, x);
      x1 = Math.max(x1, x);
      y0 = Math.min(y0, y);
      y1 = Math.max(y1, y);
    }
  }
  if (x1 < 0) return null;
  const a = to_voxel(shape, plane, index, x0, y0);
  const b = to_voxel(shape, plane, index, x1, y1);
  const pair = (axis: number): [number, number] => [Math.min(a[axis]!, b[axis]!), Math.max(a[axis]!, b[axis]!) + 1];
  return [pair(0), pair(1), pair(2)];
}
