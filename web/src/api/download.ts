import type { Client } from './client';
import type { Progress } from './upload';

/// The whole body of a response in one buffer, unpacked where it is gzip.
export async function read_body(response: Response, gzipped: boolean, progress: Progress): Promise<ArrayBuffer> {
  const total = Number(response.headers.get('Content-Length') ?? 0);
  if (!response.body) return response.arrayBuffer();
  let received = 0;
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(block, controller) {
        received += block.byteLength;
        progress(received, total);
        controller.enqueue(block);
      },
    }),
  );
  return new Response(gzipped ? counted.pipeThrough(new DecompressionStream('gzip')) : counted).arrayBuffer();
}

const kLocal = new Set(['localhost', '127.0.0.1', '[::1]']);

/// The voxels of `sessions/ID` or `volumes/ID` as a NIfTI file; packed on its way unless it stays on this computer.
export async function download_voxels(client: Client, of: string, progress: Progress): Promise<ArrayBuffer> {
  const format = kLocal.has(location.hostname) ? 'nii' : 'nii.gz';
  const response = await client.call(`${of}/voxels`, { query: { format } });
  return read_body(response, format === 'nii.gz', progress);
}
