import type { Client } from '../api/client';
import { describe_error } from '../api/client';
import type { Session, Study, Volume } from '../api/types';
import { h, icon } from '../base/dom';
import { format_bytes } from '../base/format';
import type { FoundFile } from '../scan/dropped';
import { files_of_input } from '../scan/dropped';
import { kIcons } from './icons';

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
    h('div', {}, lists, slicer_note()));
  void fill_lists(client, actions, lists);
  return root;
}

function slicer_note(): HTMLElement {
  const address = new URL('.', document.baseURI).href.replace(/\/$/, '');
  return h('section', { class: 'list slicer' }, h('h2', {}, 'From 3D Slicer and others'),
    h('p', {}, 'The same server works for the nnInteractive extension of 3D Slicer, ITK-SNAP and MONAI Label. Its address:'),
    h('code', {}, address), h('p', {}, h('a', { href: 'server' }, 'About this server')));
}

async function fill_lists(client: Client, actions: StartActions, host: HTMLElement): Promise<void> {
  const get = async <T>(path: string, key: string): Promise<T[]> => ((await client.json<Record<string, T[]>>(path))[key] ?? []) as T[];
  const [studies, sessions, volumes] = await Promise.allSettled([get<Study>('studies', 'studies'), get<Session>('sessions', 'sessions'), get<Volume>('volumes', 'volumes')]);
  const failed = volumes.status === 'rejected' ? volumes.reason : null;
  if (failed) host.append(h('p', { class: 'error', role: 'alert' }, describe_error(failed)));
  const known = volumes.status === 'fulfilled' ? volumes.value : [];
  if (studies.status === 'fulfilled') {
    const examples = studies.value.filter(({ source }) => source === 'example');
    const others = studies.value.filter(({ source }) => source !== 'example');
    add_list(host, 'Try an example', examples.map((study) => item(kIcons.brain, study.name, study.detail ?? study.modality ?? '', () => actions.study(study))));
    add_list(host, 'Scans on this server', others.map((study) => item(kIcons.server, study.name, study.detail ?? study.modality ?? '', () => actions.study(study))));
  }
  if (sessions.status === 'fulfilled') {
    const named = sessions.value.filter((session) => session.segments.length > 0);
    add_list(host, 'Go on with', named.map((session) => {
      const segments = session.segments.map(({ name }) => name).join(', ');
      return item(kIcons.tag, session.name || 'Scan', segments, () => actions.session(session.id));
    }));
  }
  add_list(host, 'Your scans', known.map((volume) =>
    item(kIcons.file, volume.name || volume.id.slice(0, 12), `${volume.modality ? `${volume.modality} · ` : ''}${volume.geometry.shape.join(' × ')} · ${format_bytes(volume.bytes)}`, () => actions.volume(volume))));
}

function add_list(host: HTMLElement, title: string, items: HTMLElement[]): void {
  if (items.length > 0) host.append(h('section', { class: 'list' }, h('h2', {}, title), h('ul', {}, ...items)));
}

function item(picture: string, title: string, detail: string, open: () => void): HTMLElement {
  return h('li', {}, h('button', { class: 'item', onclick: open }, icon(picture), h('span', {}, title), h('small', {}, detail)));
}
