import type { Index3 } from '../api/types';
import { h, icon } from '../base/dom';
import { once_per_frame } from '../base/observable';
import type { Plane } from '../scan/planes';
import { to_pixel, to_voxel } from '../scan/planes';
import type { Spot } from '../tools/shapes';
import type { ViewState } from '../work/view_state';
import type { Work } from '../work/work';
import { draw_prompt } from './markers';
import type { SliceMask } from './slice_image';
import { draw_slice, slice_mask } from './slice_image';

/// What else is drawn on top of a slice, in canvas pixels.
export type Overlay = (context: CanvasRenderingContext2D, view: SliceView) => void;

const kTitles = { axial: 'Axial', coronal: 'Coronal', sagittal: 'Sagittal' };
const kKeys = { axial: 1, sagittal: 2, coronal: 3 }; // panels/help.ts
const kFitMargin = 0.94;

/// One plane of the scan: image, masks, prompts, crosshair; zoomed and moved by its user.
export class SliceView {
  readonly root: HTMLElement;
  readonly canvas = h('canvas', { class: 'slice', tabindex: '0', role: 'application' });
  overlay: Overlay | null = null;
  private readonly slider: HTMLInputElement;
  private readonly place_text = h('output', { class: 'place' });
  private readonly image = document.createElement('canvas');
  private image_of = '';
  private readonly masks = new Map<number, { of: string; mask: SliceMask | null }>();
  private zoom = 1;
  private pan: [number, number] = [0, 0];
  readonly redraw: () => void;
  private readonly endings: (() => void)[] = [];

  constructor(
    readonly plane: Plane,
    readonly work: Work,
    readonly state: ViewState,
    on_maximise: () => void,
  ) {
    const title = kTitles[plane.name];
    this.canvas.setAttribute('aria-label', `${title} slices. Arrow keys move the crosshair, Page Up and Page Down change the slice, Enter gives a point.`);
    this.slider = h('input', {
      type: 'range', class: 'slices', min: 0, max: this.depth - 1, 'aria-label': `${title} slice`, orient: 'vertical',
      oninput: () => this.go_to(Number(this.slider.value)),
    });
    const maximise = h('button', { class: 'quiet', title: `Only this plane (${kKeys[plane.name]})`, 'aria-label': `Show only the ${plane.name} plane`, onclick: on_maximise }, icon('M4 9V4h5|M20 9V4h-5|M4 15v5h5|M20 15v5h-5'));
    const [left, right, top, bottom] = plane.edges;
    this.root = h('section', { class: `view ${plane.name}`, 'aria-label': `${title} plane` },
      this.canvas,
      h('header', {}, h('h2', {}, title), this.place_text, maximise),
      h('span', { class: 'edge at-left' }, left), h('span', { class: 'edge at-right' }, right),
      h('span', { class: 'edge at-top' }, top), h('span', { class: 'edge at-bottom' }, bottom),
      this.slider);
    this.redraw = once_per_frame(() => this.draw());
    const observer = new ResizeObserver(() => this.draw());
    observer.observe(this.canvas);
    this.endings.push(() => observer.disconnect());
    for (const value of [state.cursor, state.window, state.opacity, state.crosshair, state.positive, state.tool, work.shown, work.active]) {
      this.endings.push(value.watch(this.redraw as (value: unknown) => void));
    }
  }

  stop(): void {
    for (const end of this.endings) end();
  }

  get shape(): Index3 {
    return this.work.scan.geometry.shape;
  }

  get depth(): number {
    return this.shape[this.plane.n]!;
  }

  get slice(): number {
    return this.state.cursor.value[this.plane.n]!;
  }

  get pixel_mm(): Spot {
    const { spacing_mm } = this.work.scan.geometry;
    return [spacing_mm[this.plane.u]!, spacing_mm[this.plane.v]!];
  }

  get size(): [number, number] {
    return [this.shape[this.plane.u]!, this.shape[this.plane.v]!];
  }

