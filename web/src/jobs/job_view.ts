import type { Client } from '../api/client';
import { ApiError, Unreachable, describe_error } from '../api/client';
import type { Job } from '../api/jobs';
import { delete_job, follow_job, has_ended, read_job } from '../api/jobs';
import { h } from '../base/dom';
import { format_bytes, format_moment } from '../base/format';
import { while_shown } from '../base/while_shown';
import { model_address } from '../models/address';
import { toast } from '../panels/dialogs';
import { kJobs } from './address';
import { progress } from './jobs_page';
import { log_view } from './log_view';
import { open_all, result_view } from './results';
import { json_tree } from './tree';
import { backend_label, duration, state_chip } from './words';

const kLookMs = 5000;

/// One job: how far it is, what it said, what came out and how.
export function job_view(client: Client, id: string): HTMLElement {
  const place = h('div', { class: 'column job-view' }, h('p', { class: 'muted', role: 'status' }, 'Reading …'));
  const log = log_view(client, id);
  const root = h('div', { class: 'catalogue' }, h('p', {}, h('a', { href: kJobs }, '← All jobs')), place, log.root);
  log.root.classList.add('absent');
  let drawn = '';
  const show = (job: Job): void => {
    const now = JSON.stringify([job, has_ended(job)]);
    if (now === drawn) return;
    drawn = now;
    log.root.classList.remove('absent');
    log.is_running(!has_ended(job));
    place.replaceChildren(...sections_of(client, job));
  };
  const fail = (error: unknown): void => {
    log.root.classList.add('absent');
    place.replaceChildren(h('p', { class: 'error', role: 'alert' }, error instanceof ApiError && error.status === 404 ? 'This job is not there any more.' : describe_error(error)));
  };
  const read = async (): Promise<Job | null> => {
    for (;;) {
      try {
        const job = await read_job(client, id);
        show(job);
        return job;
      } catch (error) {
        if (!(error instanceof Unreachable)) {
          fail(error);
          return null;
        }
        await client.until_online();
      }
    }
  };
  while_shown(root, () => {
    let events: { stop: () => void } | null = null;
    let stopped = false;
    let timer = 0;
    void read().then((job) => {
      if (!job || has_ended(job) || stopped) return;
      const end = (): void => {
        clearInterval(timer);
        events?.stop();
        void read(); // with its record
      };
      events = follow_job(client, id, (changed) => (changed && !has_ended(changed) ? show(changed) : end()));
      timer = window.setInterval(() => void read().then((now) => (!now || has_ended(now)) && end()), kLookMs); // where an event was lost
    });
    return () => {
      stopped = true;
      clearInterval(timer);
      events?.stop();
      log.is_running(false);
    };
  });
  return root;
}

function sections_of(client: Client, job: Job): Node[] {
  const model = h('a', { href: model_address(job.model, job.source) }, 'The model');
  const facts: [string, string][] = [
    ['Scan', job.inputs.map(({ role, description }) => (role ? `${role}: ${description}` : description)).join(', ')],
    ['Workflow', job.workflow], ['Runs with', job.backend ? backend_label(job.backend) : ''], ['On', job.on === 'slurm' ? 'the cluster' : ''],
    ['Asked for', format_moment(job.created)], ['Took', job.ended && job.started ? duration(job.started, job.ended) : ''],
    ['Kept', job.bytes > 0 ? format_bytes(job.bytes) : ''],
  ];
  return [
    h('header', { class: 'headline' },
      h('h1', {}, job.title || job.model),
      h('p', { class: 'facts', role: 'status' }, state_chip(job)),
      has_ended(job) ? null : progress(job)),
    ...(job.error ? [h('p', { class: 'warning bad', role: 'alert' }, job.error.message)] : []),
    ...job.notes.map((note) => h('p', { class: 'warning' }, note)),
    ...[open_all(client, job)].filter((all) => all !== null),
    ...job.outputs.map((output) => result_view(client, job, output)),
    h('section', { class: 'box' }, h('h2', {}, 'Job'),
      h('dl', {}, ...facts.filter(([, text]) => text !== '').flatMap(([term, text]) => [h('dt', {}, term), h('dd', {}, text)])),
      h('div', { class: 'row' }, model.getAttribute('href') ? model : null, end_button(client, job))),
    ...(job.record ? [h('details', { class: 'box record' }, h('summary', {}, 'How it was made'), json_tree(job.record))] : []),
  ];
}

function end_button(client: Client, job: Job): HTMLElement {
  const remove = has_ended(job);
  const button: HTMLButtonElement = h('button', {
    class: 'small',
    onclick: async () => {
      button.disabled = true;
      try {
        await delete_job(client, job.id);
        if (remove) location.hash = kJobs;
      } catch (error) {
        button.disabled = false;
        toast(describe_error(error), true);
      }
    },
  }, remove ? 'Remove with its files' : 'Cancel');
  return button;
}
