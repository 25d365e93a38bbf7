import type { Client } from '../api/client';
import { h, icon } from '../base/dom';
import { format_millilitres } from '../base/format';
import type { SegmentState } from '../work/segment';
import type { ViewState } from '../work/view_state';
import type { Work } from '../work/work';
import { kIcons } from './icons';
import { open_naming } from './terms';

/// The list of segments: which one is worked on, its name, colour, volume, visibility.
export function segments_panel(client: Client, work: Work, state: ViewState, start_from_mask: () => void): { root: HTMLElement; stop: () => void } {
  const list = h('ul', { class: 'segments' });
  let drawn = '';
  const render = (): void => {
    const segments = work.segments.value;
    const now = JSON.stringify([work.active.value, segments.map(({ info, visible, has_preview }) => [info.number, info.name, info.colour, info.volume_ml, visible, info.term?.id, has_preview])]);
    if (now === drawn) return;
    drawn = now;
    const focused = (document.activeElement as HTMLElement | null)?.dataset['focus'];
    list.replaceChildren(...segments.map((segment) => row(client, work, segment)));
    if (focused) list.querySelector<HTMLElement>(`[data-focus="${focused}"]`)?.focus();
  };
  const endings = [work.segments.watch(render), work.active.watch(render), work.shown.watch(render)];
  const opacity = h('input', {
    type: 'range', id: 'opacity', min: 0, max: 100, value: String(100 * state.opacity.value),
    oninput: () => state.opacity.set(Number(opacity.value) / 100),
  });
  const root = h('section', { class: 'panel grow', 'aria-label': 'Segments' },
    h('header', {}, h('h2', {}, 'Segments')),
    list,
    h('button', { class: 'wide-button', title: 'Next segment (E)', onclick: () => void work.add_segment() }, icon(kIcons.plus), 'Next segment', h('kbd', {}, 'E')),
    h('button', { class: 'wide-button', title: 'Each label of the file becomes a segment', onclick: start_from_mask }, icon(kIcons.open), 'Start from a mask'),
    h('div', { class: 'field' }, h('label', { for: 'opacity' }, 'Opacity'), opacity));
  return { root, stop: () => endings.forEach((end) => end()) };
}

function row(client: Client, work: Work, segment: SegmentState): HTMLElement {
  const { info } = segment;
  const is_active = work.active.value === info.number;
  const colour = h('input', {
    type: 'color', value: info.colour, title: 'Colour', 'aria-label': `Colour of ${info.name}`,
    onchange: () => void work.change_segment(info.number, { colour: colour.value }),
  });
  const choose = h('button', {
    class: 'name', 'data-focus': `name-${info.number}`, 'aria-pressed': String(is_active), title: `${info.name}: click to work on it, double click to name it`,
    onclick: () => work.active.set(info.number),
    ondblclick: () => open_naming(client, work, segment),
  }, h('span', {}, info.name), h('small', {}, `${format_millilitres(info.volume_ml)}${segment.has_preview ? ' · refining' : ''}`));
  const tool = (name: string, label: string, action: () => void): Node =>
    h('button', { class: 'quiet', title: label, 'aria-label': `${label}: ${info.name}`, 'data-focus': `${label}-${info.number}`, onclick: action }, icon(name));
  return h('li', { class: is_active ? 'active' : '', 'data-segment': info.number },
    colour, choose,
    tool(kIcons.tag, 'Name', () => open_naming(client, work, segment)),
    tool(segment.visible ? kIcons.eye : kIcons.hidden, segment.visible ? 'Hide' : 'Show', () => work.toggle_visible(info.number)),
    tool(kIcons.trash, 'Remove', () => remove_segment(work, info.number)));
}

/// A removed segment cannot be brought back: asks where it holds something.
export function remove_segment(work: Work, n: number): void {
  const segment = work.find(n);
  if (!segment) return;
  if (segment.info.voxels > 0 && !window.confirm(`Remove ${segment.info.name}? This cannot be undone.`)) return;
  void work.remove_segment(n);
}