  go_to(slice: number): void {
    const cursor: Index3 = [...this.state.cursor.value];
    cursor[this.plane.n] = Math.min(this.depth - 1, Math.max(0, Math.round(slice)));
    this.state.cursor.set(cursor);
  }

  fit(): void {
    this.zoom = 1;
    this.pan = [0, 0];
    this.redraw();
  }

  /// Keeps what is under (x, y), in canvas pixels, in place.
  zoom_by(factor: number, x: number, y: number): void {
    const [px, py] = this.to_slice(x, y);
    this.zoom = Math.min(40, Math.max(0.3, this.zoom * factor));
    const [nx, ny] = this.to_canvas(px, py);
    this.pan = [this.pan[0] + x - nx, this.pan[1] + y - ny];
    this.redraw();
  }

  /// Keeps the crosshair in place.
  zoom_at_cursor(factor: number): void {
    this.zoom_by(factor, ...this.to_canvas(...to_pixel(this.shape, this.plane, this.state.cursor.value)));
  }

  /// Moves the image so far that the crosshair can be seen.
  show_cursor(): void {
    const [x, y] = this.to_canvas(...to_pixel(this.shape, this.plane, this.state.cursor.value));
    const { width, height } = this.canvas;
    this.pan_by(Math.max(0, -x) - Math.max(0, x - width), Math.max(0, -y) - Math.max(0, y - height));
  }

  pan_by(dx: number, dy: number): void {
    this.pan = [this.pan[0] + dx, this.pan[1] + dy];
    this.redraw();
  }

  /// Canvas pixels per millimetre.
  get scale(): number {
    const [width, height] = this.size;
    const [sx, sy] = this.pixel_mm;
    return kFitMargin * this.zoom * Math.min(this.canvas.width / (width * sx), this.canvas.height / (height * sy));
  }

  to_canvas = (x: number, y: number): [number, number] => {
    const [width, height] = this.size;
    const [sx, sy] = this.pixel_mm;
    const scale = this.scale;
    return [
      this.canvas.width / 2 + this.pan[0] + (x - width / 2) * sx * scale,
      this.canvas.height / 2 + this.pan[1] + (y - height / 2) * sy * scale,
    ];
  };

  to_slice(x: number, y: number): [number, number] {
    const [width, height] = this.size;
    const [sx, sy] = this.pixel_mm;
    const scale = this.scale;
    return [(x - this.canvas.width / 2 - this.pan[0]) / (sx * scale) + width / 2, (y - this.canvas.height / 2 - this.pan[1]) / (sy * scale) + height / 2];
  }

  /// The voxel under a position of the slice; it may lie outside the scan.
  voxel(spot: Spot): Index3 {
    return to_voxel(this.shape, this.plane, this.slice, spot[0], spot[1]);
  }

  private draw(): void {
    const ratio = devicePixelRatio;
    const width = Math.round(this.canvas.clientWidth * ratio);
    const height = Math.round(this.canvas.clientHeight * ratio);
    if (width === 0 || height === 0) return;
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    this.slider.value = String(this.slice);
    this.place_text.value = `${this.slice + 1} / ${this.depth}`;
    this.prepare_image();
    const context = this.canvas.getContext('2d', { alpha: false })!;
    context.fillStyle = '#000';
    context.fillRect(0, 0, width, height);
    const [x0, y0] = this.to_canvas(0, 0);
    const [x1, y1] = this.to_canvas(...this.size);
    context.imageSmoothingEnabled = true;
    context.drawImage(this.image, x0, y0, x1 - x0, y1 - y0);
    this.draw_masks(context);
    if (this.state.crosshair.value) this.draw_crosshair(context);
    for (const segment of this.work.segments.value) {
      if (segment.number !== this.work.active.value || !segment.visible) continue;
      for (const prompt of segment.prompts) draw_prompt(context, prompt, this.shape, this.plane, this.slice, this.to_canvas);
    }
    this.draw_ruler(context);
    this.overlay?.(context, this);
    this.canvas.dataset['drawn'] = String(performance.now());
  }

