import type { Call, Client } from './client';
import { decode_base64 } from '../scan/bits';
import type { Bounds, MaskFormat, Prompt, Reply, Segment, Session, Term, Volume } from './types';

export interface MaskReply {
  reply: Reply;
  packed: Uint8Array<ArrayBuffer>;
}

export interface NewSegment {
  name?: string;
  colour?: string;
  term?: string;
  mask?: { bounds: Bounds; mask: string };
}

const kBytes = { Accept: 'application/octet-stream' };

/// The calls about one session.
export class SessionApi {
  constructor(
    private readonly client: Client,
    readonly id: string,
  ) {}

  describe(): Promise<Session> {
    return this.client.json<Session>(`sessions/${this.id}`);
  }

  share(): Promise<Session> {
    return this.client.json<Session>(`sessions/${this.id}`, { method: 'PATCH', json: { shared: true } });
  }

  add_segment(segment: NewSegment): Promise<Segment> {
    return this.client.json<Segment>(`sessions/${this.id}/segments`, { method: 'POST', json: segment });
  }

  segment(n: number): Promise<Segment> {
    return this.client.json<Segment>(this.path(n));
  }

  change_segment(n: number, change: NewSegment): Promise<Segment> {
    return this.client.json<Segment>(this.path(n), { method: 'PATCH', json: change });
  }

  async remove_segment(n: number): Promise<void> {
    await this.client.call(this.path(n), { method: 'DELETE' });
  }

  /// Without an initial mask.
  async prompts(n: number): Promise<Prompt[]> {
    const file = await this.client.json<{ prompts: Prompt[] }>(`${this.path(n)}/prompts`, { query: { mask: false } });
    return file.prompts;
  }

  /// A prediction that runs for this segment is given up; its prompt counts for this one.
  prompt(n: number, prompt: Prompt): Promise<MaskReply> {
    return this.mask_call(`${this.path(n)}/prompts`, { query: { supersede: true }, json: prompt });
  }

  step(n: number, what: 'undo' | 'redo' | 'reset'): Promise<MaskReply> {
    return this.mask_call(`${this.path(n)}/${what}`, { method: 'POST' });
  }

  async cancel(n: number): Promise<void> {
    await this.client.call(`${this.path(n)}/prediction`, { method: 'DELETE' });
  }

  whole_mask(n: number): Promise<MaskReply> {
    return this.mask_call(`${this.path(n)}/mask`, { query: { format: 'bits' } });
  }

  /// Of all segments, by their numbers.
  async whole_masks(): Promise<Map<number, MaskReply>> {
    const { segments } = await this.client.json<{ segments: (Reply & { number: number; mask: string })[] }>(`sessions/${this.id}/mask`, { query: { format: 'bits' } });
    return new Map(segments.map((reply) => [reply.number, { reply, packed: decode_base64(reply.mask) }]));
  }

  /// `n` null: all segments in one file.
  async mask_file(n: number | null, format: MaskFormat): Promise<Blob> {
    const path = n === null ? `sessions/${this.id}/mask` : `${this.path(n)}/mask`;
    return (await this.client.call(path, { query: { format } })).blob();
  }

  async prompts_file(n: number): Promise<Blob> {
    return (await this.client.call(`${this.path(n)}/prompts`)).blob();
  }

  private path(n: number): string {
    return `sessions/${this.id}/segments/${n}`;
  }

  private async mask_call(path: string, options: Call): Promise<MaskReply> {
    const response = await this.client.call(path, { ...options, headers: kBytes });
    const reply = JSON.parse(response.headers.get('Sagittal-Reply') ?? 'null') as Reply | null;
    if (!reply) throw new Error('The server sent a mask without its description.');
    return { reply, packed: new Uint8Array(await response.arrayBuffer()) };
  }
}

/// What of a volume is meant, where it holds several series or pictures, and which model works on it.
export interface Part {
  series?: string;
  frame?: number;
  model?: string;
}

export function open_session(client: Client, volume: Volume, part: Part): Promise<Session> {
  return client.json<Session>('sessions', { method: 'POST', json: { volume: volume.id, ...part } });
}

export async function search_terms(client: Client, text: string): Promise<Term[]> {
  return (await client.json<{ terms: Term[] }>('terms', { query: { search: text } })).terms;
}
