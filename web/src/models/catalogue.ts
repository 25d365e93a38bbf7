import type { Client } from '../api/client';
import { describe_error } from '../api/client';
import type { Catalogue, Entry, Filters } from '../api/hub';
import { search_models } from '../api/hub';
import { h } from '../base/dom';
import { format_day } from '../base/format';
import { model_address } from './address';
import { chip, kEngines, kModalities, kSources, label_of, licence_chip, swatch } from './parts';

const kTypingMs = 200;
const kMostStructures = 8;
const kLicences: Readonly<Record<string, string>> = { commercial: 'Commercial use allowed', 'non-commercial': 'Non-commercial only', unknown: 'Not stated' };

/// The list of models with its filters. `on_change` hears what is filtered.
export function catalogue_view(client: Client, start: Filters, on_change: (filters: Filters) => void): HTMLElement {
  const filters = { ...start };
  const results = h('ul', { class: 'models' });
  const count = h('p', { class: 'muted', role: 'status' }, 'Reading the catalogue …');
  const note = h('div', { class: 'note-of' });
  let asked = new AbortController();
  const show = async (): Promise<void> => {
    asked.abort();
    const { signal } = (asked = new AbortController());
    try {
      const found = await search_models(client, filters, signal);
      count.textContent = found.models.length === found.total ? `${found.total} models` : `${found.models.length} of ${found.total} models`;
      note.replaceChildren(...notes(found));
      results.replaceChildren(...found.models.map(row));
      if (found.total > 0 && found.models.length === 0) results.append(h('li', { class: 'muted' }, 'No model fits all of this. Take a filter away.'));
    } catch (error) {
      if (signal.aborted) return;
      count.textContent = '';
      note.replaceChildren(h('p', { class: 'error', role: 'alert' }, describe_error(error)));
    }
  };
  const changed = (): void => {
    on_change(filters);
    void show();
  };
  const form = filter_form(filters, changed);
  void show();
  void search_models(client, {}).then(form.offer, () => undefined);
  return h('div', { class: 'catalogue' },
    h('h1', {}, 'Models'),
    h('p', { class: 'muted' }, 'Trained networks for whole organs and lesions: what each finds, on which images, and what its licence allows.'),
    form.root, h('div', { class: 'found' }, count, note), results);
}

function filter_form(filters: Filters, changed: () => void): { root: HTMLElement; offer: (all: Catalogue) => void } {
  let timer = 0;
  const take = (name: keyof Filters, value: string, pause: number): void => {
    filters[name] = value;
    clearTimeout(timer);
    timer = window.setTimeout(changed, pause);
  };
  const text = (name: 'search' | 'structure', label: string, placeholder: string): HTMLElement => {
    const input: HTMLInputElement = h('input', { type: 'search', id: `filter-${name}`, value: filters[name], placeholder, oninput: () => take(name, input.value.trim(), kTypingMs) });
    return h('div', { class: `filter ${name}` }, h('label', { for: input.id }, label), input);
  };
  const selects = new Map<keyof Filters, { select: HTMLSelectElement; labels: Readonly<Record<string, string>> }>();
  const choice = (name: keyof Filters, label: string, labels: Readonly<Record<string, string>>, values: readonly string[]): HTMLElement => {
    const select: HTMLSelectElement = h('select', { id: `filter-${name}`, onchange: () => take(name, select.value, 0) });
    selects.set(name, { select, labels });
    fill(select, labels, values, filters[name]);
    return h('div', { class: `filter ${name}` }, h('label', { for: select.id }, label), select);
  };
  const clear = (): void => {
    for (const name of Object.keys(filters) as (keyof Filters)[]) filters[name] = '';
    root.querySelectorAll<HTMLInputElement | HTMLSelectElement>('input, select').forEach((field) => (field.value = ''));
    changed();
  };
  const root = h('form', { class: 'filters', role: 'search', onsubmit: (event: Event) => event.preventDefault() },
    text('search', 'Search', 'pancreas, lung nodule, author …'),
    text('structure', 'Structure or code', 'kidney, SCT:64033007'),
    choice('modality', 'Modality', kModalities, []), choice('body_part', 'Body part', {}, []),
    choice('licence', 'Licence of the weights', kLicences, Object.keys(kLicences)),
    choice('engine', 'Engine', kEngines, []), choice('source', 'Source', kSources, Object.keys(kSources)),
    h('button', { type: 'button', onclick: clear }, 'Clear'));
  return {
    root,
    offer(all) {
      const offers: Partial<Record<keyof Filters, string[]>> = {
        modality: all.models.flatMap(({ modalities }) => modalities),
        body_part: all.models.flatMap(({ body_parts }) => body_parts),
        engine: all.models.map(({ engine }) => engine),
      };
      for (const [name, values] of Object.entries(offers) as [keyof Filters, string[]][]) {
        const { select, labels } = selects.get(name)!;
        fill(select, labels, [...new Set(values)].sort(), filters[name]);
      }
    },
  };
}

/// "Any", the values, and the one that is chosen even where no model has it.
function fill(select: HTMLSelectElement, labels: Readonly<Record<string, string>>, values: readonly string[], chosen: string): void {
  const all = chosen && !values.includes(chosen) ? [...values, chosen] : values;
  select.replaceChildren(h('option', { value: '' }, 'Any'), ...all.map((value) => h('option', { value }, label_of(labels, value))));
  select.value = chosen;
}

function notes({ total, synced }: Catalogue): Node[] {
  if (synced) return [h('p', { class: 'muted from' }, `MHub's ${synced.models} models of ${format_day(synced.time)}, from ${synced.from}`)];
  return [h('section', { class: 'hint-box' },
    h('h2', {}, total > 0 ? 'Only the models of this server are listed' : 'The catalogue is empty'),
    h('p', {}, 'Who runs this server fills it with MHub\'s models, once and whenever they should be renewed:'),
    h('code', {}, 'sagittal hub sync'),
    h('p', {}, 'Checkpoint folders of nnU-Net and nnInteractive in the folder of models are listed by themselves.'))];
}

function row(entry: Entry): HTMLElement {
  const more = entry.structures.length - kMostStructures;
  return h('li', {}, h('article', { class: 'model' },
    h('div', { class: 'about' },
      h('h2', {}, h('a', { href: model_address(entry.name, entry.source) }, entry.title || entry.name)),
      entry.summary ? h('p', { class: 'summary' }, entry.summary) : null,
      entry.structures.length > 0 ? h('ul', { class: 'structures', 'aria-label': 'Finds' },
        ...entry.structures.slice(0, kMostStructures).map((structure) => h('li', {}, swatch(structure), structure.name)),
        more > 0 ? h('li', { class: 'muted' }, `and ${more} more`) : null) : null),
    h('div', { class: 'facts' },
      ...entry.modalities.map((modality) => chip(label_of(kModalities, modality))),
      licence_chip(entry.licence), chip(label_of(kEngines, entry.engine)), chip(label_of(kSources, entry.source)))));
}