  private prepare_image(): void {
    const { low, high } = this.state.window.value;
    const of = `${this.slice} ${low} ${high}`;
    if (of === this.image_of) return;
    draw_slice(this.image, this.work.scan, this.plane, this.slice, this.state.window.value);
    this.image_of = of;
  }

  private draw_masks(context: CanvasRenderingContext2D): void {
    const [x0, y0] = this.to_canvas(0, 0);
    const [x1, y1] = this.to_canvas(1, 1);
    const matrix = new DOMMatrix([x1 - x0, 0, 0, y1 - y0, x0, y0]);
    for (const segment of this.work.segments.value) {
      if (!segment.visible) continue;
      const of = `${this.slice} ${segment.serial}`;
      let kept = this.masks.get(segment.number);
      if (kept?.of !== of) {
        kept = { of, mask: slice_mask(segment.shown, this.shape, this.plane, this.slice, segment.rgb) };
        this.masks.set(segment.number, kept);
      }
      if (!kept.mask) continue;
      const { fill, x, y, outline } = kept.mask;
      context.globalAlpha = this.state.opacity.value * (segment.has_preview ? 0.6 : 1);
      context.drawImage(fill, x0 + x * (x1 - x0), y0 + y * (y1 - y0), fill.width * (x1 - x0), fill.height * (y1 - y0));
      context.globalAlpha = 1;
      const path = new Path2D();
      path.addPath(outline, matrix);
      context.strokeStyle = segment.info.colour;
      context.lineWidth = (segment.number === this.work.active.value ? 2 : 1.2) * devicePixelRatio;
      context.setLineDash(segment.has_preview ? [4 * devicePixelRatio, 3 * devicePixelRatio] : []);
      context.stroke(path);
      context.setLineDash([]);
    }
  }

  private draw_crosshair(context: CanvasRenderingContext2D): void {
    const [x, y] = this.to_canvas(...to_pixel(this.shape, this.plane, this.state.cursor.value));
    const gap = 14 * devicePixelRatio;
    context.save();
    context.strokeStyle = 'rgba(143, 190, 235, 0.45)';
    context.lineWidth = devicePixelRatio;
    context.beginPath();
    for (const [ax, ay, bx, by] of [[0, y, x - gap, y], [x + gap, y, this.canvas.width, y], [x, 0, x, y - gap], [x, y + gap, x, this.canvas.height]] as const) {
      context.moveTo(ax, ay);
      context.lineTo(bx, by);
    }
    context.stroke();
    context.restore();
  }

  /// A bar of 1, 2 or 5 times a power of ten millimetres, about a fifth of the width.
  private draw_ruler(context: CanvasRenderingContext2D): void {
    const wanted = this.canvas.width / 5 / this.scale;
    const power = 10 ** Math.floor(Math.log10(wanted));
    const length = [5, 2, 1].map((step) => step * power).find((step) => step <= wanted) ?? power;
    const ratio = devicePixelRatio;
    const [x, y] = [12 * ratio, this.canvas.height - 12 * ratio];
    context.save();
    context.strokeStyle = context.fillStyle = 'rgba(230, 233, 238, 0.75)';
    context.lineWidth = 1.5 * ratio;
    context.beginPath();
    context.moveTo(x, y - 4 * ratio);
    context.lineTo(x, y);
    context.lineTo(x + length * this.scale, y);
    context.lineTo(x + length * this.scale, y - 4 * ratio);
    context.stroke();
    context.font = `${11 * ratio}px system-ui, sans-serif`;
    context.fillText(length >= 10 ? `${length / 10} cm` : `${length} mm`, x + 4 * ratio, y - 6 * ratio);
    context.restore();
  }
}
