import type { Index3, Prompt } from '../api/types';
import type { SliceView } from '../view/slice_view';
import { draw_rectangle, prompt_colour } from '../view/markers';
import type { SliceMarks, Spot } from './shapes';
import { empty_marks, mark_line, mark_polygon, painted_prompt } from './shapes';
import { is_inside } from '../scan/planes';

/// One prompt in the making: from the press of the button to its end. Spots are positions among a slice's pixels.
export interface Stroke {
  /// The next press of one that asked for more.
  press(spot: Spot): void;
  move(spot: Spot): void;
  /// The prompt, null where nothing came of it, or 'more' where the stroke goes on with the next press.
  end(spot: Spot): Prompt | null | 'more';
  /// Ends a stroke that asked for more.
  finish(): Prompt | null;
  draw(context: CanvasRenderingContext2D, view: SliceView): void;
}

export type BeginStroke = (view: SliceView, spot: Spot, include: boolean) => Stroke;

export const begin_point: BeginStroke = (view, _, include) => ({
  press: () => undefined,
  move: () => undefined,
  end: (spot) => {
    const ijk = view.voxel(spot);
    return is_inside(view.shape, ijk) ? { type: 'point', ijk, include } : null;
  },
  finish: () => null,
  draw: () => undefined,
});

export const begin_box: BeginStroke = (view, first, include) => {
  let last = first;
  const inside = ([x, y]: Spot): Spot => {
    const [width, height] = view.size;
    return [Math.min(width - 0.5, Math.max(0.5, x)), Math.min(height - 0.5, Math.max(0.5, y))];
  };
  return {
    press: () => undefined,
    move: (spot) => (last = spot),
    end: (spot) => {
      const a = inside(first);
      const b = inside(spot);
      if (Math.abs(a[0] - b[0]) < 1 || Math.abs(a[1] - b[1]) < 1) return null;
      const [p, q] = [view.voxel(a), view.voxel(b)];
      const low = p.map((index, axis) => Math.min(index, q[axis]!)) as Index3;
      const end = p.map((index, axis) => Math.max(index, q[axis]!) + 1) as Index3; // half-open
      return { type: 'box', ijk0: low, ijk1: end, include };
    },
    finish: () => null,
    draw: (context) => {
      const [x0, y0] = view.to_canvas(...first);
      const [x1, y1] = view.to_canvas(...last);
      draw_rectangle(context, Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1), include);
    },
  };
};

export const begin_scribble: BeginStroke = (view, first, include) => {
  const slice: SliceMarks = empty_marks(...view.size);
  const radius = view.state.brush_diameter.value / 2;
  const line: Spot[] = [first];
  const extend = (spot: Spot): void => {
    mark_line(slice, line[line.length - 1]!, spot, radius, view.pixel_mm);
    line.push(spot);
  };
  extend(first);
  return {
    press: () => undefined,
    move: extend,
    end: (spot) => {
      extend(spot);
      return painted_prompt('scribble', slice, view.shape, view.plane, view.slice, include);
    },
    finish: () => null,
    draw: (context) => {
      draw_line(context, view, line, include, 2 * radius * view.scale);
    },
  };
};

/// Drawn in one go, or corner by corner with clicks.
export const begin_lasso: BeginStroke = (view, first, include) => {
  const line: Spot[] = [first];
  let drawn = 0;
  const make = (): Prompt | null => {
    if (line.length < 3) return null;
    const slice = empty_marks(...view.size);
    mark_polygon(slice, line);
    return painted_prompt('lasso', slice, view.shape, view.plane, view.slice, include);
  };
  return {
    press: (spot) => line.push(spot),
    move: (spot) => {
      const last = line[line.length - 1]!;
      drawn += Math.hypot(spot[0] - last[0], spot[1] - last[1]) * view.pixel_mm[0] * view.scale;
      line.push(spot);
    },
    end: (spot) => {
      line.push(spot);
      const freehand = drawn > 40 * devicePixelRatio;
      drawn = 0;
      return freehand ? make() : 'more';
    },
    finish: make,
    draw: (context) => {
      draw_line(context, view, [...line, first], include, 1.5 * devicePixelRatio);
    },
  };
};

function draw_line(context: CanvasRenderingContext2D, view: SliceView, line: readonly Spot[], include: boolean, width: number): void {
  context.save();
  context.strokeStyle = prompt_colour(include);
  context.globalAlpha = width > 4 * devicePixelRatio ? 0.55 : 1;
  context.lineWidth = width;
  context.lineCap = context.lineJoin = 'round';
  context.beginPath();
  line.forEach((spot, n) => (n === 0 ? context.moveTo(...view.to_canvas(...spot)) : context.lineTo(...view.to_canvas(...spot))));
  context.stroke();
  context.restore();
}
