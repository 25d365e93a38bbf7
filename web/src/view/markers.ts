import type { Index3, Prompt } from '../api/types';
import { decode_base64 } from '../scan/bits';
import type { Plane } from '../scan/planes';
import { to_pixel } from '../scan/planes';

/// Blue and orange: apart for every kind of colour vision, and the signs say it too.
export const kPositiveColour = '#5ab4ff';
export const kNegativeColour = '#ff9d3c';

export function prompt_colour(include: boolean): string {
  return include ? kPositiveColour : kNegativeColour;
}

/// Turns slice pixels into canvas pixels.
export type Place = (x: number, y: number) => [number, number];

/// Draws what of a prompt lies on this slice.
export function draw_prompt(context: CanvasRenderingContext2D, prompt: Prompt, shape: Index3, plane: Plane, slice: number, place: Place): void {
  if (prompt.type === 'point') draw_point(context, prompt.ijk, prompt.include, shape, plane, slice, place);
  if (prompt.type === 'box') {
    if (slice < prompt.ijk0[plane.n]! || slice >= prompt.ijk1[plane.n]!) return;
    const last = prompt.ijk1.map((end) => end - 1);
    const [ax, ay] = to_pixel(shape, plane, prompt.ijk0);
    const [bx, by] = to_pixel(shape, plane, last);
    const [x0, y0] = place(Math.min(ax, bx) - 0.5, Math.min(ay, by) - 0.5);
    const [x1, y1] = place(Math.max(ax, bx) + 0.5, Math.max(ay, by) + 0.5);
    draw_rectangle(context, x0, y0, x1, y1, prompt.include);
  }
  if (prompt.type === 'scribble' || prompt.type === 'lasso') {
    const [low, high] = prompt.bounds[plane.n]!;
    if (slice < low || slice >= high) return;
    draw_painted(context, prompt, shape, plane, slice, place);
  }
}

function draw_point(context: CanvasRenderingContext2D, ijk: Index3, include: boolean, shape: Index3, plane: Plane, slice: number, place: Place): void {
  const distance = Math.abs(Math.round(ijk[plane.n]!) - slice);
  if (distance > 2) return;
  const [x, y] = place(...to_pixel(shape, plane, ijk));
  const ratio = devicePixelRatio;
  const radius = 6.5 * ratio;
  context.save();
  context.globalAlpha = distance === 0 ? 1 : 0.35;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = prompt_colour(include);
  context.fill();
  context.lineWidth = 1.5 * ratio;
  context.strokeStyle = '#0b0e13';
  context.stroke();
  context.beginPath();
  context.lineWidth = 2 * ratio;
  context.moveTo(x - radius * 0.5, y);
  context.lineTo(x + radius * 0.5, y);
  if (include) {
    context.moveTo(x, y - radius * 0.5);
    context.lineTo(x, y + radius * 0.5);
  }
  context.stroke();
  context.restore();
}

export function draw_rectangle(context: CanvasRenderingContext2D, x0: number, y0: number, x1: number, y1: number, include: boolean): void {
  context.save();
  context.lineWidth = 1.5 * devicePixelRatio;
  context.strokeStyle = prompt_colour(include);
  context.setLineDash(include ? [] : [6 * devicePixelRatio, 4 * devicePixelRatio]);
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  context.restore();
}

type Painted = Extract<Prompt, { type: 'scribble' | 'lasso' }>;
const decoded = new WeakMap<Painted, Uint8Array>();

function draw_painted(context: CanvasRenderingContext2D, prompt: Painted, shape: Index3, plane: Plane, slice: number, place: Place): void {
  let bits = decoded.get(prompt);
  if (!bits) decoded.set(prompt, (bits = decode_base64(prompt.mask)));
  const [[i0, i1], [j0, j1], [k0, k1]] = prompt.bounds;
  const [ni, nj] = [i1 - i0, j1 - j0];
  const on = (i: number, j: number, k: number): boolean => {
    const bit = i - i0 + ni * (j - j0 + nj * (k - k0));
    return ((bits[bit >> 3]! >> (7 - (bit & 7))) & 1) === 1;
  };
  context.save();
  context.globalAlpha = prompt.type === 'lasso' ? 0.22 : 0.6;
  context.fillStyle = prompt_colour(prompt.include);
  context.beginPath();
  const range = (axis: number, [low, high]: readonly [number, number]): [number, number] => (axis === plane.n ? [slice, slice + 1] : [low, high]);
  const [[ia, ib], [ja, jb], [ka, kb]] = [range(0, [i0, i1]), range(1, [j0, j1]), range(2, [k0, k1])];
  for (let k = ka; k < kb; k += 1) {
    for (let j = ja; j < jb; j += 1) {
      for (let i = ia; i < ib; i += 1) {
        if (!on(i, j, k)) continue;
        const [x, y] = to_pixel(shape, plane, [i, j, k]);
        const [left, top] = place(x - 0.5, y - 0.5);
        const [right, bottom] = place(x + 0.5, y + 0.5);
        context.rect(left, top, right - left + 0.5, bottom - top + 0.5);
      }
    }
  }
  context.fill();
  context.restore();
}
