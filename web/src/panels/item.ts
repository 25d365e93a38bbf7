import { h, icon } from '../base/dom';

/// A row to choose from: a picture, a name that may be long, and what is known of it. `detail` may be empty.
export function item(picture: string, name: string, detail: string, choose: () => void): HTMLElement {
  return h('li', {}, h('button', { class: 'item', title: name, onclick: choose },
    icon(picture), h('span', { class: 'what' }, h('span', { class: 'item-name' }, name), detail ? h('small', {}, detail) : null)));
}

/// "512 x 512 x 78" with the sign that the page uses everywhere.
export function with_times(text: string): string {
  return text.replace(/(\d) x (?=\d)/g, '$1 × ');
}
