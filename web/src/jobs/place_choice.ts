import type { Backends, Card } from '../api/hub';
import { h } from '../base/dom';
import { kBackends, backend_label } from './words';

/// What runs the model, and where.
export interface PlaceChoice {
  root: HTMLElement;
  /// Why nothing can run it; empty: something can.
  problem: () => string;
  value: () => { backend?: string; on?: string };
}

/// A model of this machine is computed by this program; what others need is chosen by the server, or here. `backends`
/// null: not known yet.
export function place_choice({ source }: Card, backends: Backends | null): PlaceChoice {
  const cluster = cluster_choice(backends);
  if (source === 'local') {
    const native = kBackends[0]!;
    const root = h('div', { class: 'column' }, h('p', { class: 'muted' }, h('strong', {}, `${native.label}. `), native.means), cluster.root);
    return { root, problem: () => '', value: cluster.value };
  }
  const known = (backends?.backends ?? []).filter(({ name }) => name !== 'native' && name !== 'environment');
  const works = known.some(({ available }) => available);
  const about = h('small', {});
  const best = backends?.best ?? null;
  const select: HTMLSelectElement = h('select', { id: 'backend', onchange: () => look() },
    ...(best || !backends ? [h('option', { value: '' }, best ? `The best of this server: ${backend_label(best)}` : 'The best of this server')] : []),
    ...known.map(({ name, available }) => h('option', { value: name, disabled: !available }, available ? backend_label(name) : `${backend_label(name)} (not here)`)));
  const look = (): void => void (about.textContent = kBackends.find(({ name }) => name === (select.value || best))?.means ?? '');
  if (!best && works) select.value = known.find(({ available }) => available)!.name;
  look();
  const missing = known.filter(({ available }) => !available);
  const root = h('div', { class: 'column' },
    h('div', { class: 'filter' }, h('label', { for: select.id }, 'Protected by'), select, about),
    missing.length === 0 ? null : h('details', { class: 'missing' }, h('summary', {}, works ? 'What else could run it' : 'What could run it'),
      h('dl', {}, ...missing.flatMap(({ name, reason, mend }) => [h('dt', {}, backend_label(name)), h('dd', {}, reason ?? '', mend ? h('code', {}, mend) : null)]))),
    cluster.root);
  const problem = (): string => (backends && !works ? 'Nothing on this server can run a model of others safely yet. Whoever runs it finds below what to install.' : '');
  return { root, problem, value: () => ({ ...(select.value ? { backend: select.value } : {}), ...cluster.value() }) };
}

/// Where there is a cluster, a job may be sent to it.
function cluster_choice(backends: Backends | null): { root: HTMLElement | null; value: () => { on?: string } } {
  if (!backends?.on.some(({ name, available }) => name === 'slurm' && available)) return { root: null, value: () => ({}) };
  const select = h('select', { id: 'place' }, h('option', { value: 'local' }, 'This server'), h('option', { value: 'slurm' }, 'The cluster (Slurm)'));
  return { root: h('div', { class: 'filter' }, h('label', { for: 'place' }, 'Computed on'), select), value: () => ({ on: select.value }) };
}
