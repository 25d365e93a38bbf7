import { h, icon } from '../base/dom';
import type { Preset } from '../scan/windows';
import type { ViewState } from '../work/view_state';
import { kIcons } from './icons';

/// Window presets, brush, crosshair, fit.
export function display_panel(state: ViewState, presets: readonly Preset[], fit: () => void): { root: HTMLElement; stop: () => void } {
  const choose = h('select', { id: 'window', onchange: () => state.window.set(presets[Number(choose.value)]?.window ?? state.window.value) },
    ...presets.map(({ name }, n) => h('option', { value: String(n) }, name)), h('option', { value: 'own', hidden: true }, 'By hand'));
  const numbers = h('output', { class: 'muted numbers' });
  const brush = h('input', { type: 'range', id: 'brush', min: 1, max: 40, step: 0.5, oninput: () => state.brush_diameter.set(Number(brush.value)) });
  const brush_mm = h('output', { class: 'muted numbers', for: 'brush' });
  const brush_field = h('div', { class: 'field' }, h('label', { for: 'brush' }, 'Brush'), brush, brush_mm);
  const crosshair = h('input', { type: 'checkbox', id: 'crosshair', onchange: () => state.crosshair.set(crosshair.checked) });
  const endings = [
    state.window.watch((now) => {
      const at = presets.findIndex(({ window }) => window === now);
      choose.value = at < 0 ? 'own' : String(at);
      numbers.value = `${short(now.low)} … ${short(now.high)}`;
    }),
    state.brush_diameter.watch((mm) => {
      brush.value = String(mm);
      brush_mm.value = `${mm} mm`;
    }),
    state.tool.watch((tool) => brush_field.classList.toggle('absent', tool !== 'scribble')),
    state.crosshair.watch((on) => (crosshair.checked = on)),
  ];
  const root = h('section', { class: 'panel', 'aria-label': 'Display' },
    h('header', {}, h('h2', {}, 'Display'), h('button', { class: 'quiet', title: 'Fit all planes (F)', 'aria-label': 'Fit all planes', onclick: fit }, icon(kIcons.fit))),
    brush_field,
    h('div', { class: 'field' }, h('label', { for: 'window' }, 'Window'), choose),
    h('div', { class: 'field' }, h('label', { for: 'crosshair' }, 'Crosshair'), crosshair, numbers));
  return { root, stop: () => endings.forEach((end) => end()) };
}

function short(value: number): string {
  return Math.abs(value) >= 10 || Number.isInteger(value) ? String(Math.round(value)) : value.toPrecision(2);
}
