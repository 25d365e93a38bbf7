import type { Client } from '../api/client';
import type { Index3 } from '../api/types';
import { h } from '../base/dom';
import { is_inside } from '../scan/planes';
import { value_at } from '../scan/scan';
import type { ToolName, ViewState } from '../work/view_state';
import type { Work } from '../work/work';

const kLookHint = 'Click to move the crosshair. Wheel: slices, Ctrl wheel: zoom, right drag: window.';
const kHints: Record<ToolName, { positive: string; negative: string }> = {
  point: { positive: 'Click into the organ. Right click where it should not be.', negative: 'Click where the mask should not be. Right click into the organ.' },
  box: { positive: 'Drag a box around the organ on one slice.', negative: 'Drag a box around what does not belong to the organ.' },
  scribble: { positive: 'Paint a stroke inside the organ.', negative: 'Paint over what does not belong to the organ.' },
  lasso: {
    positive: 'Draw around the organ on one slice; or set corners with clicks and finish with a double click.',
    negative: 'Draw around what does not belong to the organ; or set corners with clicks and finish with a double click.',
  },
  move: { positive: kLookHint, negative: kLookHint },
};

const kStages: Record<string, string> = { waiting: 'Thinking', zooming: 'Looking at the whole organ', refining: 'Refining' };
const kShowAfterMs = 150;

/// The line below the planes: what to do, what is running, the value under the pointer.
export function status_bar(client: Client, work: Work, state: ViewState): { root: HTMLElement; hover: (ijk: Index3 | null) => void; stop: () => void } {
  const hint = h('span', { class: 'hint' });
  const value = h('output', { class: 'numbers' });
  const stage = h('span', {});
  const bar = h('progress', { max: 1, 'aria-label': 'Prediction' });
  const cancel = h('button', { class: 'small', onclick: () => void work.cancel() }, 'Cancel');
  const busy = h('span', { class: 'busy absent', role: 'status' }, stage, bar, cancel);
  const away = h('span', { class: 'away absent', role: 'alert' }, 'The server does not answer. Trying again …');
  const show_hint = (): void => void (hint.textContent = kHints[state.tool.value][state.positive.value ? 'positive' : 'negative']);
  let timer = 0;
  const endings = [
    state.tool.watch(show_hint),
    state.positive.watch(show_hint),
    work.running_count.watch((count) => (document.body.dataset['running'] = String(count))),
    client.online.watch((online) => away.classList.toggle('absent', online)),
    work.task.watch((task) => {
      clearTimeout(timer);
      if (!task) {
        busy.classList.add('absent');
        return;
      }
      timer = window.setTimeout(() => busy.classList.remove('absent'), Math.max(0, kShowAfterMs - (performance.now() - task.since)));
      stage.textContent = kStages[task.stage] ?? task.stage;
      if (task.fraction === null) bar.removeAttribute('value');
      else bar.value = task.fraction;
    }),
  ];
  const root = h('footer', { class: 'status' }, away, busy, hint, value);
  return {
    root,
    hover(ijk) {
      const inside = ijk && is_inside(work.scan.geometry.shape, ijk);
      value.value = inside ? `${ijk.join(', ')}  ·  ${Number(value_at(work.scan, ijk).toPrecision(6))}${work.scan.modality === 'CT' ? ' HU' : ''}` : '';
    },
    stop: () => endings.forEach((end) => end()),
  };
}
