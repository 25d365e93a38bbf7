import type { Client } from '../api/client';
import { ApiError, describe_error } from '../api/client';
import type { Backends, Card, RunInputs } from '../api/hub';
import { read_backends, read_inputs } from '../api/hub';
import type { Job, NewJob, Terms } from '../api/jobs';
import { start_job } from '../api/jobs';
import { h } from '../base/dom';
import { job_address } from './address';
import type { InputChoice } from './input_choice';
import { input_choice } from './input_choice';
import { ask_licence } from './licence_dialog';
import type { PlaceChoice } from './place_choice';
import { place_choice } from './place_choice';
import type { ScanGroup } from './scans';
import { find_scans } from './scans';

/// Runs the card's model on scans of this server.
export function run_box(client: Client, card: Card): HTMLElement {
  const root = h('section', { class: 'box run', 'aria-label': 'Run' }, h('h2', {}, 'Run on a scan'));
  if (card.kind === 'interactive') {
    root.append(h('p', {}, 'This model answers prompts: ', h('a', { href: '#' }, 'open a scan'), ' and click into the organ.'));
    return root;
  }
  const place = h('div', { class: 'column' }, h('p', { class: 'muted', role: 'status' }, 'Looking for scans …'));
  root.append(place);
  find_scans(client).then(
    (groups) => place.replaceChildren(groups.length > 0 ? new RunForm(client, card, groups).root : nothing()),
    (error: unknown) => place.replaceChildren(h('p', { class: 'error', role: 'alert' }, describe_error(error))),
  );
  return root;
}

function nothing(): HTMLElement {
  return h('p', {}, 'There is no scan here yet. ', h('a', { href: '#' }, 'Open one'), ', then come back: it will be offered.');
}

/// Asks for what the chosen workflow reads, and for what runs it; says before the run what does not fit.
class RunForm {
  readonly root: HTMLElement;
  private readonly problem = h('p', { class: 'error', role: 'alert' });
  private readonly button = h('button', { class: 'primary', type: 'submit', disabled: true }, 'Run');
  private readonly inputs_place = h('div', {}, h('p', { class: 'muted', role: 'status' }, 'Asking what it reads …'));
  private readonly backend_place = h('div', {});
  private readonly workflow: { root: HTMLElement | null; value: () => string };
  private choice: InputChoice | null = null;
  private place: PlaceChoice;
  private licence: Terms | null = null;
  private busy = false;

  constructor(
    private readonly client: Client,
    private readonly card: Card,
    private readonly groups: readonly ScanGroup[],
  ) {
    this.workflow = workflow_choice(card, () => void this.read());
    this.place = this.show_place(null);
    this.root = h('form', { class: 'column', onsubmit: (event: Event) => {
      event.preventDefault();
      void this.run();
    } }, this.workflow.root, this.inputs_place, this.backend_place, this.problem, this.button);
    void this.read();
    void read_backends(client).then((backends) => (this.place = this.show_place(backends)), (error: unknown) => this.say(describe_error(error)));
  }

  private show_place(backends: Backends | null): PlaceChoice {
    const place = place_choice(this.card, backends);
    this.backend_place.replaceChildren(place.root);
    queueMicrotask(() => this.look());
    return place;
  }

  /// What the chosen workflow reads.
  private async read(): Promise<void> {
    const workflow = this.workflow.value();
    this.choice = null;
    this.look();
    try {
      const inputs = await read_inputs(this.client, this.card, workflow);
      if (workflow === this.workflow.value()) this.show_inputs(inputs);
    } catch (error) {
      if (workflow === this.workflow.value()) this.inputs_place.replaceChildren(h('p', { class: 'error', role: 'alert' }, describe_error(error)));
    }
  }

  private show_inputs(inputs: RunInputs): void {
    this.licence = inputs.licence;
    this.choice = input_choice(inputs, this.groups, () => queueMicrotask(() => this.look()));
    this.inputs_place.replaceChildren(this.choice.root);
    this.button.textContent = inputs.inputs.length > 1 ? 'Run on these scans' : 'Run on this scan';
    this.look();
  }

  private look(): void {
    const obstacle = this.place.problem() || this.choice?.problem();
    this.button.disabled = this.busy || this.choice === null || Boolean(obstacle);
    this.say(this.place.problem()); // what is wrong with a scan is said beside it
  }

  private say(text: string): void {
    this.problem.textContent = text;
  }

  private async run(): Promise<void> {
    if (!this.choice || this.busy) return;
    this.busy = true;
    this.look();
    let failure = '';
    try {
      const workflow = this.workflow.value();
      const job = await this.submit({ model: this.card.name, source: this.card.source, ...(workflow ? { workflow } : {}), ...this.place.value(), inputs: this.choice.value() });
      if (job) location.hash = job_address(job.id);
    } catch (error) {
      failure = describe_error(error);
    } finally {
      this.busy = false;
      this.look();
      if (failure) this.say(failure);
    }
  }

  /// Null where the licence is not accepted.
  private async submit(job: NewJob): Promise<Job | null> {
    const title = this.card.title || this.card.name;
    if (this.licence) {
      if (!(await ask_licence(title, this.licence))) return null;
      return start_job(this.client, { ...job, accept_licence: true });
    }
    try {
      return await start_job(this.client, job);
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'licence_not_accepted')) throw error; // it changed meanwhile
      if (!(await ask_licence(title, error.details['licence'] as Terms))) return null;
      return start_job(this.client, { ...job, accept_licence: true });
    }
  }
}

function workflow_choice({ workflows }: Card, on_change: () => void): { root: HTMLElement | null; value: () => string } {
  if (workflows.length < 2) return { root: null, value: () => '' };
  const about = h('small', {});
  const look = (): void => void (about.textContent = workflows.find(({ name }) => name === select.value)?.description ?? '');
  const select: HTMLSelectElement = h('select', { id: 'workflow', onchange: () => {
    look();
    on_change();
  } }, ...workflows.map(({ name }) => h('option', { value: name }, name)));
  look();
  return { root: h('div', { class: 'filter' }, h('label', { for: select.id }, 'Workflow'), select, about), value: () => select.value };
}
