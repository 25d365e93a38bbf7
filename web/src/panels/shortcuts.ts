import type { Workspace } from './workspace';
import { open_help } from './help';
import { remove_segment } from './segments';

const kBrushStep = 1.25;
const kZoomStep = 1.25;

/// The keys of panels/help.ts; alive everywhere but in text fields and dialogs.
export function listen_to_keys(current: () => Workspace | null): void {
  document.addEventListener('keydown', (event) => {
    const target = event.target as HTMLElement;
    if (document.querySelector('dialog[open]') || target.matches('input[type=text], input[type=search], input[type=password], input[type=number], select, textarea')) return;
    if (event.key === '?' || event.key === 'F1') {
      event.preventDefault();
      open_help();
      return;
    }
    const workspace = current();
    if (workspace && run(event, workspace)) event.preventDefault();
  });
}

function run(event: KeyboardEvent, workspace: Workspace): boolean {
  const { work, state, gestures } = workspace;
  if (event.altKey) return false;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    const steps: Record<string, 'undo' | 'redo'> = { z: event.shiftKey ? 'redo' : 'undo', y: 'redo' };
    const step = steps[key];
    if (step) void work.step(step);
    return step !== undefined;
  }
  const finish = (): boolean => gestures.some((gesture) => gesture.finish());
  const scale_brush = (factor: number): void => state.brush_diameter.set(Math.min(40, Math.max(1, Math.round(2 * factor * state.brush_diameter.value) / 2)));
  const actions: Record<string, () => void> = {
    p: () => state.tool.set('point'),
    o: () => state.tool.set('point'),
    b: () => state.tool.set('box'),
    s: () => state.tool.set('scribble'),
    l: () => (event.shiftKey ? finish() : state.tool.set('lasso')),
    escape: () => {
      if (!gestures.map((gesture) => gesture.abandon()).includes(true)) state.tool.set('move');
    },
    t: () => state.positive.set(!state.positive.value),
    e: () => void work.add_segment(),
    r: () => workspace.reset_segment(),
    v: () => work.toggle_visible(work.active.value),
    delete: () => remove_segment(work, work.active.value),
    '[': () => scale_brush(1 / kBrushStep),
    ']': () => scale_brush(kBrushStep),
    '+': () => workspace.zoom(kZoomStep),
    '=': () => workspace.zoom(kZoomStep), // the key of + without Shift
    '-': () => workspace.zoom(1 / kZoomStep),
    w: () => workspace.next_window(),
    f: () => workspace.fit(),
    x: () => state.crosshair.set(!state.crosshair.value),
    '1': () => workspace.toggle_maximised('axial'),
    '2': () => workspace.toggle_maximised('sagittal'),
    '3': () => workspace.toggle_maximised('coronal'),
    '4': () => workspace.toggle_maximised('3d'),
    '0': () => state.maximised.set(null),
  };
  const action = actions[key];
  action?.();
  return action !== undefined;
}
