import type { StreamSummary } from '../api/streams';
import { h } from '../base/dom';

const kStates: Record<string, [string, string]> = {
  running: ['running', 'Running'],
  finished: ['done', 'Finished'],
  stopped: ['cancelled', 'Stopped'],
  'time limit': ['cancelled', 'Time is over'],
  deadlock: ['failed', 'Deadlock'],
  failed: ['failed', 'Failed'],
};

export function state_chip({ state }: Pick<StreamSummary, 'state'>): HTMLElement {
  const [look, label] = kStates[state] ?? ['', state];
  return h('span', { class: `chip state ${look}` }, label);
}

/// "4.1 ms", "38 µs".
export function time_text(ms: number): string {
  if (ms >= 100) return `${ms.toFixed(0)} ms`;
  if (ms >= 1) return `${ms.toFixed(1)} ms`;
  return `${(ms * 1000).toFixed(0)} µs`;
}

export function rate_text(per_second: number): string {
  return `${per_second >= 100 ? per_second.toFixed(0) : per_second.toFixed(1)}/s`;
}
