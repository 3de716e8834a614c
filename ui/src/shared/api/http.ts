/** Requests to the server of these pages. Everything that fails is an `ApiError` with a sentence for people. */

export class ApiError extends Error {
  override name = 'ApiError';
  constructor(
    message: string,
    /** What to do about it; empty where nothing is known. */
    readonly hint = '',
    /** The HTTP status; 0 where there was no answer. */
    readonly status = 0,
  ) {
    super(message);
  }
}

export type Params = Record<string, string | number | boolean | readonly string[] | undefined>;

const RETRIES = 3;

/** Chromium drops what is under way when a network interface comes or goes, as Docker makes them do; also on loopback. */
async function answered(url: string, init: RequestInit, left = RETRIES): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    const reading = (init.method ?? 'GET') === 'GET';
    if (!(cause instanceof TypeError)) throw cause;
    if (!reading || left === 0) throw new ApiError('The server of this page does not answer.', 'see whether it runs: obsctl status');
    await new Promise((done) => setTimeout(done, 250 * (RETRIES + 1 - left)));
    return answered(url, init, left - 1);
  }
}

/** The message of a failed answer: ours, Prometheus' and Grafana's are JSON with `error` or `message`, Loki's is text. */
function failure(status: number, text: string): ApiError {
  try {
    const body = JSON.parse(text) as { error?: unknown; message?: unknown; hint?: unknown };
    const message = typeof body.error === 'string' ? body.error : typeof body.message === 'string' ? body.message : text;
    return new ApiError(message, typeof body.hint === 'string' ? body.hint : '', status);
  } catch {
    return new ApiError(text.trim().slice(0, 500) || `The answer has the status ${status}.`, '', status);
  }
}

export function query(params: Params = {}): string {
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value === undefined) continue;
    if (Array.isArray(value)) for (const one of value as readonly string[]) all.append(name, one);
    else all.append(name, String(value));
  }
  const text = all.toString();
  return text ? `?${text}` : '';
}

async function body<T>(response: Response): Promise<T> {
  const text = await response.text();
  if (!response.ok) throw failure(response.status, text);
  try {
    return JSON.parse(text || 'null') as T;
  } catch {
    throw new ApiError('The answer is not JSON.', 'is something else listening on that port? obsctl status', response.status);
  }
}

/** GET JSON. */
export async function get<T>(path: string, params?: Params, signal?: AbortSignal): Promise<T> {
  return body<T>(await answered(path + query(params), { signal: signal ?? null, headers: { accept: 'application/json' } }));
}

/** POST a form, as the PromQL API takes queries that are too long for a URL. */
export async function postForm<T>(path: string, params: Params, signal?: AbortSignal): Promise<T> {
  const form = new URLSearchParams(query(params).slice(1));
  return body<T>(await answered(path, { method: 'POST', body: form, signal: signal ?? null, headers: { accept: 'application/json' } }));
}

/** The token that the server gave to this page; writes carry it. */
function token(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="obsctl-token"]')?.content ?? '';
}

/** A write: silences and runs of verify are all there is. */
export async function write<T>(method: 'POST' | 'DELETE', path: string, json?: unknown): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json', 'x-obsctl-token': token() };
  if (json !== undefined) headers['content-type'] = 'application/json';
  return body<T>(await answered(path, { method, headers, body: json === undefined ? null : JSON.stringify(json) }));
}
