import { h, icon } from '../base/dom';
import type { ToolName, ViewState } from '../work/view_state';
import type { Work } from '../work/work';
import { kIcons } from './icons';

const kTools: readonly { name: ToolName; label: string; key: string; title: string }[] = [
  { name: 'point', label: 'Point', key: 'P', title: 'Click into the organ (P)' },
  { name: 'box', label: 'Box', key: 'B', title: 'Drag a box around the organ (B)' },
  { name: 'scribble', label: 'Scribble', key: 'S', title: 'Paint inside the organ (S)' },
  { name: 'lasso', label: 'Lasso', key: 'L', title: 'Draw around the organ (L)' },
  { name: 'move', label: 'Look', key: 'Esc', title: 'The left button moves the crosshair (Esc)' },
];

export function toolbar(work: Work, state: ViewState, reset_segment: () => void): { root: HTMLElement; stop: () => void } {
  const tools = kTools.map(({ name, label, title }) => {
    const button = h('button', { class: 'tool', title, 'aria-pressed': 'false', onclick: () => state.tool.set(name) }, icon(kIcons[name]), h('span', {}, label));
    return { name, button };
  });
  const sign = (include: boolean, label: string, picture: string): HTMLButtonElement =>
    h('button', { class: `tool sign ${include ? 'positive' : 'negative'}`, title: `${label}: ${include ? 'this belongs to it' : 'this does not'} (T)`, onclick: () => state.positive.set(include) }, icon(picture), h('span', {}, label));
  const positive = sign(true, 'Positive', kIcons.plus);
  const negative = sign(false, 'Negative', kIcons.minus);
  const step = (what: 'undo' | 'redo' | 'reset', label: string, title: string): HTMLButtonElement =>
    h('button', { class: 'tool', title, onclick: () => (what === 'reset' ? reset_segment() : void work.step(what)) }, icon(kIcons[what]), h('span', {}, label));
  const undo = step('undo', 'Undo', 'Undo (Ctrl Z)');
  const redo = step('redo', 'Redo', 'Redo (Ctrl Y)');
  const reset = step('reset', 'Reset', 'Remove all prompts of the segment (R)');

  const render = (): void => {
    const segment = work.active_segment;
    undo.disabled = !(segment?.info.can_undo || work.task.value);
    redo.disabled = !segment?.info.can_redo;
    reset.disabled = !segment || (segment.prompts.length === 0 && segment.info.voxels === 0);
  };
  const endings = [
    state.tool.watch((now) => tools.forEach(({ name, button }) => button.setAttribute('aria-pressed', String(name === now)))),
    state.positive.watch((include) => {
      positive.setAttribute('aria-pressed', String(include));
      negative.setAttribute('aria-pressed', String(!include));
    }),
    work.shown.watch(render),
    work.active.watch(render),
    work.task.watch(render),
  ];
  const root = h('nav', { class: 'tools', 'aria-label': 'Tools' },
    h('div', { role: 'group', 'aria-label': 'Prompts' }, ...tools.map(({ button }) => button)),
    h('div', { role: 'group', 'aria-label': 'Sign of the prompt' }, positive, negative),
    h('div', { role: 'group', 'aria-label': 'History' }, undo, redo, reset));
  return { root, stop: () => endings.forEach((end) => end()) };
}
