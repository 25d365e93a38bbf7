import type { Client } from './api/client';
import { ApiError, Unreachable, describe_error } from './api/client';
import { download_voxels } from './api/download';
import { open_session } from './api/session';
import type { Session, Volume } from './api/types';
import { upload_volume } from './api/upload';
import { h, icon } from './base/dom';
import { format_bytes } from './base/format';
import { clear_toasts, toast } from './panels/dialogs';
import { open_help } from './panels/help';
import { kIcons } from './panels/icons';
import { kPages, navigation, page_of_address } from './panels/navigation';
import type { Loading } from './panels/loading';
import { loading_screen } from './panels/loading';
import { masks_of_file } from './work/masks_of_file';
import { open_save } from './panels/save';
import { choose_model } from './panels/model';
import { choose_part } from './panels/part';
import { open_share, segment_of_address, session_of_address } from './panels/share';
import { start_screen } from './panels/start';
import { Workspace } from './panels/workspace';
import type { FoundFile } from './scan/dropped';
import { files_of_drop, files_of_input } from './scan/dropped';
import type { Scan } from './scan/scan';
import { read_nifti } from './scan/scan';
import { zip_files } from './scan/zip';
import { remember_loaded } from './work/loaded';
import { Work } from './work/work';

/// The page: what is open, and the ways to open something.
export class App {
  workspace: Workspace | null = null;
  private readonly main = h('main', {});
  private readonly title = h('p', { class: 'title' });
  private readonly actions: HTMLElement;
  private readonly pages: ReturnType<typeof navigation>;
  /// Ends what is being opened.
  private opening = new AbortController();
  private is_start = false;
  private readonly views = new Map<string, (parameters: URLSearchParams) => HTMLElement>();

  constructor(
    private readonly client: Client,
    host: HTMLElement,
  ) {
    const action = (picture: string, label: string, run: () => void): HTMLElement => h('button', { onclick: run }, icon(picture), label);
    this.actions = h('div', { class: 'row actions' },
      action(kIcons.open, 'Open', () => this.close()),
      action(kIcons.share, 'Share', () => this.workspace && void open_share(client, this.workspace.work)),
      action(kIcons.save, 'Save', () => this.workspace && open_save(this.workspace.work)));
    const brand = h('a', { class: 'brand', href: './', 'aria-label': 'Sagittal, start page', onclick: (event: Event) => {
      event.preventDefault();
      this.close();
    } }, icon('M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20|M12 2v20|M2 12h20'), 'Sagittal');
    this.pages = navigation(client);
    for (const { name, view } of kPages) if (view) this.views.set(name, view(client));
    host.append(
      h('header', { class: 'top' }, brand, this.pages.root, this.title, this.actions,
        h('button', { class: 'quiet', title: 'Keys and mouse (?)', 'aria-label': 'Keys and mouse', onclick: open_help }, icon(kIcons.help))),
      this.main);
    this.accept_drops();
    window.addEventListener('hashchange', () => void this.follow_address());
  }

  async follow_address(): Promise<void> {
    const id = session_of_address();
    const page = page_of_address();
    if (page) {
      this.show_page(page.name, page.parameters);
    } else if (!id) {
      if (!this.is_start) this.show_start();
    } else if (id !== this.workspace?.work.session.id) {
      await this.open_session(id);
    }
  }

  close(): void {
    if (location.hash) location.hash = '';
    this.show_start();
  }

  async open_files(files: FoundFile[]): Promise<void> {
    if (files.length === 0) return;
    const name = files.length === 1 ? files[0]!.file.name : (files[0]!.path.split('/')[0] ?? 'Folder');
    await this.open(name, async (loading, signal) => {
      const file = files.length === 1 ? files[0]!.file : await zip_files(files, (done, total) => loading.say(`Reading ${done} of ${total} files`, done, total));
      loading.say('Looking whether the server has it …');
      return upload_volume(this.client, file, files.length === 1 ? name : `${name}.zip`, (done, total) =>
        loading.say(done < total ? `Sending ${format_bytes(done)} of ${format_bytes(total)}` : 'The server reads it …', done, total), signal);
    });
  }

  private show_page(name: string, parameters: URLSearchParams): void {
    const view = this.views.get(name);
    if (!view) return this.show_start();
    this.opening.abort();
    this.leave();
    this.pages.go_to(name);
    this.main.replaceChildren(view(parameters));
    document.title = `${kPages.find((page) => page.name === name)!.label} – Sagittal`;
  }

  private show_start(): void {
    this.opening.abort();
    this.leave();
    this.is_start = true;
    this.pages.go_to('segment', '#');
    this.main.replaceChildren(start_screen(this.client, {
      files: (files) => void this.open_files(files),
      study: (study) => void this.open(study.name, (loading, signal) => {
        loading.say('The server loads it …');
        return this.client.json<Volume>('volumes', { method: 'POST', query: { study: study.id }, signal });
      }),
      volume: (volume) => void this.open(volume.name, () => Promise.resolve(volume)),
      session: (id) => (location.hash = `session=${id}`),
    }));
  }

