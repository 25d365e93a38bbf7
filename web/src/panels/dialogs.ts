import { h, icon } from '../base/dom';
import { kIcons } from './icons';

/// A modal dialog; Escape and the cross close it. `content` gets what closes it.
export function open_dialog(title: string, content: (close: () => void) => Node[], on_close: () => void = () => undefined): HTMLDialogElement {
  const dialog = h('dialog', { 'aria-label': title });
  const close = (): void => dialog.close();
  dialog.append(
    h('header', {}, h('h2', {}, title), h('button', { class: 'quiet', 'aria-label': 'Close', onclick: close }, icon(kIcons.close))),
    ...content(close),
  );
  dialog.addEventListener('close', () => {
    document.body.append(toasts()); // out of it
    dialog.remove();
    on_close();
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/// Asks for the key of a server that wants one; asks again when the dialog is closed without.
export function ask_key(refused: boolean): Promise<string> {
  return new Promise((resolve) => {
    const ask = (): void => {
      const input = h('input', { type: 'password', id: 'key', autocomplete: 'current-password', required: true, autofocus: true });
      let given = '';
      open_dialog(
        'This server asks for a key',
        (close) => [
          h('form', {
            class: 'column',
            onsubmit: (event: Event) => {
              event.preventDefault();
              given = input.value.trim();
              close();
            },
          },
            refused ? h('p', { class: 'error', role: 'alert' }, 'The server does not know that key.') : null,
            h('label', { for: 'key' }, 'Your key'), input,
            h('p', { class: 'muted' }, 'Who runs the server makes one with “sagittal key add NAME”. It stays in this tab until the tab is closed.'),
            h('button', { class: 'primary', type: 'submit' }, 'Continue')),
        ],
        () => (given ? resolve(given) : ask()),
      );
    };
    ask();
  });
}

function toasts(): HTMLElement {
  return document.getElementById('toasts')!;
}

export function clear_toasts(): void {
  toasts().replaceChildren();
}

/// A short message at the bottom; errors stay until they are closed.
export function toast(text: string, is_error = false): void {
  const host = toasts();
  const above = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body; // a dialog covers all outside of it
  if (host.parentElement !== above) above.append(host);
  const item = h('div', { class: is_error ? 'toast bad' : 'toast', role: is_error ? 'alert' : 'status' }, h('span', {}, text));
  item.append(h('button', { class: 'quiet', 'aria-label': 'Dismiss', onclick: () => item.remove() }, icon(kIcons.close)));
  host.append(item);
  while (host.childElementCount > 3) host.firstElementChild!.remove();
  if (!is_error) setTimeout(() => item.remove(), 5000);
}
