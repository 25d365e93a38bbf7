import type { Part } from '../api/session';
import type { Series, Volume } from '../api/types';
import { h } from '../base/dom';
import { open_dialog } from './dialogs';
import { kIcons } from './icons';
import { item } from './item';

/// Which of several series or pictures; null where the dialog is closed.
export async function choose_part(volume: Volume): Promise<Part | null> {
  if ((volume.series?.length ?? 0) > 1) return choose_series(volume.series!);
  if (volume.frames > 1) return choose_frame(volume.frames);
  return {};
}

function choose_series(list: readonly Series[]): Promise<Part | null> {
  return new Promise((resolve) => {
    let chosen: Part | null = null;
    open_dialog('Which series?', (close) => [
      h('ul', { class: 'choices' }, ...list.map(({ uid, description, shape }) =>
        item(kIcons.file, description || 'Series without a name', shape.join(' × '), () => {
          chosen = { series: uid };
          close();
        }))),
    ], () => resolve(chosen));
  });
}

function choose_frame(frames: number): Promise<Part | null> {
  return new Promise((resolve) => {
    let chosen: Part | null = null;
    const number = h('input', { type: 'number', id: 'frame', min: 1, max: frames, value: String(Math.ceil(frames / 2)), autofocus: true });
    open_dialog('Which picture?', (close) => [
      h('form', {
        class: 'column',
        onsubmit: (event: Event) => {
          event.preventDefault();
          chosen = { frame: Number(number.value) - 1 };
          close();
        },
      },
        h('label', { for: 'frame' }, `This file holds ${frames} pictures of one place. Which one is segmented?`), number,
        h('button', { class: 'primary', type: 'submit' }, 'Open')),
    ], () => resolve(chosen));
  });
}
