import type { Client } from '../api/client';
import { Unreachable, describe_error } from '../api/client';
import type { Pipeline, StreamSummary } from '../api/streams';
import { delete_stream, list_streams, start_stream } from '../api/streams';
import { h } from '../base/dom';
import { format_moment } from '../base/format';
import { repeat_while_shown } from '../base/while_shown';
import { toast } from '../panels/dialogs';
import { stream_address } from './address';
import { stream_view } from './stream_view';
import { state_chip } from './words';

const kPeriodMs = 2000;

/// The page of streams: all of them and the pipelines there are, or the one that the address names.
export function streams_page(client: Client): (parameters: URLSearchParams) => HTMLElement {
  return (parameters) => {
    const id = parameters.get('stream');
    return id === null ? list_view(client) : stream_view(client, id);
  };
}

function list_view(client: Client): HTMLElement {
  const running = h('ul', { class: 'models' });
  const pipelines = h('ul', { class: 'models' });
  const status = h('p', { class: 'muted', role: 'status' }, 'Reading …');
  const root = h('div', { class: 'catalogue' }, h('h1', {}, 'Streams'),
    h('p', { class: 'muted' }, 'Live pipelines between devices and viewers. They run on the server’s machine and go on when this page is closed.'),
    status, running, h('h2', {}, 'Pipelines'), pipelines);
  let drawn = '';
  const show = async (): Promise<void> => {
    try {
      const found = await list_streams(client);
      status.textContent = found.streams.length === 0 ? 'None runs. Start one of the pipelines below.' : '';
      const now = JSON.stringify([found.streams.map(({ id, state }) => [id, state]), found.pipelines]);
      if (now === drawn) return;
      drawn = now;
      running.replaceChildren(...found.streams.map((stream) => stream_row(client, stream, show)));
      pipelines.replaceChildren(...found.pipelines.map((pipeline) => pipeline_row(client, pipeline)));
      if (found.pipelines.length === 0) pipelines.replaceChildren(h('li', { class: 'muted' }, 'The server has no pipelines.'));
    } catch (error) {
      status.textContent = error instanceof Unreachable ? 'The server does not answer. Trying again …' : describe_error(error);
    }
  };
  repeat_while_shown(root, kPeriodMs, show);
  return root;
}

function stream_row(client: Client, stream: StreamSummary, refresh: () => Promise<void>): HTMLElement {
  const what = stream.ended ? 'Remove' : 'Stop';
  const act = async (): Promise<void> => {
    try {
      await delete_stream(client, stream.id);
    } catch (error) {
      toast(describe_error(error), true);
    }
    await refresh();
  };
  return h('li', {}, h('article', { class: 'model job', 'data-stream': stream.id },
    h('div', { class: 'about' },
      h('h2', {}, h('a', { href: stream_address(stream.id) }, stream.title)),
      h('p', { class: 'summary' }, stream.pipeline)),
    h('div', { class: 'facts' }, state_chip(stream), h('small', { class: 'numbers' }, format_moment(stream.started))),
    h('button', { class: 'small act', 'aria-label': `${what}: ${stream.title}`, onclick: () => void act() }, what)));
}

function pipeline_row(client: Client, pipeline: Pipeline): HTMLElement {
  const button: HTMLButtonElement = h('button', {
    class: 'small act primary',
    disabled: pipeline.problem !== null,
    'aria-label': `Start: ${pipeline.title}`,
    onclick: async () => {
      button.disabled = true;
      try {
        location.hash = stream_address((await start_stream(client, pipeline.name)).id);
      } catch (error) {
        toast(describe_error(error), true);
        button.disabled = false;
      }
    },
  }, 'Start');
  return h('li', {}, h('article', { class: 'model job', 'data-pipeline': pipeline.name },
    h('div', { class: 'about' },
      h('h2', {}, pipeline.title),
      h('p', { class: 'summary' }, pipeline.problem ?? pipeline.description)),
    h('div', { class: 'facts' }, h('small', {}, pipeline.name)), button));
}
