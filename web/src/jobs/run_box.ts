import type { Client } from '../api/client';
import { ApiError, describe_error } from '../api/client';
import type { Card } from '../api/hub';
import type { Job, NewJob, Terms } from '../api/jobs';
import { start_job } from '../api/jobs';
import type { JobsInfo } from '../api/types';
import { h } from '../base/dom';
import { kModalities, label_of } from '../models/parts';
import { job_address } from './address';
import { ask_licence } from './licence_dialog';
import type { Scan, ScanGroup } from './scans';
import { find_scans, kLoaded } from './scans';
import { kBackends } from './words';

/// One thing that a model is given.
interface Role {
  /// As the API calls it; empty where there is one only.
  name: string;
  label: string;
  modalities: readonly string[];
}

/// Runs the card's model on scans of this server.
export function run_box(client: Client, card: Card, { slurm }: JobsInfo): HTMLElement {
  const root = h('section', { class: 'box run', 'aria-label': 'Run' }, h('h2', {}, 'Run on a scan'));
  if (card.kind === 'interactive') {
    root.append(h('p', {}, 'This model answers prompts: ', h('a', { href: '#' }, 'open a scan'), ' and click into the organ.'));
    return root;
  }
  const place = h('div', { class: 'column' }, h('p', { class: 'muted', role: 'status' }, 'Looking for scans …'));
  root.append(place);
  find_scans(client).then(
    (groups) => place.replaceChildren(...(groups.length > 0 ? [form(client, card, groups, slurm)] : [nothing()])),
    (error: unknown) => place.replaceChildren(h('p', { class: 'error', role: 'alert' }, describe_error(error))),
  );
  return root;
}

function nothing(): HTMLElement {
  return h('p', {}, 'There is no scan here yet. ', h('a', { href: '#' }, 'Open one'), ', then come back: it will be offered.');
}

/// Of a model of this machine, its channels; of others, what the card asks for.
function roles_of({ source, inputs, modalities }: Card): Role[] {
  const channels = source === 'local' ? (inputs[0]?.label ?? '').split(', ').filter(Boolean) : [];
  if (channels.length > 1) return channels.map((name) => ({ name: name.toLowerCase(), label: name, modalities: [] }));
  if (source === 'local' || inputs.length < 2) return [{ name: '', label: 'Scan', modalities }];
  return inputs.map((input, n) => {
    const name = (input.modalities.length === 1 ? input.modalities[0]! : (input.label ?? `${n + 1}`)).toLowerCase();
    return { name, label: input.label || input.description || name.toUpperCase(), modalities: input.modalities };
  });
}

function form(client: Client, card: Card, groups: readonly ScanGroup[], slurm: boolean): HTMLElement {
  const scans = new Map(groups.flatMap(({ scans: list }) => list.map((scan): [string, Scan] => [scan.key, scan])));
  const roles = roles_of(card);
  const choices = roles.map((role, n) => scan_choice(role, n, groups, scans));
  const workflow = workflow_choice(card);
  const backend = backend_choice(card);
  const place = place_choice(slurm);
  const problem = h('p', { class: 'error', role: 'alert' });
  const button = h('button', { class: 'primary', type: 'submit' }, roles.length > 1 ? 'Run on these scans' : 'Run on this scan');
  const run = async (): Promise<void> => {
    button.disabled = true;
    problem.textContent = '';
    try {
      const job = await submit(client, card, {
        model: card.name, source: card.source, ...workflow.value(), ...backend.value(), ...place.value(),
        inputs: choices.map(({ scan }, n) => ({ ...scan().reference, ...(roles[n]!.name ? { role: roles[n]!.name } : {}) })),
      });
      if (job) location.hash = job_address(job.id);
    } catch (error) {
      problem.textContent = describe_error(error);
    } finally {
      button.disabled = false;
    }
  };
  return h('form', { class: 'column', onsubmit: (event: Event) => {
    event.preventDefault();
    void run();
  } }, ...choices.map(({ root }) => root), workflow.root, backend.root, place.root, problem, button);
}

