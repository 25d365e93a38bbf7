import { h } from '../base/dom';

const kMostItems = 200;
const kOpenDepth = 2;

/// JSON of strangers as a tree that opens; long lists are cut.
export function json_tree(value: unknown, depth = 0): HTMLElement {
  if (value === null || typeof value !== 'object') return h('code', {}, value === null ? '–' : String(value));
  const entries = Object.entries(value);
  const rows = entries.slice(0, kMostItems).map(([key, item]) => row(Array.isArray(value) ? String(Number(key) + 1) : key, item, depth));
  const rest = entries.length - rows.length;
  return h('ul', { class: 'tree' }, ...rows, rest > 0 ? h('li', { class: 'muted' }, `and ${rest} more`) : null);
}

function row(key: string, value: unknown, depth: number): HTMLElement {
  if (value === null || typeof value !== 'object') return h('li', {}, h('span', { class: 'key' }, key), json_tree(value));
  const size = Object.keys(value).length;
  const details: HTMLDetailsElement = h('details', { open: depth < kOpenDepth }, h('summary', {}, key, ' ', h('small', {}, `${size} ${size === 1 ? 'entry' : 'entries'}`)));
  const fill = (): void => {
    if (details.open && details.childElementCount === 1) details.append(json_tree(value, depth + 1));
  };
  details.addEventListener('toggle', fill);
  fill();
  return h('li', {}, details);
}
