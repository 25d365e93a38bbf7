import type { Client } from './client';
import { ApiError, Unreachable } from './client';
import type { Volume } from './types';

export type Progress = (done: number, total: number) => void;

const kPieceBytes = 16 << 20;

/// Sends a file and returns what the server read in it. A file that it knows already is not sent again; where the server
/// or the network goes away, the upload goes on from what had arrived. `signal` gives it up.
export async function upload_volume(client: Client, file: Blob, name: string, progress: Progress, signal?: AbortSignal): Promise<Volume> {
  if (file.size === 0) throw new Error('the file is empty');
  const id = await content_hash(file);
  if (!id) return send_whole(client, file, name, progress, signal); // a page without TLS from another computer cannot hash
  for (;;) {
    try {
      signal?.throwIfAborted();
      const volume = await send_missing(client, id, file, name, progress, signal);
      progress(file.size, file.size);
      return volume;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      await client.until_online();
    }
  }
}

async function send_missing(client: Client, id: string, file: Blob, name: string, progress: Progress, signal?: AbortSignal): Promise<Volume> {
  let sent = await received_bytes(client, id);
  if (sent === 'all') return client.json<Volume>(`volumes/${id}`);
  for (;;) {
    progress(sent, file.size);
    const end = Math.min(sent + kPieceBytes, file.size);
    const response = await client.call(`volumes/${id}`, {
      method: 'PUT',
      query: { name },
      body: file.slice(sent, end),
      headers: {
        'Content-Type': 'application/octet-stream',
        'Content-Range': `bytes ${sent}-${end - 1}/${file.size}`,
      },
      signal,
    });
    if (response.status !== 202) return (await response.json()) as Volume;
    sent = ((await response.json()) as { received: number }).received;
  }
}

async function received_bytes(client: Client, id: string): Promise<number | 'all'> {
  try {
    const response = await client.call(`volumes/${id}`, { method: 'HEAD' });
    return response.status === 206 ? Number(response.headers.get('Sagittal-Received') ?? 0) : 'all';
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return 0;
    throw error;
  }
}

async function send_whole(client: Client, file: Blob, name: string, progress: Progress, signal?: AbortSignal): Promise<Volume> {
  progress(0, file.size);
  const volume = await client.json<Volume>('volumes', {
    method: 'POST',
    query: { name },
    body: file,
    headers: { 'Content-Type': 'application/octet-stream' },
    signal,
  });
  progress(file.size, file.size);
  return volume;
}

async function content_hash(file: Blob): Promise<string | null> {
  if (!crypto.subtle) return null;
  const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
