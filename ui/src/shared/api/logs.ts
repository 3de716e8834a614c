/** Loki's HTTP API: https://grafana.com/docs/loki/latest/reference/loki-http-api/. Times in seconds, of lines in nanoseconds. */
import { get } from './http';
import type { Labels, Series } from './metrics';

export interface LogLine {
  /** Nanoseconds since 1970: more than a double holds. */
  at: bigint;
  line: string;
  /** Labels of the stream, and structured metadata. */
  labels: Labels;
}
interface Stream {
  stream: Labels;
  values: [string, string, Record<string, unknown>?][];
}
type LogResult = { resultType: 'streams'; result: Stream[] } | { resultType: 'matrix'; result: Series[] };
interface Answer<T> {
  status: string;
  data: T;
  warnings?: string[];
}

const API = '/proxy/logs/loki/api/v1/';
const NANOS = '000000000';
const nanoseconds = (seconds: number) => (Number.isInteger(seconds) ? `${seconds}${NANOS}` : String(BigInt(Math.round(seconds * 1e6)) * 1000n));

function lines(streams: Stream[]): LogLine[] {
  return streams.flatMap(({ stream, values }) => values.map(([at, line]) => ({ at: BigInt(at), line, labels: stream })));
}

/** Lines, newest first unless asked `forward`. */
export async function logLines(
  query: string,
  start: number,
  end: number,
  limit: number,
  options: { direction?: 'forward' | 'backward'; signal?: AbortSignal } = {},
): Promise<LogLine[]> {
  const { direction = 'backward', signal } = options;
  const params = { query, start: nanoseconds(start), end: nanoseconds(end), limit, direction };
  const answer = await get<Answer<LogResult>>(`${API}query_range`, params, signal);
  if (answer.data.resultType !== 'streams') return [];
  const sign = direction === 'backward' ? -1 : 1;
  return lines(answer.data.result).sort((a, b) => (a.at === b.at ? 0 : a.at < b.at ? -sign : sign));
}

/** A metric query over logs, as series. */
export async function logSeries(query: string, start: number, end: number, step: number, signal?: AbortSignal): Promise<Series[]> {
  const answer = await get<Answer<LogResult>>(`${API}query_range`, { query, start: nanoseconds(start), end: nanoseconds(end), step }, signal);
  return answer.data.resultType === 'matrix' ? answer.data.result : [];
}

export const logLabels = (start: number, end: number, signal?: AbortSignal) =>
  get<Answer<string[] | null>>(`${API}labels`, { start: nanoseconds(start), end: nanoseconds(end) }, signal).then((answer) => answer.data ?? []);

export const logLabelValues = (label: string, start: number, end: number, signal?: AbortSignal) =>
  get<Answer<string[] | null>>(`${API}label/${encodeURIComponent(label)}/values`, { start: nanoseconds(start), end: nanoseconds(end) }, signal).then(
    (answer) => answer.data ?? [],
  );

export interface DetectedField {
  label: string;
  type: string;
  cardinality: number;
  parsers: string[] | null;
}
export const detectedFields = (query: string, start: number, end: number, signal?: AbortSignal) =>
  get<{ fields: DetectedField[] | null }>(`${API}detected_fields`, { query, start: nanoseconds(start), end: nanoseconds(end) }, signal).then(
    (answer) => answer.fields ?? [],
  );

/** Follow a query until the function that is returned is called. `onEnd` is told why the server ended it. */
export function tail(query: string, onLines: (lines: LogLine[]) => void, onEnd: (reason: string) => void): () => void {
  const origin = location.origin.replace(/^http/, 'ws');
  const socket = new WebSocket(`${origin}${API}tail?${new URLSearchParams({ query, limit: '100' }).toString()}`);
  let ours = false;
  socket.onmessage = (event: MessageEvent<string>) => {
    const message = JSON.parse(event.data) as { streams?: Stream[] };
    onLines(lines(message.streams ?? []));
  };
  socket.onclose = (event) => {
    if (!ours) onEnd(event.reason || 'the connection ended');
  };
  return () => {
    ours = true;
    socket.close();
  };
}
