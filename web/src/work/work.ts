import type { Client } from '../api/client';
import { ApiError, Unreachable, describe_error } from '../api/client';
import { follow_session } from '../api/events';
import type { MaskReply, NewSegment } from '../api/session';
import { SessionApi } from '../api/session';
import type { Prompt, Reply, Segment, Session, SessionEvent } from '../api/types';
import { Observable } from '../base/observable';
import { decode_base64 } from '../scan/bits';
import type { Scan } from '../scan/scan';
import { next_colour } from './palette';
import { SegmentState } from './segment';

/// So many masks are asked for together.
const kMany = 3;

/// A prediction that is on its way.
export interface Task {
  segment: number;
  stage: string;
  fraction: number | null;
  since: number;
}

/// One scan that is being segmented: the session on the server and what this page shows of it. Prompts may be given
/// while another one runs; what the network loses is asked again.
export class Work {
  readonly segments = new Observable<SegmentState[]>([]);
  readonly active = new Observable<number>(0);
  readonly task = new Observable<Task | null>(null);
  /// Set at each change of what masks and prompts look like.
  readonly shown = new Observable(0);
  readonly api: SessionApi;
  /// Predictions on their way, those that were overtaken too.
  readonly running_count = new Observable(0);
  private events: { stop: () => void } | null = null;
  private revision: number;

  constructor(
    private readonly client: Client,
    readonly session: Session,
    readonly scan: Scan,
    private readonly tell: (message: string, is_error?: boolean) => void,
  ) {
    this.api = new SessionApi(client, session.id);
    this.revision = session.revision;
  }

  /// Brings the masks of a session that exists; a new one gets its first segment. `active`: the one to work on.
  async start(active: number | null = null): Promise<void> {
    await this.take_segments(this.session.segments, true);
    if (this.segments.value.length === 0) await this.add_segment();
    this.active.set((this.find(active ?? -1) ?? this.segments.value[0]!).number);
    this.active.watch((n) => void this.pay_prompts(n));
    this.events = follow_session(this.client, this.session.id, (event) => void this.on_event(event));
  }

  stop(): void {
    this.events?.stop();
  }

  private get running(): number {
    return this.running_count.value;
  }

  get active_segment(): SegmentState | undefined {
    return this.find(this.active.value);
  }

  async add_segment(wanted: NewSegment = {}): Promise<void> {
    const used = this.segments.value.map((segment) => segment.info.colour);
    const made = await this.persist(() => this.api.add_segment({ colour: next_colour(used), ...wanted }));
    await this.take(made, true);
    this.active.set(made.number);
  }

  async change_segment(n: number, change: NewSegment): Promise<void> {
    const info = await this.persist(() => this.api.change_segment(n, change));
    const segment = this.find(n);
    if (!segment) return;
    segment.info = { ...segment.info, name: info.name, colour: info.colour, term: info.term };
    segment.serial += 1;
    this.refresh();
  }

  async remove_segment(n: number): Promise<void> {
    await this.persist(() => this.api.remove_segment(n));
    this.forget(n);
    if (this.segments.value.length === 0) await this.add_segment();
  }

  toggle_visible(n: number): void {
    const segment = this.find(n);
    if (!segment) return;
    segment.visible = !segment.visible;
    segment.serial += 1;
    this.refresh();
  }

  /// Gives the active segment a prompt; resolves when its mask is shown, or it was given up.
  async prompt(prompt: Prompt): Promise<void> {
    const segment = this.active_segment;
    if (!segment) return;
    if (!segment.visible) this.toggle_visible(segment.number);
    segment.prompts = [...segment.prompts, prompt];
    this.refresh();
    await this.predict(segment, () => this.api.prompt(segment.number, prompt), () => {
      segment.prompts = segment.prompts.filter((other) => other !== prompt);
    });
  }

  /// Undo of a prediction that still runs stops it.
  async step(what: 'undo' | 'redo' | 'reset'): Promise<void> {
    const segment = this.active_segment;
    if (!segment) return;
    if (this.task.value) {
      await this.cancel();
      if (what !== 'reset') return;
    }
    if (what === 'undo' && !segment.info.can_undo) return;
    if (what === 'redo' && !segment.info.can_redo) return;
    await this.predict(segment, () => this.api.step(segment.number, what), () => undefined);
    await this.load_prompts(segment);
    this.refresh();
  }

