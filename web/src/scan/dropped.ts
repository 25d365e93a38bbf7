/// What a person dropped or chose, folders opened: files with their paths.

export interface FoundFile {
  path: string;
  file: File;
}

/// Must be called before the drop event's handler returns to the browser.
export async function files_of_drop(transfer: DataTransfer): Promise<FoundFile[]> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ path: file.name, file }));
  const found: FoundFile[] = [];
  for (const entry of entries) await collect(entry, '', found);
  return found;
}

export function files_of_input(input: HTMLInputElement): FoundFile[] {
  return [...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

async function collect(entry: FileSystemEntry, folder: string, found: FoundFile[]): Promise<void> {
  const path = folder + entry.name;
  if (entry.name.startsWith('.')) return;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const child of some) await collect(child, `${path}/`, found);
  }
}
