import type { Client } from '../api/client';
import { Unreachable, describe_error } from '../api/client';
import type { Job } from '../api/jobs';
import { delete_job, has_ended, list_jobs } from '../api/jobs';
import { h } from '../base/dom';
import { format_moment } from '../base/format';
import { repeat_while_shown } from '../base/while_shown';
import { toast } from '../panels/dialogs';
import { job_address } from './address';
import { job_view } from './job_view';
import { duration, stage_of, state_chip } from './words';

const kPeriodMs = 1000;

/// The page of jobs: all of them, or the one that the address names.
export function jobs_page(client: Client): (parameters: URLSearchParams) => HTMLElement {
  return (parameters) => {
    const id = parameters.get('job');
    return id === null ? list_view(client) : job_view(client, id);
  };
}

function list_view(client: Client): HTMLElement {
  const list = h('ul', { class: 'models jobs' });
  const status = h('p', { class: 'muted', role: 'status' }, 'Reading …');
  const root = h('div', { class: 'catalogue' }, h('h1', {}, 'Jobs'), h('p', { class: 'muted' }, 'Models that you had run on scans, newest first. They go on when this page is closed.'), status, list);
  let drawn = '';
  const show = async (): Promise<void> => {
    try {
      const jobs = await list_jobs(client);
      status.replaceChildren(...(jobs.length > 0 ? [counted(jobs)] : ['Nothing was run yet. ', h('a', { href: '#page=models' }, 'Choose a model'), ' and run it on a scan.']));
      const now = JSON.stringify(jobs.map((job) => [job, has_ended(job) ? '' : duration(job.started, null)]));
      if (now === drawn) return;
      drawn = now;
      const focused = (document.activeElement as HTMLElement | null)?.dataset['focus'];
      list.replaceChildren(...jobs.map((job) => row(client, job, show)));
      if (focused) list.querySelector<HTMLElement>(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
    } catch (error) {
      status.textContent = error instanceof Unreachable ? 'The server does not answer. Trying again …' : describe_error(error);
    }
  };
  repeat_while_shown(root, kPeriodMs, show);
  return root;
}

function counted(jobs: readonly Job[]): string {
  const unfinished = jobs.filter((job) => !has_ended(job)).length;
  return `${jobs.length === 1 ? '1 job' : `${jobs.length} jobs`}${unfinished > 0 ? `, ${unfinished} not finished` : ''}`;
}

function row(client: Client, job: Job, refresh: () => Promise<void>): HTMLElement {
  const name = job.title || job.model;
  const what = has_ended(job) ? 'Remove' : 'Cancel';
  const act = async (): Promise<void> => {
    try {
      await delete_job(client, job.id);
    } catch (error) {
      toast(describe_error(error), true);
    }
    await refresh();
  };
  const time = [format_moment(job.created), job.started ? duration(job.started, job.ended) : ''].filter(Boolean).join(' · ');
  return h('li', {}, h('article', { class: 'model job', 'data-job': job.id },
    h('div', { class: 'about' },
      h('h2', {}, h('a', { href: job_address(job.id), 'data-focus': `job-${job.id}` }, name)),
      h('p', { class: 'summary' }, job.inputs.map(({ description }) => description).join(', ')),
      has_ended(job) ? (job.error ? h('p', { class: 'summary bad' }, job.error.message.split('\n')[0]!) : null) : progress(job)),
    h('div', { class: 'facts' }, state_chip(job), h('small', { class: 'numbers' }, time)),
    h('button', { class: 'small act', 'data-focus': `act-${job.id}`, 'aria-label': `${what}: ${name}`, onclick: () => void act() }, what)));
}

/// The bar of what is being done, with its words.
export function progress(job: Job): HTMLElement {
  const bar = h('progress', { max: 1, 'aria-label': 'Progress', ...(job.started && job.fraction > 0 ? { value: job.fraction } : {}) });
  return h('div', { class: 'row stage' }, bar, h('span', { class: 'muted' }, stage_of(job)), job.started && job.fraction > 0 ? h('span', { class: 'numbers' }, `${Math.round(100 * job.fraction)} %`) : null);
}