  async cancel(): Promise<void> {
    const task = this.task.value;
    if (!task) return;
    try {
      await this.api.cancel(task.segment);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) this.tell(describe_error(error), true);
    }
  }

  find(n: number): SegmentState | undefined {
    return this.segments.value.find((segment) => segment.number === n);
  }

  private async predict(segment: SegmentState, ask: () => Promise<MaskReply>, give_up: () => void): Promise<void> {
    this.running_count.set(this.running + 1);
    this.task.set({ segment: segment.number, stage: 'waiting', fraction: null, since: performance.now() });
    try {
      const answer = await this.ask_through_losses(segment, ask);
      if (answer) this.take_mask(segment, answer.reply, answer.packed);
    } catch (error) {
      const superseded = error instanceof ApiError && error.code === 'cancelled' && error.details['superseded'] === true;
      if (!superseded) {
        give_up();
        if (!(error instanceof ApiError && error.code === 'cancelled')) this.tell(describe_error(error), true);
      }
    } finally {
      this.running_count.set(this.running - 1);
      if (this.running === 0) {
        segment.drop_preview();
        this.task.set(null);
      }
      this.refresh();
    }
  }

  /// Null where the server had done it before the answer was lost; the segment is up to date then.
  private async ask_through_losses(segment: SegmentState, ask: () => Promise<MaskReply>): Promise<MaskReply | null> {
    const before = segment.mask_revision;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        await this.client.until_online();
        const now = await this.persist(() => this.api.segment(segment.number));
        if (now.revision <= before) continue;
        await this.load(segment, now);
        return null;
      }
    }
  }

  /// Calls until the server is there.
  private async persist<T>(call: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        await this.client.until_online();
      }
    }
  }

  private async on_event(event: SessionEvent): Promise<void> {
    if (event.type === 'hello') {
      if (event.revision !== this.revision && this.running === 0) await this.catch_up();
    } else if (event.type === 'progress') {
      const task = this.task.value;
      if (task?.segment === event.segment) this.task.set({ ...task, stage: event.stage, fraction: event.fraction });
    } else if (event.type === 'mask') {
      await this.on_mask(event);
    } else if (event.type === 'error') {
      this.end_preview(event.segment);
    } else if (event.type === 'segments') {
      await this.take_segments(event.segments, false);
    } else if (event.type === 'closed') {
      this.tell('This session was closed.', true);
      this.stop();
    }
  }

  private async on_mask(event: Extract<SessionEvent, { type: 'mask' }>): Promise<void> {
    const segment = this.find(event.segment);
    if (!segment) return;
    if (event.coarse) {
      segment.apply_preview(event.request, event.bounds, decode_base64(event.mask));
      this.refresh();
    } else if (event.revision > segment.mask_revision) {
      const by_others = this.running === 0;
      this.take_mask(segment, event, decode_base64(event.mask));
      if (by_others) await this.load_prompts(segment);
      this.refresh();
    } else {
      this.end_preview(event.segment); // the mask came with the answer, or the prediction was stopped
    }
  }

  private end_preview(n: number): void {
    this.find(n)?.drop_preview();
    this.refresh();
  }

  private async catch_up(): Promise<void> {
    const session = await this.persist(() => this.api.describe());
    this.revision = session.revision;
    await this.take_segments(session.segments, true);
  }

  private async take_segments(list: Segment[], with_masks: boolean): Promise<void> {
    const news = list.filter((info) => info.voxels > 0 && this.is_news(info, with_masks));
    const masks = news.length < kMany ? null : await this.persist(() => this.api.whole_masks());
    for (const info of list) await this.take(info, with_masks, masks?.get(info.number));
    for (const segment of [...this.segments.value]) {
      if (!list.some((info) => info.number === segment.number)) this.forget(segment.number);
    }
  }

  private is_news(info: Segment, with_mask: boolean): boolean {
    const segment = this.find(info.number);
    return !segment || (with_mask && info.revision > segment.mask_revision);
  }

  /// `with_mask`: also what its prompts made of it, where that is news. `mask`: what the server has, where it was asked
  /// for already.
  private async take(info: Segment, with_mask: boolean, mask?: MaskReply): Promise<void> {
    const is_news = this.is_news(info, with_mask);
    let segment = this.find(info.number);
    if (!segment) {
      segment = new SegmentState(info);
      const others = this.segments.value.filter((other) => other.number !== info.number);
      this.segments.set([...others, segment].sort((a, b) => a.number - b.number));
    }
    const looked = segment.info;
    segment.info = { ...looked, name: info.name, colour: info.colour, term: info.term };
    if (is_news) await this.load(segment, info, mask);
    if (is_news || looked.colour !== info.colour) segment.serial += 1; // else its pictures are as they were
    this.refresh();
  }

  private async load(segment: SegmentState, info: Segment, mask?: MaskReply): Promise<void> {
    if (info.voxels > 0 || segment.info.voxels > 0) {
      const { reply, packed } = mask ?? (await this.persist(() => this.api.whole_mask(segment.number)));
      segment.replace(reply, packed);
    }
    segment.owes_prompts = info.prompts > 0 || segment.prompts.length > 0;
    if (segment.owes_prompts && this.active.value === segment.number) await this.load_prompts(segment);
    segment.info = { ...segment.info, can_undo: info.can_undo, can_redo: info.can_redo, revision: info.revision };
    segment.mask_revision = Math.max(segment.mask_revision, info.revision);
  }

  /// The prompts of a segment that is worked on now.
  private async pay_prompts(n: number): Promise<void> {
    const segment = this.find(n);
    if (!segment?.owes_prompts) return;
    try {
      await this.load_prompts(segment);
      this.refresh();
    } catch (error) {
      this.tell(describe_error(error), true);
    }
  }

  private async load_prompts(segment: SegmentState): Promise<void> {
    const given: Prompt[] = [];
    for (const prompt of await this.persist(() => this.api.prompts(segment.number))) {
      if (prompt.type === 'undo') given.pop();
      else given.push(prompt);
    }
    segment.prompts = given;
    segment.owes_prompts = false;
  }

  private take_mask(segment: SegmentState, reply: Reply, packed: Uint8Array<ArrayBuffer>): void {
    if (reply.revision <= segment.mask_revision) return; // came as an event already
    segment.apply(reply, packed);
  }

  private forget(n: number): void {
    this.segments.set(this.segments.value.filter((segment) => segment.number !== n));
    if (this.active.value === n) this.active.set(this.segments.value[0]?.number ?? 0);
    this.refresh();
  }

  private refresh(): void {
    this.shown.set(this.shown.value + 1);
  }
}
