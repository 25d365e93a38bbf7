import type { Index3 } from '../api/types';
import type { BitBox } from '../scan/bits';
import type { Plane } from '../scan/planes';
import { stride_of } from '../scan/planes';
import type { Scan } from '../scan/scan';
import type { Window } from '../scan/windows';

export function make_canvas(width: number, height: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

/// Draws one slice, one pixel per voxel, into `canvas`.
export function draw_slice(canvas: HTMLCanvasElement, scan: Scan, plane: Plane, slice: number, window: Window): void {
  const { start, x: dx, y: dy, width, height } = stride_of(scan.geometry.shape, plane, slice);
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const scale = (255 * scan.slope) / (window.high - window.low);
  const offset = (255 * (scan.intercept - window.low)) / (window.high - window.low) + 0.5;
  const voxels = scan.voxels;
  for (let y = 0, to = 0; y < height; y += 1) {
    for (let x = 0, at = start + y * dy; x < width; x += 1, at += dx, to += 1) {
      const value = voxels[at]! * scale + offset;
      const grey = value > 0 ? (value < 255 ? value | 0 : 255) : 0; // not a number is black
      pixels[to] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
    }
  }
  canvas.width = width;
  canvas.height = height;
  canvas.getContext('2d')!.putImageData(image, 0, 0);
}

/// What a mask covers of a slice: filled pixels at (x, y), and outlines in pixel coordinates of the whole slice.
export interface SliceMask {
  fill: HTMLCanvasElement;
  x: number;
  y: number;
  outline: Path2D;
}

/// Null where the mask has nothing on this slice of an image of that shape.
export function slice_mask({ bytes, bounds }: BitBox, shape: Index3, plane: Plane, slice: number, rgb: readonly number[]): SliceMask | null {
  const along = bounds[plane.n]!;
  if (slice < along[0] || slice >= along[1]) return null;
  const size = bounds.map(([low, high]) => high - low) as Index3;
  const stride = stride_of(size, plane, slice - along[0]);
  const { width, height } = stride;
  if (width <= 0 || height <= 0) return null;
  const x0 = first_pixel(bounds[plane.u]!, plane.flip_u, shape[plane.u]!);
  const y0 = first_pixel(bounds[plane.v]!, plane.flip_v, shape[plane.v]!);

  const padded = width + 2; // one empty pixel around, so that every outline closes
  const grid = new Uint8Array(padded * (height + 2));
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const colour = (0xff000000 | (rgb[2]! << 16) | (rgb[1]! << 8) | rgb[0]!) >>> 0;
  let any = false;
  for (let y = 0; y < height; y += 1) {
    let at = stride.start + y * stride.y;
    for (let x = 0; x < width; x += 1, at += stride.x) {
      if (((bytes[at >> 3]! >> (7 - (at & 7))) & 1) === 0) continue;
      grid[(y + 1) * padded + x + 1] = 1;
      pixels[y * width + x] = colour;
      any = true;
    }
  }
  if (!any) return null;
  const fill = make_canvas(width, height);
  fill.getContext('2d')!.putImageData(image, 0, 0);
  return { fill, x: x0, y: y0, outline: outline_of(grid, padded, height + 2, x0 - 0.5, y0 - 0.5) };
}

function first_pixel([low, high]: readonly [number, number], flip: boolean, size: number): number {
  return flip ? size - high : low;
}

/// Edges that a cell of four pixels' centres is cut between: 0 top, 1 right, 2 bottom, 3 left; by its corners' bits
/// (1 top left, 2 top right, 4 bottom right, 8 bottom left).
const kCuts: readonly (readonly number[])[] = [[], [3, 0], [0, 1], [3, 1], [1, 2], [3, 0, 1, 2], [0, 2], [3, 2], [2, 3], [2, 0], [0, 1, 2, 3], [2, 1], [1, 3], [1, 0], [0, 3], []];

/// Marching squares, joined to closed lines; the centre of the grid's first cell corner is at (x0, y0).
function outline_of(grid: Uint8Array, width: number, height: number, x0: number, y0: number): Path2D {
  const next = next_edges(grid, width, height);
  const path = new Path2D();
  for (let first = 0; first < next.length; first += 1) {
    if (next[first]! < 0) continue;
    for (let edge = first, after = next[first]!; after >= 0; edge = after, after = next[edge]!) {
      const at = edge >> 1;
      const [x, y] = [x0 + (at % width) + (edge & 1 ? 0 : 0.5), y0 + Math.floor(at / width) + (edge & 1 ? 0.5 : 0)];
      if (edge === first) path.moveTo(x, y);
      else path.lineTo(x, y);
      next[edge] = -1;
    }
    path.closePath();
  }
  return path;
}

/// Where the outline goes from each edge of the grid, -1 where it is not: 2 n is the edge to the right of pixel n, 2 n + 1
/// the one below it. Lines have the mask on the same side all along, so each edge that is met is left once.
function next_edges(grid: Uint8Array, width: number, height: number): Int32Array {
  const next = new Int32Array(2 * grid.length).fill(-1);
  for (let y = 0; y + 1 < height; y += 1) {
    for (let x = 0; x + 1 < width; x += 1) {
      const at = y * width + x;
      const cuts = kCuts[grid[at]! | (grid[at + 1]! << 1) | (grid[at + width + 1]! << 2) | (grid[at + width]! << 3)]!;
      const edges = [2 * at, 2 * (at + 1) + 1, 2 * (at + width), 2 * at + 1];
      for (let n = 0; n < cuts.length; n += 2) next[edges[cuts[n]!]!] = edges[cuts[n + 1]!]!;
    }
  }
  return next;
}
