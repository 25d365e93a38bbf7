import type { Client } from '../api/client';
import { Unreachable } from '../api/client';
import type { Info } from '../api/types';
import { h } from '../base/dom';
import { jobs_page } from '../jobs/jobs_page';
import { models_page } from '../models/models_page';
import { streams_page } from '../streams/streams_page';

/// A place of its own in this program.
export interface Page {
  name: string;
  label: string;
  address: string;
  /// Makes a view that an address #page=NAME&… opens; what is without is the scan's own page, or another document.
  view?: (client: Client) => (parameters: URLSearchParams) => HTMLElement;
  /// Whether this server has the part that the page is for.
  is_here: (info: Info) => boolean;
}

/// In the order of the navigation.
export const kPages: readonly Page[] = [
  { name: 'segment', label: 'Segment', address: '#', is_here: () => true },
  { name: 'models', label: 'Models', address: '#page=models', view: models_page, is_here: ({ hub }) => hub !== undefined },
  { name: 'jobs', label: 'Jobs', address: '#page=jobs', view: jobs_page, is_here: ({ jobs }) => !!jobs },
  { name: 'streams', label: 'Streams', address: '#page=streams', view: streams_page, is_here: ({ parts }) => parts?.includes('streams') === true },
  { name: 'server', label: 'Server', address: 'server', is_here: () => true },
];

/// Links to what the server has, once it has said so. `go_to` marks the page that is open; `address` is where its link
/// leads from now on.
export function navigation(client: Client): { root: HTMLElement; go_to: (name: string, address?: string) => void } {
  const root = h('nav', { class: 'pages', 'aria-label': 'Pages' });
  const addresses = new Map(kPages.map(({ name, address }) => [name, address]));
  let current = '';
  let here: readonly Page[] = [];
  const show = (): void =>
    root.replaceChildren(...here.map(({ name, label }) => h('a', { href: addresses.get(name), 'aria-current': name === current && 'page' }, label)));
  const ask = async (): Promise<void> => {
    try {
      const info = await client.json<Info>('info');
      here = kPages.filter((page) => page.is_here(info));
      show();
    } catch (error) {
      if (!(error instanceof Unreachable)) return; // what else is asked for says why
      await client.until_online();
      await ask();
    }
  };
  void ask();
  return {
    root,
    go_to(name, address) {
      current = name;
      if (address !== undefined) addresses.set(name, address);
      show();
    },
  };
}

/// What the page's address names with #page=NAME&…
export function page_of_address(): { name: string; parameters: URLSearchParams } | null {
  const parameters = new URLSearchParams(location.hash.slice(1));
  const name = parameters.get('page');
  return name === null ? null : { name, parameters };
}
