import { Zip, ZipPassThrough } from 'fflate';

/// Files of a folder as one archive, not compressed: DICOM hardly shrinks, and the server reads it in memory.
export async function zip_files(files: readonly { path: string; file: File }[], progress: (done: number, total: number) => void): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const archive = new Zip((error, part) => {
    if (error) throw error;
    parts.push(part as Uint8Array<ArrayBuffer>);
  });
  let done = 0;
  for (const { path, file } of files) {
    const entry = new ZipPassThrough(path);
    archive.add(entry);
    entry.push(new Uint8Array(await file.arrayBuffer()), true);
    progress((done += 1), files.length);
  }
  archive.end();
  return new Blob(parts, { type: 'application/zip' });
}
