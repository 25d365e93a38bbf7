import type { Prompt } from '../api/types';
import { is_inside } from '../scan/planes';
import { prompt_colour } from '../view/markers';
import type { SliceView } from '../view/slice_view';
import type { ToolName, ViewState } from '../work/view_state';
import type { Spot } from './shapes';
import type { BeginStroke, Stroke } from './tool';
import { begin_box, begin_lasso, begin_point, begin_scribble } from './tool';

const kStrokes: Partial<Record<ToolName, BeginStroke>> = { point: begin_point, box: begin_box, scribble: begin_scribble, lasso: begin_lasso };
const kClickPixels = 4;

type Drag = 'stroke' | 'cursor' | 'pan' | 'window';

/// What the pointer and the keyboard do on one slice view:
/// left: the tool; right: drag for the window, click for a prompt of the other sign; middle: move; wheel: slices, with
/// Ctrl zoom; Shift: the crosshair follows the pointer.
export class Gestures {
  private drag: Drag | null = null;
  private stroke: Stroke | null = null;
  private pointer: { x: number; y: number } | null = null;
  private pressed = { x: 0, y: 0 };
  private wheel = 0;

  constructor(
    private readonly view: SliceView,
    private readonly state: ViewState,
    private readonly give: (prompt: Prompt) => void,
    private readonly on_hover: (view: SliceView, spot: Spot | null) => void,
  ) {
    const { canvas } = view;
    view.overlay = (context) => this.draw(context);
    canvas.addEventListener('pointerdown', (event) => this.on_down(event));
    canvas.addEventListener('pointermove', (event) => this.on_move(event));
    canvas.addEventListener('pointerup', (event) => this.on_up(event));
    canvas.addEventListener('pointercancel', () => this.abandon());
    canvas.addEventListener('pointerleave', () => {
      this.pointer = null;
      this.on_hover(view, null);
      view.redraw();
    });
    canvas.addEventListener('wheel', (event) => this.on_wheel(event), { passive: false });
    canvas.addEventListener('dblclick', () => this.finish());
    canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    canvas.addEventListener('keydown', (event) => this.on_key(event));
  }

  /// Ends a lasso that is drawn corner by corner; false where none is.
  finish(): boolean {
    if (!this.stroke) return false;
    const prompt = this.stroke.finish();
    this.abandon();
    if (prompt) this.give(prompt);
    return true;
  }

  /// False where nothing was begun.
  abandon(): boolean {
    const had = this.stroke !== null;
    this.stroke = null;
    this.drag = null;
    this.view.redraw();
    return had;
  }

  private on_down(event: PointerEvent): void {
    this.view.canvas.focus({ preventScroll: true });
    this.view.canvas.setPointerCapture(event.pointerId);
    const at = this.place(event);
    this.pressed = this.pointer = at;
    const begin = kStrokes[this.state.tool.value];
    if (event.button === 1) this.drag = 'pan';
    else if (event.button === 2) this.drag = 'window';
    else if (event.shiftKey || !begin) this.drag = 'cursor';
    else {
      this.drag = 'stroke';
      const spot = this.view.to_slice(at.x, at.y);
      if (this.stroke) this.stroke.press(spot);
      else this.stroke = begin(this.view, spot, this.state.positive.value);
    }
    if (this.drag === 'cursor') this.show(at);
    event.preventDefault();
  }

  private on_move(event: PointerEvent): void {
    const at = this.place(event);
    const from = this.pointer ?? at;
    this.pointer = at;
    const spot = this.view.to_slice(at.x, at.y);
    this.on_hover(this.view, spot);
    if (this.drag === 'pan') this.view.pan_by(at.x - from.x, at.y - from.y);
    if (this.drag === 'window' && this.moved(at)) this.change_window(at.x - from.x, at.y - from.y);
    if (this.drag === 'cursor' || (!this.drag && event.shiftKey)) this.show(at);
    if (this.drag === 'stroke') for (const each of event.getCoalescedEvents?.() ?? []) this.stroke?.move(this.spot(each));
    if (this.drag === 'stroke') this.stroke?.move(spot);
    this.view.redraw();
  }

