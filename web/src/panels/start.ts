import type { Client } from '../api/client';
import { describe_error } from '../api/client';
import type { Session, Study, Volume } from '../api/types';
import { h, icon } from '../base/dom';
import { format_bytes, format_moment } from '../base/format';
import type { FoundFile } from '../scan/dropped';
import { files_of_input } from '../scan/dropped';
import { kIcons } from './icons';
import { item, with_times } from './item';

const kFirstRows = 6;
const kMostFound = 50;
const kFirstPauseMs = 1000;
const kLongestPauseMs = 60_000;
const kTypingMs = 200;

export interface StartActions {
  files: (files: FoundFile[]) => void;
  study: (study: Study) => void;
  volume: (volume: Volume) => void;
  session: (id: string) => void;
}

const kSteps: readonly [string, string][] = [
  ['Open a scan', 'CT, MR, PET, ultrasound: NIfTI, NRRD, MHA, NumPy, a DICOM folder or its zip.'],
  ['Click the organ', 'A point, box, scribble or lasso in any plane. More clicks correct the mask.'],
  ['Save it', 'NIfTI, NRRD, DICOM SEG or a surface for printing.'],
];

/// The page before a scan is open.
export function start_screen(client: Client, actions: StartActions): HTMLElement {
  const input = (folder: boolean): HTMLInputElement => {
    const element: HTMLInputElement = h('input', { type: 'file', class: 'absent', multiple: true, webkitdirectory: folder, 'aria-hidden': 'true', tabindex: '-1', 'data-folder': String(folder), onchange: () => actions.files(files_of_input(element)) });
    return element;
  };
  const one = input(false);
  const folder = input(true);
  const lists = h('div', { class: 'lists' });
  const root = h('div', { class: 'start' },
    h('div', { class: 'hero' },
      h('h1', {}, 'Click into a scan, see the organ in 3D'),
      h('ol', { class: 'steps' }, ...kSteps.map(([title, text]) => h('li', {}, h('h2', {}, title), h('p', {}, text)))),
      h('div', { class: 'drop' }, icon(kIcons.file),
        h('p', {}, 'Drop a scan here'), h('p', { class: 'muted' }, 'a file, a DICOM folder or a zip. It goes to this server only.'),
        h('div', { class: 'row' },
          h('button', { class: 'primary', onclick: () => one.click() }, 'Open a file'),
          h('button', { onclick: () => folder.click() }, 'Open a DICOM folder')), one, folder)),
    h('div', { class: 'beside' }, lists, slicer_note()));
  void fill_lists(client, actions, lists);
  return root;
}

function slicer_note(): HTMLElement {
  const address = new URL('.', document.baseURI).href.replace(/\/$/, '');
  return h('section', { class: 'list slicer' }, h('h2', {}, 'From 3D Slicer and others'),
    h('p', {}, 'The same server works for the nnInteractive extension of 3D Slicer, ITK-SNAP and MONAI Label. Its address:'),
    h('code', {}, address), h('p', {}, h('a', { href: 'server' }, 'About this server')));
}

/// Fills anew for a while where the server says that there is more: it may still be looking through its folders.
async function fill_lists(client: Client, actions: StartActions, host: HTMLElement): Promise<void> {
  for (let pause = kFirstPauseMs; pause < kLongestPauseMs; pause *= 1.5) {
    const lists = h('div', { class: 'lists' });
    const complete = await read_lists(client, actions, lists);
    const is_searching = host.contains(document.activeElement);
    if (!is_searching && lists.textContent !== host.textContent) host.replaceChildren(...lists.childNodes);
    if (complete) return;
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (!host.isConnected) return;
  }
}

