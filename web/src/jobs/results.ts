import type { Client } from '../api/client';
import { describe_error } from '../api/client';
import type { Job, JobOutput, OutputSegment } from '../api/jobs';
import { read_output } from '../api/jobs';
import { h, save_file } from '../base/dom';
import { format_bytes, format_millilitres } from '../base/format';
import { toast } from '../panels/dialogs';
import { read_csv } from './csv';
import { open_in_viewer } from './open_result';
import { json_tree } from './tree';

const kMostShownBytes = 4 << 20;
const kMostRows = 200;

/// A file that a model wrote: what it holds, and ways to have it.
export function result_view(client: Client, job: Job, output: JobOutput): HTMLElement {
  const name = output.path.split('/').at(-1) ?? output.path;
  const save = button('Download', async () => save_file(await read_output(client, job.id, output.path), name));
  const open = output.kind !== 'segmentation' || output.segments.length === 0 ? null : button('Open in viewer', () => open_in_viewer(client, job, [output.path]));
  open?.classList.add('primary');
  return h('section', { class: 'box result', 'aria-label': output.path },
    h('div', { class: 'found' },
      h('h2', { class: 'file' }, output.path), h('div', { class: 'row' }, h('small', { class: 'numbers' }, output.bytes === null ? '' : format_bytes(output.bytes)), open, save)),
    ...contents(client, job, output));
}

/// All segmentations together, where a model wrote them as several files; null where it did not.
export function open_all(client: Client, job: Job): HTMLElement | null {
  const paths = job.outputs.filter(({ kind, segments: found }) => kind === 'segmentation' && found.length > 0).map(({ path }) => path);
  if (paths.length < 2) return null;
  const open = button('Open all in viewer', () => open_in_viewer(client, job, paths));
  open.classList.add('primary');
  return h('div', { class: 'row' }, open);
}

function button(label: string, run: () => Promise<unknown>): HTMLButtonElement {
  const made: HTMLButtonElement = h('button', {
    onclick: async () => {
      made.disabled = true;
      try {
        await run();
      } catch (error) {
        toast(describe_error(error), true);
      } finally {
        made.disabled = false;
      }
    },
  }, label);
  return made;
}

function contents(client: Client, job: Job, output: JobOutput): Node[] {
  if (output.kind === 'segmentation') return output.segments.length > 0 ? [segments(output.segments)] : [h('p', { class: 'muted' }, 'There is no segment in it.')];
  if (output.kind !== 'table' && output.kind !== 'json') return [];
  if ((output.bytes ?? 0) > kMostShownBytes) return [h('p', { class: 'muted' }, 'It is too long to be shown here.')];
  const place = h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': output.path }, h('p', { class: 'muted' }, 'Reading …'));
  const read = async (): Promise<void> => {
    try {
      const text = await (await read_output(client, job.id, output.path)).text();
      place.replaceChildren(output.kind === 'json' ? json_tree(JSON.parse(text)) : table(read_csv(text)));
    } catch (error) {
      place.replaceChildren(h('p', { class: 'error' }, error instanceof SyntaxError ? 'It is no JSON that can be shown; download it.' : describe_error(error)));
    }
  };
  void read();
  return [place];
}

function table(rows: readonly string[][]): HTMLElement {
  const [head, ...body] = rows;
  if (!head) return h('p', { class: 'muted' }, 'It is empty.');
  const rest = body.length - kMostRows;
  return h('table', {},
    h('thead', {}, h('tr', {}, ...head.map((cell) => h('th', { scope: 'col' }, cell)))),
    h('tbody', {}, ...body.slice(0, kMostRows).map((cells) => h('tr', {}, ...cells.map((cell) => h('td', { class: 'numbers' }, cell))))),
    rest > 0 ? h('caption', {}, `The first ${kMostRows} rows; ${rest} more are in the file.`) : null);
}

function segments(list: readonly OutputSegment[]): HTMLElement {
  return h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Segments' }, h('table', {},
    h('thead', {}, h('tr', {}, ...['Segment', 'Code', 'Volume'].map((title) => h('th', { scope: 'col' }, title)))),
    h('tbody', {}, ...list.map((segment) => h('tr', {},
      h('td', {}, h('span', { class: 'row' }, h('span', { class: 'swatch', style: { background: `rgb(${segment.colour.map(Number).join(' ')})` }, 'aria-hidden': 'true' }), segment.name || `Segment ${segment.number}`)),
      h('td', { class: 'numbers', title: meanings(segment) }, codes(segment)),
      h('td', { class: 'numbers' }, format_millilitres(segment.volume_ml)))))));
}

function codes({ codes: of }: OutputSegment): string {
  const parts = of ? [of.type, of.modifier, of.region, of.region_modifier] : [];
  return parts.map((code) => code && `${code.scheme} ${code.value}`).filter(Boolean).join(' · ') || '–';
}

function meanings({ codes: of }: OutputSegment): string {
  return of ? Object.values(of).map((code) => code?.meaning).filter(Boolean).join(', ') : '';
}
