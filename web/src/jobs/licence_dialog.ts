import type { Terms } from '../api/jobs';
import { h } from '../base/dom';
import { open_dialog } from '../panels/dialogs';

/// Whether a person accepts the licence; closing the dialog is no.
export function ask_licence(model: string, { id, text, commercial_use }: Terms): Promise<boolean> {
  return new Promise((resolve) => {
    let accepted = false;
    const use = commercial_use === null ? 'It does not say whether the model may be used commercially.'
      : commercial_use ? 'The model may be used commercially.' : 'The model is not for commercial use.';
    open_dialog('Accept the licence?', (close) => [
      h('p', {}, `${model} comes under a licence of its own. Who runs it is bound by that.`),
      h('section', { class: 'box', 'aria-label': 'Licence' }, h('h2', {}, id), h('p', { class: 'prose' }, text), h('p', { class: commercial_use === false ? 'notice' : '' }, use)),
      h('div', { class: 'row ends' },
        h('button', { onclick: close }, 'Not now'),
        h('button', { class: 'primary', autofocus: true, onclick: () => {
          accepted = true;
          close();
        } }, 'Accept and run')),
      h('p', { class: 'muted' }, 'This server remembers it for you, and asks again when the licence changes.'),
    ], () => resolve(accepted));
  });
}
