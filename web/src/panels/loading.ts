import { h } from '../base/dom';

/// What is shown while a scan comes.
export interface Loading {
  root: HTMLElement;
  say: (text: string, done?: number, total?: number) => void;
}

export function loading_screen(title: string, cancel: () => void): Loading {
  const text = h('p', { role: 'status' }, 'Reading …');
  const bar = h('progress', { max: 1, 'aria-label': 'Loading' });
  const root = h('div', { class: 'loading' }, h('h2', {}, title), text, bar, h('button', { onclick: cancel }, 'Cancel'));
  return {
    root,
    say(now, done, total) {
      text.textContent = now;
      if (done === undefined || !total) bar.removeAttribute('value');
      else bar.value = Math.min(1, done / total);
    },
  };
}