  /// A new session on the volume that `bring` gets.
  private async open(name: string, bring: (loading: Loading, signal: AbortSignal) => Promise<Volume>): Promise<void> {
    await this.load(name, async (loading, signal) => {
      const volume = await bring(loading, signal);
      const part = signal.aborted ? null : await choose_part(volume);
      const model = part && await choose_model(this.client);
      if (model === null) return null;
      return { session: await open_session(this.client, volume, { ...part, ...(model && { model }) }), modality: volume.modality };
    });
  }

  private async open_session(id: string): Promise<void> {
    await this.load('Session', async () => {
      const session = await this.client.json<Session>(`sessions/${id}`);
      const modality = await this.client.json<Volume>(`volumes/${session.volume}`).then((volume) => volume.modality, () => null); // a colleague's
      return { session, modality };
    });
  }

  private async load(name: string, find: (loading: Loading, signal: AbortSignal) => Promise<{ session: Session; modality: string | null } | null>): Promise<void> {
    this.opening.abort();
    const { signal } = (this.opening = new AbortController());
    const loading = loading_screen(name, () => this.close());
    this.pages.go_to('segment');
    clear_toasts();
    this.leave();
    this.main.replaceChildren(loading.root);
    try {
      const found = await find(loading, signal);
      if (signal.aborted) return;
      if (!found) return this.close();
      const { session, modality } = found;
      const file = await download_voxels(this.client, `sessions/${session.id}`, (done, total) => loading.say(`Receiving ${format_bytes(done)}`, done, total));
      const scan = read_nifti(file, { name: session.name, modality }, session.geometry);
      if (!signal.aborted) await this.show_work(scan, session, signal);
    } catch (error) {
      if (signal.aborted) return;
      toast(explain(error, name), true);
      this.close();
    }
  }

  private async show_work(scan: Scan, session: Session, signal: AbortSignal): Promise<void> {
    const work = new Work(this.client, session, scan, toast);
    await work.start(segment_of_address());
    if (signal.aborted) return work.stop();
    remember_loaded(session, scan.modality);
    this.workspace = new Workspace(this.client, work, () => this.start_from_mask(work));
    this.main.replaceChildren(this.workspace.root);
    const { shape, spacing_mm } = scan.geometry;
    this.title.replaceChildren(h('strong', {}, scan.name || 'Scan'), ` ${scan.modality ? `${scan.modality} · ` : ''}${shape.join(' × ')} · ${spacing_mm.map((mm) => Number(mm.toFixed(2))).join(' × ')} mm`);
    document.body.classList.add('working');
    document.title = `${scan.name || 'Scan'} – Sagittal`;
    const address = `#session=${session.id}`;
    this.pages.go_to('segment', address);
    if (location.hash !== address) history.pushState(null, '', address);
  }

  private leave(): void {
    this.workspace?.stop();
    this.workspace = null;
    this.is_start = false;
    document.body.classList.remove('working');
    document.title = 'Sagittal';
    this.title.replaceChildren();
  }

  private start_from_mask(work: Work): void {
    const input: HTMLInputElement = h('input', { type: 'file', onchange: () => void this.take_mask(work, files_of_input(input)) });
    input.click();
  }

  private async take_mask(work: Work, files: FoundFile[]): Promise<void> {
    const file = files[0];
    if (!file) return;
    try {
      const masks = await masks_of_file(this.client, file.file, work.session.geometry);
      for (const mask of masks) await work.add_segment(mask);
      toast(masks.length === 1 ? 'The mask is a new segment.' : `The file's ${masks.length} labels are new segments.`);
    } catch (error) {
      toast(explain(error, file.file.name), true);
    }
  }

  private accept_drops(): void {
    let depth = 0;
    const mark = (): void => void document.body.classList.toggle('dropping', depth > 0);
    document.addEventListener('dragenter', () => {
      depth += 1;
      mark();
    });
    document.addEventListener('dragleave', () => {
      depth -= 1;
      mark();
    });
    document.addEventListener('dragover', (event) => event.preventDefault());
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      depth = 0;
      mark();
      if (event.dataTransfer) void files_of_drop(event.dataTransfer).then((files) => this.open_files(files));
    });
  }
}

function explain(error: unknown, name: string): string {
  if (error instanceof Unreachable) return error.message;
  if (error instanceof ApiError && error.status === 404) return `${name}: the server does not have it any more.`;
  const text = describe_error(error);
  if (text.toLowerCase().startsWith(name.toLowerCase())) return name + text.slice(name.length);
  return `${name}: ${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}
