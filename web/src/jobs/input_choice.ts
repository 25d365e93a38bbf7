import type { RunInput, RunInputs } from '../api/hub';
import type { NewJob, ScanReference } from '../api/jobs';
import { h } from '../base/dom';
import { kModalities, label_of } from '../models/parts';
import type { Scan, ScanGroup } from './scans';
import { kLoaded } from './scans';

/// Which scan is given for each input of a workflow.
export interface InputChoice {
  root: HTMLElement;
  /// Why it cannot be run like this; empty: it can.
  problem: () => string;
  value: () => NewJob['inputs'];
}

interface Row {
  root: HTMLElement;
  input: RunInput;
  scan: () => Scan | null;
  /// What is wrong with the choice, and whether the model refuses it.
  look: (others: readonly Row[]) => { text: string; refused: boolean };
}

const kFormats: Readonly<Record<string, string>> = { dicom: 'DICOM', nifti: 'NIfTI', nrrd: 'NRRD', metaimage: 'MetaImage', numpy: 'NumPy' };

/// `on_change`: another scan was chosen.
export function input_choice(inputs: RunInputs, groups: readonly ScanGroup[], on_change: () => void): InputChoice {
  const rows: Row[] = [];
  const refresh = (): void => {
    for (const row of rows) {
      const { text, refused } = row.look(rows);
      const note = row.root.querySelector<HTMLElement>('p')!;
      note.textContent = text;
      note.className = refused ? 'error' : 'notice';
    }
    on_change();
  };
  const taken = new Set<string>();
  for (const [n, input] of inputs.inputs.entries()) {
    const row = choice_row(inputs, input, n, groups, taken, refresh);
    rows.push(row);
    const first = row.scan();
    if (first) taken.add(first.key);
  }
  refresh();
  return {
    root: h('div', { class: 'column' }, ...rows.map(({ root }) => root)),
    problem: () => rows.map((row) => row.look(rows)).find(({ refused }) => refused)?.text ?? '',
    value: () => rows.map(({ input, scan }) => ({ ...reference_of(input, scan()), ...(input.role ? { role: input.role } : {}) })),
  };
}

/// An object that refers to the images lies in the same file as they do, as a series of its own.
function is_joined({ kind }: RunInput): boolean {
  return kind === 'segmentation' || kind === 'structures';
}

function reference_of(input: RunInput, scan: Scan | null): ScanReference {
  if (!scan) return {};
  return is_joined(input) ? { volume: scan.reference.volume! } : scan.reference;
}

function choice_row(inputs: RunInputs, input: RunInput, n: number, groups: readonly ScanGroup[], taken: ReadonlySet<string>, on_change: () => void): Row {
  const offered = groups.map(({ label, scans }) => ({ label, scans: scans.filter((scan) => !is_joined(input) || scan.reference.volume) })).filter(({ scans }) => scans.length > 0);
  const scans = new Map(offered.flatMap(({ scans: list }) => list.map((scan): [string, Scan] => [scan.key, scan])));
  const select: HTMLSelectElement = h('select', { id: `scan-${n}`, onchange: on_change }, ...offered.map(({ label, scans: list }) =>
    h('optgroup', { label }, ...list.map((one) => h('option', { value: one.key }, title_of(one, label))))));
  const scan = (): Scan | null => scans.get(select.value) ?? null;
  const best = best_of(inputs, input, n, offered, taken);
  if (best) select.value = best.key;
  const look = (others: readonly Row[]): { text: string; refused: boolean } => {
    const chosen = scan();
    if (!chosen) return { text: 'There is no scan here for it: send one first.', refused: true };
    const why = why_not(inputs, input, chosen);
    if (why) return why;
    const twin = others.find((other) => other.input !== input && !is_joined(input) && !is_joined(other.input) && other.scan()?.key === chosen.key);
    return { text: twin ? `The same scan is chosen as ${twin.input.role}.` : '', refused: false };
  };
  const label = input.role ? input.role.toUpperCase() : 'Scan';
  const root = h('div', { class: 'filter' }, h('label', { for: select.id }, label), select, h('small', {}, help_of(input)), h('p', { role: 'status' }));
  return { root, input, scan, look };
}

/// What is wrong with that scan for that input; null: nothing that is known before.
function why_not({ volumes }: RunInputs, input: RunInput, { modality, format }: Scan): { text: string; refused: boolean } | null {
  if (input.kind === 'file') return { text: `It reads a file (${input.accepts.join(', ')}), which this page cannot send. Run it with “sagittal hub run”.`, refused: true };
  if (!input.accepts.includes(format)) {
    return { text: volumes.reason && format !== 'dicom' ? sentence(volumes.reason) : `It takes ${formats(input)}; this scan is ${label_of(kFormats, format)}.`, refused: true };
  }
  if (is_joined(input)) return null;
  const fits = !modality || input.modalities.length === 0 || input.modalities.includes(modality);
  if (fits) return null;
  const wanted = input.modalities.map((one) => label_of(kModalities, one)).join(' or ');
  const text = `The model was made for ${wanted}; this scan is ${label_of(kModalities, modality)}.`;
  if (input.kind === 'series' && format === 'dicom') return { text: `${text} It would refuse it.`, refused: true };
  return { text: `${text} Choose another scan, or expect nothing of the result.`, refused: false };
}

function formats({ accepts }: RunInput): string {
  return accepts.map((format) => label_of(kFormats, format)).join(', ');
}

function help_of(input: RunInput): string {
  if (is_joined(input)) return `${sentence(input.description)} It lies in one zip with the images that it was drawn on: choose that.`;
  return input.role || input.kind === 'file' ? sentence(input.description) : '';
}

function sentence(text: string): string {
  const closed = /[.!?]$/.test(text) ? text : `${text}.`;
  return closed.charAt(0).toUpperCase() + closed.slice(1);
}

/// The loaded scan first; for a role, a scan that is called like it, then one that is not yet taken.
function best_of(inputs: RunInputs, input: RunInput, n: number, groups: readonly ScanGroup[], taken: ReadonlySet<string>): Scan | undefined {
  const all = groups.flatMap(({ scans }) => scans);
  const fitting = all.filter((scan) => !why_not(inputs, input, scan));
  const loaded = groups[0]?.label === kLoaded ? groups[0].scans[0] : undefined;
  if (inputs.inputs.length === 1) return loaded ?? fitting[0] ?? all[0];
  if (is_joined(input)) return fitting[0];
  const free = fitting.filter(({ key }) => !taken.has(key));
  return free.find(({ name }) => name.toLowerCase().includes(input.role)) ?? (n === 0 && loaded && free.includes(loaded) ? loaded : undefined) ?? free[0] ?? fitting[0] ?? all[0];
}

/// The closed list shows one line without its group.
function title_of({ name, modality }: Scan, group: string): string {
  const facts = [modality ? label_of(kModalities, modality) : '', group === kLoaded ? 'loaded' : ''].filter(Boolean);
  return facts.length > 0 ? `${name} (${facts.join(', ')})` : name;
}
