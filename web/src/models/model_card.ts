import type { Client } from '../api/client';
import { ApiError, describe_error } from '../api/client';
import type { Card, Code, Input, Output, OutputStructure, Section } from '../api/hub';
import { read_model } from '../api/hub';
import type { Info } from '../api/types';
import { h } from '../base/dom';
import { run_box } from '../jobs/run_box';
import { chip, kEngines, kModalities, kSources, label_of, licence_chip, outer_link, swatch } from './parts';

type Row = [string, Node | string | null];

/// One model: what goes in, what comes out, what it may be used for, who made it.
export function model_view(client: Client, name: string, source: string | null, back: string): HTMLElement {
  const root = h('div', { class: 'catalogue' }, h('p', {}, h('a', { href: back }, '← All models')), h('p', { class: 'muted', role: 'status' }, 'Reading …'));
  const show = (...parts: Node[]): void => root.replaceChildren(root.firstElementChild!, ...parts);
  Promise.all([read_model(client, name, source), client.json<Info>('info')]).then(
    ([card, { jobs }]) => show(...sections_of(card, jobs ? run_box(client, card) : null)),
    (error: unknown) => show(h('p', { class: 'error', role: 'alert' }, error instanceof ApiError && error.status === 404 ? `The catalogue has no model “${name}”.` : describe_error(error))),
  );
  return root;
}

function sections_of(card: Card, run: HTMLElement | null): Node[] {
  return [
    h('header', { class: 'headline' },
      h('h1', {}, card.title || card.name),
      h('p', { class: 'facts' }, card.kind === 'unknown' ? null : chip(card.kind), ...card.modalities.map((modality) => chip(label_of(kModalities, modality))), licence_chip(card.licence),
        chip(label_of(kEngines, card.engine)), chip(label_of(kSources, card.source)), card.version ? chip(`Version ${card.version}`) : null),
      card.summary ? h('p', { class: 'prose' }, card.summary) : null),
    ...card.warnings.map((warning) => h('p', { class: 'warning' }, warning)),
    h('div', { class: 'card' },
      h('div', { class: 'column wide' }, ...[inputs(card.inputs), ...card.outputs.map(output), ...card.sections.map(section), figures(card)].filter((part) => part !== null)),
      h('aside', { class: 'column', 'aria-label': 'Facts' }, ...[run, licence(card), citation(card), origin(card), training(card), command(card)].filter((part) => part !== null))),
  ];
}

function box(title: string, ...content: (Node | string | null)[]): HTMLElement {
  return h('section', { class: 'box' }, h('h2', {}, title), ...content);
}

function facts(rows: Row[]): HTMLElement | null {
  const known = rows.filter((row): row is [string, Node | string] => row[1] !== null && row[1] !== '');
  return known.length === 0 ? null : h('dl', {}, ...known.flatMap(([term, text]) => [h('dt', {}, term), h('dd', {}, text)]));
}

function boxed(title: string, rows: Row[]): HTMLElement | null {
  const list = facts(rows);
  return list && box(title, list);
}

function inputs(list: readonly Input[]): HTMLElement | null {
  if (list.length === 0) return null;
  const contrast = ({ contrast: yes, non_contrast: no }: Input): string | null =>
    yes === null && no === null ? null : yes && no ? 'with or without' : yes ? 'with contrast agent' : no ? 'without contrast agent' : null;
  return box(list.length === 1 ? 'Input' : `${list.length} inputs`, ...list.map((input) =>
    h('div', { class: 'part' }, input.label || input.description ? h('p', { class: 'prose' }, input.description || input.label) : null,
      facts([
        ['Modality', input.modalities.map((modality) => label_of(kModalities, modality)).join(', ')], ['Format', input.format], ['Body part', input.body_part],
        ['Slice thickness', input.slice_thickness], ['Contrast', contrast(input)],
      ]))));
}

const kOutputs: Readonly<Record<string, string>> = { segmentation: 'Output: segmentation', prediction: 'Output: number', classification: 'Output: class' };

