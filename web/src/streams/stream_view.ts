import type { Client } from '../api/client';
import { ApiError, Unreachable, describe_error } from '../api/client';
import type { OperatorParameter, Stream } from '../api/streams';
import { delete_stream, follow_stream, parameters_of_types, read_picture, read_stream } from '../api/streams';
import { h } from '../base/dom';
import { while_shown } from '../base/while_shown';
import { toast } from '../panels/dialogs';
import { kStreams } from './address';
import { graph_of } from './graph';
import { settings_of } from './settings';
import { state_chip, time_text } from './words';

const kPicturePauseMs = 60;
const kPictureRetryMs = 1000;

/// One pipeline: its graph with what each operator does, a live picture, its settings.
export function stream_view(client: Client, id: string): HTMLElement {
  const head = h('header', { class: 'headline' });
  const graph = h('div', { class: 'scroll graph-place' });
  const paths = h('section', { class: 'box' });
  const settings = h('div', {});
  const log = h('pre', { class: 'log', tabindex: '0', role: 'log', 'aria-label': 'Log' });
  const live = live_picture(client, id);
  const body = h('div', { class: 'column' }, head, h('section', { class: 'box' }, h('h2', {}, 'Pipeline'), graph),
    h('div', { class: 'card' }, h('div', { class: 'column' }, live.root, paths), settings),
    h('details', { class: 'box' }, h('summary', {}, 'Log'), log));
  const root = h('div', { class: 'catalogue stream-view' }, h('p', {}, h('a', { href: kStreams }, '← All streams')), body);
  body.classList.add('absent');

  let before: { stream: Stream; at: number } | null = null;
  let types: Map<string, OperatorParameter[]> | null = null;
  const draw_settings = (stream: Stream): void => {
    if (stream.ended) settings.replaceChildren();
    else if (types) settings.replaceChildren(settings_of(client, stream, types, show));
  };
  const show = (stream: Stream): void => {
    body.classList.remove('absent');
    const now = performance.now();
    head.replaceChildren(
      h('div', { class: 'row ends-apart' }, h('h1', {}, stream.title), stop_button(client, stream)),
      h('p', { class: 'facts', role: 'status' }, state_chip(stream), h('span', { class: 'chip numbers' }, `${stream.elapsed_s.toFixed(0)} s`)),
      stream.why ? h('p', { class: `warning ${stream.state === 'failed' ? 'bad' : ''}` }, stream.why) : '');
    graph.replaceChildren(graph_of(stream, before?.stream ?? null, before ? (now - before.at) / 1000 : 0));
    paths.replaceChildren(...paths_of(stream));
    log.textContent = stream.log.length > 0 ? `${stream.log.join('\n')}\n` : 'Nothing was said.\n';
    live.offer(stream);
    if (!before || before.stream.ended !== stream.ended) draw_settings(stream);
    before = { stream, at: now };
  };
  const read = async (): Promise<Stream | null> => {
    for (;;) {
      try {
        types ??= await parameters_of_types(client);
        const stream = await read_stream(client, id);
        show(stream);
        return stream;
      } catch (error) {
        if (!(error instanceof Unreachable)) {
          root.replaceChildren(root.firstElementChild!, h('p', { class: 'error', role: 'alert' },
            error instanceof ApiError && error.status === 404 ? 'This stream is not there any more.' : describe_error(error)));
          return null;
        }
        await client.until_online();
      }
    }
  };
  while_shown(root, () => {
    let events: { stop: () => void } | null = null;
    let stopped = false;
    void read().then((stream) => {
      if (!stream || stream.ended || stopped) return;
      events = follow_stream(client, id, (changed) => {
        if (changed) return show(changed);
        events?.stop();
        void read();
      });
      live.run();
    });
    return () => {
      stopped = true;
      events?.stop();
      live.stop();
    };
  });
  return root;
}

function paths_of(stream: Stream): Node[] {
  if (stream.paths.length === 0) return [h('h2', {}, 'Latency'), h('p', { class: 'muted' }, 'No message has come to its end yet.')];
  const cell = (text: string): HTMLElement => h('td', { class: 'numbers' }, text);
  return [h('h2', {}, 'Latency from the source to the end'),
    h('table', {}, h('thead', {}, h('tr', {}, ...['Way', 'Messages', 'Half are below', '99 % are below', 'Longest'].map((text) => h('th', {}, text)))),
      h('tbody', {}, ...stream.paths.map(({ path, messages, latency }) => h('tr', {}, h('th', {}, path.replaceAll('->', '→')),
        cell(String(messages)), ...(latency.count > 0 ? [latency.p50_ms, latency.p99_ms, latency.max_ms].map((ms) => cell(time_text(ms))) : [cell('–'), cell('–'), cell('–')])))))];
}

function stop_button(client: Client, stream: Stream): HTMLElement {
  const button: HTMLButtonElement = h('button', {
    class: 'small',
    onclick: async () => {
      button.disabled = true;
      try {
        await delete_stream(client, stream.id);
        location.hash = kStreams;
      } catch (error) {
        button.disabled = false;
        toast(describe_error(error), true);
      }
    },
  }, stream.ended ? 'Remove' : 'Stop');
  return button;
}

/// The frames of a flow that a person chose, as fast as the server sends them.
function live_picture(client: Client, id: string): { root: HTMLElement; offer: (stream: Stream) => void; run: () => void; stop: () => void } {
  const image = h('img', { class: 'live', alt: 'The last frame' });
  const none = h('p', { class: 'muted' }, 'No frame has come yet.');
  const choice: HTMLSelectElement = h('select', { 'aria-label': 'Flow to look at' });
  const root = h('section', { class: 'box' }, h('div', { class: 'row ends-apart' }, h('h2', {}, 'Live'), choice), image, none);
  image.classList.add('absent');
  let running = false;
  let address = '';
  let offered = '';
  const show = (picture: Blob): void => {
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(picture);
    image.src = address;
    image.classList.remove('absent');
    none.classList.add('absent');
  };
  const go_on = async (): Promise<void> => {
    while (running) {
      let pause = kPictureRetryMs;
      try {
        if (choice.value !== '' && !document.hidden) {
          show(await read_picture(client, id, Number(choice.value)));
          pause = kPicturePauseMs;
        }
      } catch {
        // none came yet, or the stream ended: the page says so
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  };
  return {
    root,
    offer(stream) {
      const frames = stream.flows.map(({ flow, type }, number) => ({ flow, type, number })).filter(({ type }) => type === 'frame');
      root.classList.toggle('absent', frames.length === 0);
      const now = JSON.stringify(frames);
      if (now === offered) return;
      offered = now;
      choice.replaceChildren(...frames.map(({ flow, number }) => h('option', { value: String(number) }, flow.replace('->', '→'))));
      choice.value = String(frames[frames.length - 1]?.number ?? '');
    },
    run() {
      if (running) return;
      running = true;
      void go_on();
    },
    stop() {
      running = false;
      if (address) URL.revokeObjectURL(address);
    },
  };
}
