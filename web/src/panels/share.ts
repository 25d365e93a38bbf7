import type { Client } from '../api/client';
import { describe_error } from '../api/client';
import { h } from '../base/dom';
import type { Work } from '../work/work';
import { open_dialog, toast } from './dialogs';

/// The address of this session for a colleague.
export async function open_share(client: Client, work: Work): Promise<void> {
  try {
    await work.api.share();
  } catch (error) {
    toast(describe_error(error), true);
    return;
  }
  const address = session_address(work.session.id);
  open_dialog('Work on this together', () => {
    const field = h('input', { type: 'text', readonly: true, value: address, 'aria-label': 'Address of this session', onfocus: () => field.select() });
    return [
      h('p', {}, client.key ? 'Who has this address and a key of their own for this server sees the scan and its segments, and can change them.' : 'Who has this address and reaches this server sees the scan and its segments, and can change them.'),
      h('div', { class: 'row' }, field, h('button', {
        class: 'primary', autofocus: true,
        onclick: () => {
          field.select();
          if (navigator.clipboard) void navigator.clipboard.writeText(address);
          else document.execCommand('copy'); // pages without TLS have no clipboard
          toast('Copied.');
        },
      }, 'Copy')),
      h('p', { class: 'muted' }, location.hostname === 'localhost' || location.hostname === '127.0.0.1' ? 'This address is for this computer only; with --host the server lets others in.' : ''),
    ];
  });
}

export function session_address(id: string): string {
  const url = new URL(document.baseURI);
  url.hash = `session=${id}`;
  return url.href;
}

/// The session that the page's address names.
export function session_of_address(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get('session');
}

/// The segment that the address says to work on.
export function segment_of_address(): number | null {
  const text = new URLSearchParams(location.hash.slice(1)).get('segment');
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}
