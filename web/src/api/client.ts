import { Observable } from '../base/observable';

/// An answer of the server that is not a success.
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/// No answer: the server is away, or the network.
export class Unreachable extends Error {
  constructor() {
    super('The server does not answer.');
  }
}

export interface Call {
  method?: string;
  query?: Record<string, string | number | boolean | undefined>;
  json?: unknown;
  body?: Blob | ArrayBuffer;
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
}

const kKeyName = 'sagittal.key';
const kRetryMs = 1000;

/// The native API under the address that this page came from. Waits for a person's key where the server wants one.
export class Client {
  readonly online = new Observable(true);
  private asking: Promise<void> | null = null;

  /// `ask_key` resolves to what a person typed; `refused`: a key was sent and is not known.
  constructor(private readonly ask_key: (refused: boolean) => Promise<string>) {}

  get key(): string | null {
    return sessionStorage.getItem(kKeyName);
  }

  address(path: string, query: Call['query'] = {}): string {
    const url = new URL(`api/v1/${path}`, document.baseURI);
    url.hash = '';
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    return url.href;
  }

  /// The response of a success. Throws ApiError, Unreachable, or the signal's reason.
  async call(path: string, options: Call = {}): Promise<Response> {
    for (;;) {
      const key = this.key;
      const response = await this.send(path, options, key);
      if (response.status === 401) {
        await this.renew_key(key);
        continue;
      }
      if (response.ok || response.status === 308) return response;
      throw await read_error(response);
    }
  }

  async json<T>(path: string, options: Call = {}): Promise<T> {
    const response = await this.call(path, options);
    return (await response.json()) as T;
  }

  /// Resolves once the server answers again; at once where it never went away.
  async until_online(): Promise<void> {
    while (!this.online.value) {
      await new Promise((resolve) => setTimeout(resolve, kRetryMs));
      await this.check();
    }
  }

  async check(): Promise<void> {
    try {
      const response = await fetch(new URL('healthz', document.baseURI), { cache: 'no-store' });
      if (response.ok) this.online.set(true);
    } catch {
      this.online.set(false);
    }
  }

  private async send(path: string, options: Call, key: string | null): Promise<Response> {
    const headers: Record<string, string> = { ...options.headers };
    if (key) headers['Authorization'] = `Bearer ${key}`;
    let body: BodyInit | null = options.body ?? null;
    if (options.json !== undefined) {
      headers['Content-Type'] = 'application/json';
      body = JSON.stringify(options.json);
    }
    try {
      const response = await fetch(this.address(path, options.query), {
        method: options.method ?? (body === null ? 'GET' : 'POST'),
        headers,
        body,
        cache: 'no-store',
        signal: options.signal ?? null,
      });
      this.online.set(true);
      return response;
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof TypeError)) throw error;
      this.online.set(false);
      throw new Unreachable();
    }
  }

  /// Several calls that are refused together ask once.
  private async renew_key(refused: string | null): Promise<void> {
    if (this.key !== refused) return;
    this.asking ??= this.ask_key(refused !== null)
      .then((key) => sessionStorage.setItem(kKeyName, key))
      .finally(() => (this.asking = null));
    await this.asking;
  }
}

async function read_error(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; details?: Record<string, unknown> } };
    return new ApiError(response.status, error.code, error.message, error.details);
  } catch {
    return new ApiError(response.status, 'unknown', text.trim() || `The server answered ${response.status}.`);
  }
}

/// What to tell a person about anything that was thrown.
export function describe_error(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