async function read_lists(client: Client, actions: StartActions, host: HTMLElement): Promise<boolean> {
  const [studies, sessions, volumes] = await Promise.allSettled([
    client.json<Studies>('studies'),
    client.json<{ sessions: Session[] }>('sessions'),
    client.json<{ volumes: Volume[] }>('volumes'),
  ]);
  if (volumes.status === 'rejected') host.append(h('p', { class: 'error', role: 'alert' }, describe_error(volumes.reason)));
  if (sessions.status === 'fulfilled') {
    const newest = [...sessions.value.sessions].sort((a, b) => b.created.localeCompare(a.created));
    add_list(host, 'Go on with', newest.map((session) => ({
      picture: kIcons.tag, name: session.name || 'Scan', choose: () => actions.session(session.id),
      detail: [session.segments.map(({ name }) => name).join(', '), session.model_available === false ? `waits for the model ${session.model}` : '', format_moment(session.created)].filter(Boolean).join(' · '),
    })));
  }
  if (studies.status === 'fulfilled') {
    const entry = (study: Study): Entry => ({
      picture: study.source === 'example' ? kIcons.brain : kIcons.server, name: study.name,
      detail: [study.modality, with_times(study.detail ?? '')].filter(Boolean).join(' · '), choose: () => actions.study(study),
    });
    const of = (list: Study[], is_example: boolean): Entry[] => list.filter(({ source }) => (source === 'example') === is_example).map(entry);
    const ask = async (search: string): Promise<Entry[]> => of((await client.json<Studies>('studies', { query: { search } })).studies, false);
    add_list(host, 'Try an example', of(studies.value.studies, true));
    add_list(host, 'Scans on this server', of(studies.value.studies, false), studies.value.complete ? null : ask);
    host.append(...studies.value.problems.map((problem) => h('p', { class: 'error', role: 'alert' }, problem)));
  }
  const known = volumes.status === 'fulfilled' ? volumes.value.volumes : [];
  add_list(host, 'Your scans', known.map((volume) => ({
    picture: kIcons.file, name: volume.name || volume.id.slice(0, 12), choose: () => actions.volume(volume),
    detail: [volume.modality, volume.geometry.shape.join(' × '), format_bytes(volume.bytes)].filter(Boolean).join(' · '),
  })));
  return studies.status === 'rejected' || studies.value.complete;
}

interface Studies {
  studies: Study[];
  complete: boolean;
  problems: string[];
}

interface Entry {
  picture: string;
  name: string;
  detail: string;
  choose: () => void;
}

/// Long lists show their first rows, and can be searched: by `ask` where the server has more than these.
function add_list(host: HTMLElement, title: string, entries: Entry[], ask: ((text: string) => Promise<Entry[]>) | null = null): void {
  if (entries.length === 0) return;
  const rows = h('ul', {});
  const rest = h('button', { class: 'quiet rest', onclick: () => show(entries) });
  const show = (of: Entry[]): void => {
    rows.replaceChildren(...of.map(({ picture, name, detail, choose }) => item(picture, name, detail, choose)));
    if (of.length === 0) rows.append(h('li', { class: 'muted' }, 'None of them.'));
    rest.classList.toggle('absent', of.length > 0 && of.length === entries.length);
    rest.textContent = `Show all ${entries.length}`;
  };
  const section = h('section', { class: 'list' }, h('h2', {}, title));
  if (entries.length > kFirstRows) {
    const find = h('input', { type: 'search', placeholder: `Find among ${entries.length}${ask ? ' and more' : ''}`, 'aria-label': `Find in: ${title}` });
    let timer = 0;
    find.addEventListener('input', () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => void search(find.value.trim()), ask ? kTypingMs : 0);
    });
    const search = async (text: string): Promise<void> => {
      const found = text === '' ? entries.slice(0, kFirstRows) : ask ? await ask(text).catch(() => matching(entries, text)) : matching(entries, text);
      if (find.value.trim() === text) show(found.slice(0, kMostFound));
    };
    section.append(find);
  }
  show(entries.slice(0, entries.length > kFirstRows ? kFirstRows : entries.length));
  section.append(rows, rest);
  host.append(section);
}

function matching(entries: Entry[], text: string): Entry[] {
  const words = text.toLowerCase().split(/\s+/);
  return entries.filter(({ name, detail }) => words.every((word) => `${name} ${detail}`.toLowerCase().includes(word)));
}
