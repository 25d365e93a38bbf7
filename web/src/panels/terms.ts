import type { Client } from '../api/client';
import { describe_error } from '../api/client';
import { search_terms } from '../api/session';
import type { Term } from '../api/types';
import { h } from '../base/dom';
import type { SegmentState } from '../work/segment';
import type { Work } from '../work/work';
import { open_dialog } from './dialogs';

const kPauseMs = 150;

/// Name, term and colour of a segment: typed freely, or taken from the standard terminology.
export function open_naming(client: Client, work: Work, segment: SegmentState): void {
  open_dialog('Name this segment', (close) => {
    const list = h('ul', { class: 'terms', role: 'listbox', id: 'terms', 'aria-label': 'Terms' });
    const input = h('input', { id: 'term', type: 'text', value: segment.info.name, autocomplete: 'off', autofocus: true, role: 'combobox', 'aria-controls': 'terms', 'aria-expanded': 'true', 'aria-describedby': 'term-hint' });
    let terms: Term[] = [];
    let chosen = -1;
    let asked = 0;
    const take = (term: Term): void => {
      close();
      void work.change_segment(segment.number, { name: term.name, term: term.id, colour: term.colour });
    };
    const mark = (n: number): void => {
      chosen = n;
      [...list.children].forEach((item, at) => item.setAttribute('aria-selected', String(at === n)));
      list.children[n]?.scrollIntoView({ block: 'nearest' });
      if (n >= 0) input.setAttribute('aria-activedescendant', `term-${n}`);
      else input.removeAttribute('aria-activedescendant');
    };
    const search = async (): Promise<void> => {
      const mine = ++asked;
      try {
        const text = input.value.trim();
        const found = await search_terms(client, text);
        if (mine !== asked) return;
        terms = nearest_first(found, text);
        list.replaceChildren(...terms.map((term, n) =>
          h('li', { role: 'option', id: `term-${n}`, 'aria-selected': 'false', onclick: () => take(term) },
            h('span', { class: 'swatch', style: { background: term.colour } }), h('span', {}, term.name), h('small', {}, term.type ? `${term.type.scheme} ${term.type.value}` : ''))));
        if (terms.length === 0) list.append(h('li', { class: 'muted' }, 'No term; the name is kept as it is typed.'));
        mark(terms[0]?.name.toLowerCase() === text.toLowerCase() ? 0 : -1);
      } catch (error) {
        list.replaceChildren(h('li', { class: 'error' }, describe_error(error)));
      }
    };
    let timer = 0;
    const search_now = async (): Promise<void> => {
      clearTimeout(timer);
      timer = 0;
      await search();
    };
    input.addEventListener('input', () => {
      clearTimeout(timer);
      timer = window.setTimeout(() => void search_now(), kPauseMs);
    });
    input.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
        event.preventDefault();
        mark(Math.max(-1, Math.min(terms.length - 1, chosen + (event.key === 'ArrowDown' ? 1 : -1))));
      }
    });
    queueMicrotask(() => input.select());
    void search();
    return [
      h('form', {
        class: 'column',
        onsubmit: async (event: Event) => {
          event.preventDefault();
          if (timer) await search_now();
          const term = terms[chosen];
          if (term) return take(term);
          close();
          const name = input.value.trim();
          if (name && name !== segment.info.name) void work.change_segment(segment.number, { name });
        },
      },
        h('label', { for: 'term' }, 'Name, or search: liver, left kidney, …'), input,
        h('p', { class: 'muted', id: 'term-hint' }, 'A term brings its SNOMED CT code and colour. Choose with the arrow keys, take with Enter.'),
        list,
        h('button', { class: 'primary', type: 'submit' }, 'Take name')),
    ];
  });
}

/// The name itself, names that begin so, names that hold it, the others.
function nearest_first(terms: readonly Term[], text: string): Term[] {
  const wanted = text.toLowerCase();
  const rank = ({ name }: Term): number => {
    const at = name.toLowerCase().indexOf(wanted);
    return name.length === wanted.length && at === 0 ? 0 : at === 0 ? 1 : at > 0 ? 2 : 3;
  };
  return [...terms].sort((a, b) => rank(a) - rank(b));
}