/// Null where the licence is not accepted.
async function submit(client: Client, card: Card, job: NewJob): Promise<Job | null> {
  try {
    return await start_job(client, job);
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'licence_not_accepted')) throw error;
    if (!(await ask_licence(card.title || card.name, error.details['licence'] as Terms))) return null;
    return start_job(client, { ...job, accept_licence: true });
  }
}

function field(id: string, label: string, input: HTMLElement, ...below: (Node | null)[]): HTMLElement {
  return h('div', { class: 'filter' }, h('label', { for: id }, label), input, ...below);
}

function scan_choice(role: Role, n: number, groups: readonly ScanGroup[], scans: ReadonlyMap<string, Scan>): { root: HTMLElement; scan: () => Scan } {
  const warning = h('p', { class: 'notice', role: 'status' });
  const fits = ({ modality }: Scan): boolean => !modality || role.modalities.length === 0 || role.modalities.includes(modality);
  const select: HTMLSelectElement = h('select', { id: `scan-${n}`, onchange: () => look() }, ...groups.map(({ label, scans: list }) =>
    h('optgroup', { label }, ...list.map((one) => h('option', { value: one.key }, title_of(one, label))))));
  const scan = (): Scan => scans.get(select.value)!;
  const look = (): void => {
    const wanted = role.modalities.map((modality) => label_of(kModalities, modality)).join(' or ');
    warning.textContent = fits(scan()) ? '' : `The model was made for ${wanted}; this scan is ${label_of(kModalities, scan().modality!)}. Choose another scan, or expect nothing of the result.`;
  };
  const all = [...scans.values()];
  const fitting = all.filter(fits);
  select.value = (n < fitting.length ? fitting[n]! : (fitting[0] ?? all[0]!)).key;
  if (groups[0]!.label === kLoaded && n === 0) select.value = groups[0]!.scans[0]!.key;
  look();
  return { root: field(select.id, role.label, select, warning), scan };
}

/// The closed list shows one line without its group.
function title_of({ name, modality }: Scan, group: string): string {
  const facts = [modality ? label_of(kModalities, modality) : '', group === kLoaded ? 'loaded' : ''].filter(Boolean);
  return facts.length > 0 ? `${name} (${facts.join(', ')})` : name;
}

function workflow_choice({ workflows }: Card): { root: HTMLElement | null; value: () => { workflow?: string } } {
  if (workflows.length < 2) return { root: null, value: () => ({}) };
  const about = h('small', {});
  const select: HTMLSelectElement = h('select', { id: 'workflow', onchange: () => look() }, ...workflows.map(({ name }) => h('option', { value: name }, name)));
  const look = (): void => void (about.textContent = workflows.find(({ name }) => name === select.value)?.description ?? '');
  look();
  return { root: field(select.id, 'Workflow', select, about), value: () => ({ workflow: select.value }) };
}

/// Where there is a cluster, a job may be sent to it.
function place_choice(slurm: boolean): { root: HTMLElement | null; value: () => { on?: string } } {
  if (!slurm) return { root: null, value: () => ({}) };
  const select = h('select', { id: 'place' }, h('option', { value: 'local' }, 'This server'), h('option', { value: 'slurm' }, 'The cluster (Slurm)'));
  return { root: field(select.id, 'Computed on', select), value: () => ({ on: select.value }) };
}

/// A model of this machine is computed by this program; what others need is chosen by the server, or here.
function backend_choice({ source }: Card): { root: HTMLElement; value: () => { backend?: string } } {
  const native = kBackends[0]!;
  if (source === 'local') return { root: h('p', { class: 'muted' }, h('strong', {}, `${native.label}. `), native.means), value: () => ({}) };
  const about = h('small', {});
  const best = 'Whatever of this list the server has; nothing runs with the rights of a program of its own.';
  const list = kBackends.slice(1);
  const select: HTMLSelectElement = h('select', { id: 'backend', onchange: () => look() }, h('option', { value: '' }, 'The best of this server'), ...list.map(({ name, label }) => h('option', { value: name }, label)));
  const look = (): void => void (about.textContent = list.find(({ name }) => name === select.value)?.means ?? best);
  look();
  return { root: field(select.id, 'Protected by', select, about), value: () => (select.value ? { backend: select.value } : {}) };
}
