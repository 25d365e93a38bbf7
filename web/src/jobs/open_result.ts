import type { Client } from '../api/client';
import { ApiError } from '../api/client';
import type { Job, JobInput } from '../api/jobs';
import { import_segments } from '../api/jobs';
import { open_session } from '../api/session';
import type { Segment, Session, Volume } from '../api/types';
import { loaded_scan } from '../work/loaded';

/// Puts the segments of files of a result on the scan that it was made from, and opens that: in its session where this tab shows
/// one, else in a new one. Those that are there already are shown as they are.
export async function open_in_viewer(client: Client, job: Job, paths: readonly string[]): Promise<void> {
  let refused: unknown = new Error('This job was made elsewhere: open its scan here first, then come back.');
  for (const input of scans_of(job)) {
    const { id, is_new } = await session_of(client, input);
    try {
      const unused = is_new ? [] : await unused_segments(client, id);
      const made: Segment[] = [];
      for (const path of paths) made.push(...(await import_segments(client, id, job.id, path)));
      for (const { number } of unused) await client.call(`sessions/${id}/segments/${number}`, { method: 'DELETE' });
      location.hash = `session=${id}${made[0] ? `&segment=${made[0].number}` : ''}`;
      return;
    } catch (error) {
      refused = error;
      if (is_new) await client.call(`sessions/${id}`, { method: 'DELETE' });
      if (!(error instanceof ApiError && error.code === 'bad_input')) throw error;
    }
  }
  throw refused;
}

/// A result lies on the grid of one of them; of a job that does not tell its scans, perhaps on that of the loaded one.
function scans_of(job: Job): Pick<JobInput, 'volume' | 'series'>[] {
  const told = job.inputs.filter(({ volume, series }) => volume || series);
  const loaded = loaded_scan();
  return told.length > 0 ? told : loaded ? [loaded] : [];
}

async function session_of(client: Client, { volume, series }: Pick<JobInput, 'volume' | 'series'>): Promise<{ id: string; is_new: boolean }> {
  const loaded = loaded_scan();
  if (loaded && volume === loaded.volume && (series ?? null) === loaded.series && (await is_there(client, loaded.session))) return { id: loaded.session, is_new: false };
  const made = volume
    ? await client.json<Volume>(`volumes/${volume}`)
    : await client.json<Volume>('volumes', { method: 'POST', query: { study: series! } });
  const session = await open_session(client, made, volume && series ? { series } : {});
  return { id: session.id, is_new: true };
}

/// Segments that nobody has given a name, a prompt or a voxel: the one that a new session begins with.
async function unused_segments(client: Client, session: string): Promise<Segment[]> {
  const { segments } = await client.json<Session>(`sessions/${session}`);
  return segments.filter(({ number, name, term, voxels, prompts, can_undo, can_redo }) => voxels === 0 && prompts === 0 && !can_undo && !can_redo && !term && name === `Segment ${number}`);
}

async function is_there(client: Client, session: string): Promise<boolean> {
  try {
    await client.call(`sessions/${session}`);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}
