import type { Client } from '../api/client';
import { read_log } from '../api/jobs';
import { h } from '../base/dom';

const kPeriodMs = 1000;
const kMostCharacters = 200_000;

/// What a job says, once somebody opens it; it grows while the job runs.
export function log_view(client: Client, id: string): { root: HTMLElement; is_running: (running: boolean) => void } {
  const text = h('pre', { class: 'log', tabindex: '0', role: 'log', 'aria-label': 'Log' });
  const decoder = new TextDecoder();
  let from = 0;
  let running = false;
  let reading = false;
  const read = async (): Promise<void> => {
    if (reading) return;
    reading = true;
    try {
      const bytes = await read_log(client, id, from);
      from += bytes.byteLength;
      append(text, decoder.decode(bytes, { stream: true }));
    } catch {
      // asked again while the job runs, and when it is opened again
    } finally {
      reading = false;
    }
  };
  const go_on = async (): Promise<void> => {
    while (root.open && root.isConnected) {
      await read();
      if (!running) break;
      await new Promise((resolve) => setTimeout(resolve, kPeriodMs));
    }
    if (text.textContent === '') text.textContent = 'Nothing was said.\n';
  };
  const root = h('details', { class: 'box', ontoggle: () => void go_on() }, h('summary', {}, 'Log'), text);
  return {
    root,
    is_running(now) {
      if (running && !now && root.open) void read();
      running = now;
    },
  };
}

function append(to: HTMLElement, more: string): void {
  if (more === '') return;
  const at_end = to.scrollTop + to.clientHeight >= to.scrollHeight - 4;
  const all = (to.textContent ?? '') + more;
  to.textContent = all.length > kMostCharacters ? all.slice(all.indexOf('\n', all.length - kMostCharacters) + 1) : all;
  if (at_end) to.scrollTop = to.scrollHeight;
}