function output(of: Output): HTMLElement {
  const has_labels = of.structures.some(({ label }) => label !== null);
  return box(label_of(kOutputs, of.type),
    of.label || of.description ? h('p', { class: 'prose' }, [of.label, of.description].filter(Boolean).join(': ')) : null,
    of.value_type ? facts([['Value', of.value_type]]) : null,
    of.structures.length === 0 ? null : h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Structures' }, h('table', {},
      h('thead', {}, h('tr', {}, has_labels ? h('th', { scope: 'col' }, 'Label') : null, h('th', { scope: 'col' }, 'Structure'), h('th', { scope: 'col' }, 'Code'))),
      h('tbody', {}, ...of.structures.map((structure) => h('tr', {},
        has_labels ? h('td', { class: 'numbers' }, structure.label === null ? '' : String(structure.label)) : null,
        h('td', {}, h('span', { class: 'row' }, swatch(structure), structure.name)), h('td', {}, codes(structure))))))),
    of.structures.length > 0 && !has_labels ? h('p', { class: 'muted' }, 'Which number stands for which structure is in the file that the model writes.') : null);
}

function codes({ category, type, modifier, region, region_modifier }: OutputStructure): HTMLElement {
  const text = (code: Code | null): string | null => code && `${code.meaning} (${code.scheme} ${code.value})`;
  const whole = [category, type, modifier, region, region_modifier].map(text).filter(Boolean).join(', ');
  const shown = [type, modifier, region, region_modifier].map((code) => code && `${code.scheme} ${code.value}`).filter(Boolean).join(' · ');
  return h('span', { class: 'numbers', title: whole }, shown || '–');
}

function section(of: Section): HTMLElement | null {
  const tables = of.tables.filter(({ entries }) => entries.length > 0);
  if (!of.text && tables.length === 0 && of.references.length === 0) return null;
  return box(of.title || of.key,
    of.text ? h('p', { class: 'prose' }, of.text) : null,
    ...tables.map(({ label, entries }) => h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': label || of.title || 'Table' }, h('table', {},
      label ? h('caption', {}, label) : null,
      h('tbody', {}, ...entries.map(([key, value]) => h('tr', {}, h('th', { scope: 'row' }, key), h('td', {}, value))))))),
    of.references.length > 0 ? h('ul', { class: 'links' }, ...of.references.map(({ label, uri }) => h('li', {}, outer_link(label || uri || '', uri)))) : null);
}

/// Pictures lie on other sites: the page names them and asks for none.
function figures({ figures: list }: Card): HTMLElement | null {
  return list.length === 0 ? null : box('Figures', h('ul', { class: 'links' }, ...list.map(({ title, uri }, n) => h('li', {}, outer_link(title || `Figure ${n + 1}`, uri)))));
}

function licence({ licence: of }: Card): HTMLElement {
  const use = of.commercial_use === null ? 'The card does not say whether the weights may be used commercially.'
    : of.commercial_use ? 'The weights may be used commercially.' : 'The weights are not for commercial use.';
  return box('Licence', h('p', {}, licence_chip(of)), h('p', {}, use), facts([['Weights', of.weights_text ?? of.weights], ['Code', of.code_text ?? of.code]]));
}

function citation({ citation: text, publications }: Card): HTMLElement | null {
  if (!text && publications.length === 0) return null;
  return box('Citation', text ? h('p', { class: 'prose selectable' }, text) : null,
    publications.length > 0 ? h('ul', { class: 'links' }, ...publications.map(({ title, uri }) => h('li', {}, outer_link(title || uri || '', uri)))) : null);
}

function origin(card: Card): HTMLElement | null {
  const link = (label: string, uri: string | null): Node | null => (uri ? outer_link(label, uri) : null);
  const image = card.image && [card.image.name, card.image.tag ? `:${card.image.tag}` : '', card.image.digest ? `@${card.image.digest}` : ''].join('');
  return boxed('Origin', [
    ['Name', h('code', {}, card.name)], ['Authors', card.authors.join(', ')], ['Team', card.team], ['Published', card.dates.published],
    ['Page', link('Model page', card.links.page)], ['Code', link('Source code', card.links.code)], ['Weights', link('Download', card.links.weights)],
    ['Notebook', link('Example', card.links.notebook)], ['Image', image && h('code', {}, image)], ['Folder', card.folder && h('code', {}, card.folder)],
  ]);
}

function training({ network, training_volumes, evaluation_volumes }: Card): HTMLElement | null {
  const number = (n: number | null): string | null => (n === null ? null : n.toLocaleString('en'));
  return boxed('Training', [
    ['Network', network.architecture], ['Training', network.training], ['Approach', network.approach],
    ['Trained on', number(training_volumes)], ['Tested on', number(evaluation_volumes)],
  ]);
}

function command({ name, source }: Card): HTMLElement {
  return box('On the command line', h('code', { class: 'line' }, `sagittal hub show ${name}${source === 'local' ? ' --source local' : ''}`));
}