  private on_up(event: PointerEvent): void {
    const at = this.place(event);
    const spot = this.view.to_slice(at.x, at.y);
    const drag = this.drag;
    this.drag = null;
    if (drag === 'stroke' && this.stroke) {
      const result = this.stroke.end(spot);
      if (result === 'more') return;
      this.stroke = null;
      if (result) this.give(result);
    } else if (drag === 'window' && !this.moved(at) && this.state.tool.value === 'point') {
      const prompt = begin_point(this.view, spot, !this.state.positive.value).end(spot);
      if (prompt && prompt !== 'more') this.give(prompt);
    }
    this.view.redraw();
  }

  private on_wheel(event: WheelEvent): void {
    event.preventDefault();
    const at = this.place(event);
    if (event.ctrlKey || event.metaKey) {
      this.view.zoom_by(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.002)), at.x, at.y);
      return;
    }
    this.wheel += event.deltaMode === 1 ? event.deltaY * 34 : event.deltaY;
    const steps = Math.trunc(this.wheel / 34);
    this.wheel -= steps * 34;
    if (steps !== 0) this.view.go_to(this.view.slice + Math.sign(steps) * Math.min(3, Math.abs(steps)));
  }

  private on_key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 10 : 1;
    const moves: Record<string, () => void> = {
      ArrowLeft: () => this.step(-step, 0),
      ArrowRight: () => this.step(step, 0),
      ArrowUp: () => this.step(0, -step),
      ArrowDown: () => this.step(0, step),
      PageUp: () => this.view.go_to(this.view.slice + step),
      PageDown: () => this.view.go_to(this.view.slice - step),
      Enter: () => {
        if (!this.finish()) this.give({ type: 'point', ijk: [...this.state.cursor.value], include: this.state.positive.value });
      },
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  }

  /// The crosshair, by pixels of this view.
  private step(x: number, y: number): void {
    const { plane } = this.view;
    const cursor = [...this.state.cursor.value] as [number, number, number];
    cursor[plane.u]! += plane.flip_u ? -x : x;
    cursor[plane.v]! += plane.flip_v ? -y : y;
    if (!is_inside(this.view.shape, cursor)) return;
    this.state.cursor.set(cursor);
    this.view.show_cursor();
  }

  private show(at: { x: number; y: number }): void {
    const voxel = this.view.voxel(this.view.to_slice(at.x, at.y));
    if (is_inside(this.view.shape, voxel)) this.state.cursor.set(voxel);
  }

  private change_window(dx: number, dy: number): void {
    const { low, high } = this.state.window.value;
    const width = Math.max((high - low) * Math.exp(dx / (250 * devicePixelRatio)), 1e-6);
    const level = (low + high) / 2 + (dy / (300 * devicePixelRatio)) * (high - low);
    this.state.window.set({ low: level - width / 2, high: level + width / 2 });
  }

  private moved(at: { x: number; y: number }): boolean {
    return Math.hypot(at.x - this.pressed.x, at.y - this.pressed.y) > kClickPixels * devicePixelRatio;
  }

  private place(event: MouseEvent): { x: number; y: number } {
    const box = this.view.canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) * devicePixelRatio, y: (event.clientY - box.top) * devicePixelRatio };
  }

  private spot(event: MouseEvent): Spot {
    const { x, y } = this.place(event);
    return this.view.to_slice(x, y);
  }

  private draw(context: CanvasRenderingContext2D): void {
    this.stroke?.draw(context, this.view);
    if (this.state.tool.value !== 'scribble' || !this.pointer || this.drag) return;
    context.save();
    context.strokeStyle = prompt_colour(this.state.positive.value);
    context.lineWidth = 1.5 * devicePixelRatio;
    context.beginPath();
    context.arc(this.pointer.x, this.pointer.y, Math.max(2, (this.state.brush_diameter.value / 2) * this.view.scale), 0, 2 * Math.PI);
    context.stroke();
    context.restore();
  }
}
