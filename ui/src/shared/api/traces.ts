/** Searching traces, whoever stores them: Jaeger's query API or Tempo's. Times in milliseconds since 1970. */
import { get } from './http';
import type { Stack } from './obsctl';

export interface FoundTrace {
  id: string;
  /** Service and name of the root span; empty where the root has not arrived. */
  service: string;
  name: string;
  start: number;
  duration: number;
  spans: number;
  errors: number;
  services: string[];
}
export interface TraceSearch {
  /** Empty for every service. */
  service: string;
  operation?: string;
  /** Attributes that a span must have. */
  attributes?: Record<string, string>;
  /** Milliseconds. */
  minDuration?: number;
  maxDuration?: number;
  onlyErrors?: boolean;
  /** Replaces all of the above where Tempo's API is served. */
  traceql?: string;
  /** Seconds since 1970. */
  start: number;
  end: number;
  limit: number;
}
export interface FoundTraces {
  traces: FoundTrace[];
  /** Why some may be missing. */
  warnings: string[];
}

const PROXY = '/proxy/traces/api/';

export const speaksTraceql = (stack: Stack): boolean => stack.roles.traces?.dialect === 'traceql';

export async function traceServices(stack: Stack, signal?: AbortSignal): Promise<string[]> {
  if (speaksTraceql(stack)) return tagValues('resource.service.name', signal);
  const answer = await get<{ data: string[] | null }>(`${PROXY}services`, {}, signal);
  return (answer.data ?? []).sort();
}

export async function traceOperations(stack: Stack, service: string, signal?: AbortSignal): Promise<string[]> {
  if (speaksTraceql(stack)) return tagValues('name', signal, service ? `{ resource.service.name = ${JSON.stringify(service)} }` : undefined);
  if (!service) return [];
  const answer = await get<{ data: string[] | null }>(`${PROXY}services/${encodeURIComponent(service)}/operations`, {}, signal);
  return (answer.data ?? []).sort();
}

async function tagValues(tag: string, signal?: AbortSignal, q?: string): Promise<string[]> {
  const answer = await get<{ tagValues?: { value: string }[] }>(`${PROXY}v2/search/tag/${tag}/values`, { q }, signal);
  return (answer.tagValues ?? []).map((one) => one.value).sort();
}

export async function searchTraces(stack: Stack, search: TraceSearch, signal?: AbortSignal): Promise<FoundTraces> {
  if (speaksTraceql(stack)) return searchTempo(search, signal);
  const services = search.service ? [search.service] : await traceServices(stack, signal);
  const found = await Promise.all(services.map((service) => searchJaeger({ ...search, service }, signal)));
  const byId = new Map(found.flatMap((one) => one.traces).map((trace) => [trace.id, trace]));
  const traces = [...byId.values()].sort((a, b) => b.start - a.start).slice(0, search.limit);
  return { traces, warnings: [...new Set(found.flatMap((one) => one.warnings))] };
}

interface JaegerSpan {
  traceID: string;
  spanID: string;
  operationName: string;
  references?: { refType: string; spanID: string }[];
  startTime: number;
  duration: number;
  processID: string;
  tags?: { key: string; value: unknown }[];
}
interface JaegerTrace {
  traceID: string;
  spans: JaegerSpan[];
  processes: Record<string, { serviceName: string }>;
  warnings?: string[] | null;
}
interface JaegerAnswer {
  data: JaegerTrace[] | null;
  errors?: { msg: string }[] | null;
}

async function searchJaeger(search: TraceSearch, signal?: AbortSignal): Promise<FoundTraces> {
  const tags = { ...search.attributes, ...(search.onlyErrors ? { error: 'true' } : {}) };
  const answer = await get<JaegerAnswer>(
    `${PROXY}traces`,
    {
      service: search.service,
      operation: search.operation || undefined,
      tags: Object.keys(tags).length ? JSON.stringify(tags) : undefined,
      minDuration: search.minDuration === undefined ? undefined : `${search.minDuration}ms`,
      maxDuration: search.maxDuration === undefined ? undefined : `${search.maxDuration}ms`,
      start: Math.round(search.start * 1e6),
      end: Math.round(search.end * 1e6),
      limit: search.limit,
    },
    signal,
  );
  const traces = answer.data ?? [];
  const warnings = [...(answer.errors ?? []).map((error) => error.msg), ...traces.flatMap((trace) => trace.warnings ?? [])];
  return { traces: traces.map(ofJaeger), warnings };
}

function ofJaeger(trace: JaegerTrace): FoundTrace {
  const known = new Set(trace.spans.map((span) => span.spanID));
  const parent = (span: JaegerSpan) => span.references?.find((reference) => reference.refType === 'CHILD_OF')?.spanID;
  const byStart = [...trace.spans].sort((a, b) => a.startTime - b.startTime);
  const root = byStart.find((span) => !known.has(parent(span) ?? '')) ?? byStart[0];
  const service = (span: JaegerSpan | undefined) => (span ? (trace.processes[span.processID]?.serviceName ?? '') : '');
  const failed = (span: JaegerSpan) => span.tags?.some((tag) => tag.key === 'error' && String(tag.value) === 'true') ?? false;
  const start = root ? Math.min(...trace.spans.map((span) => span.startTime)) : 0;
  const end = trace.spans.reduce((latest, span) => Math.max(latest, span.startTime + span.duration), start);
  return {
    id: trace.traceID,
    service: service(root),
    name: root?.operationName ?? '',
    start: start / 1000,
    duration: (end - start) / 1000,
    spans: trace.spans.length,
    errors: trace.spans.filter(failed).length,
    services: [...new Set(trace.spans.map(service))],
  };
}

interface TempoFound {
  traceID: string;
  rootServiceName?: string;
  rootTraceName?: string;
  startTimeUnixNano: string;
  durationMs?: number;
  serviceStats?: Record<string, { spanCount?: number; errorCount?: number }>;
}

/** The search form as TraceQL. */
export function traceql(search: TraceSearch): string {
  if (search.traceql) return search.traceql;
  const text = (value: string) => JSON.stringify(value);
  const conditions = [
    ...(search.service ? [`resource.service.name = ${text(search.service)}`] : []),
    ...(search.operation ? [`name = ${text(search.operation)}`] : []),
    ...(search.minDuration === undefined ? [] : [`duration >= ${search.minDuration}ms`]),
    ...(search.maxDuration === undefined ? [] : [`duration <= ${search.maxDuration}ms`]),
    ...(search.onlyErrors ? ['status = error'] : []),
    ...Object.entries(search.attributes ?? {}).map(([name, value]) => `.${name} = ${text(value)}`),
  ];
  return conditions.length ? `{ ${conditions.join(' && ')} }` : '{ }';
}

async function searchTempo(search: TraceSearch, signal?: AbortSignal): Promise<FoundTraces> {
  const params = { q: traceql(search), start: Math.floor(search.start), end: Math.ceil(search.end), limit: search.limit };
  const answer = await get<{ traces?: TempoFound[] }>(`${PROXY}search`, params, signal);
  return { traces: (answer.traces ?? []).map(ofTempo), warnings: [] };
}

function ofTempo(found: TempoFound): FoundTrace {
  const stats = Object.values(found.serviceStats ?? {});
  return {
    id: found.traceID,
    service: found.rootServiceName ?? '',
    name: found.rootTraceName ?? '',
    start: Number(found.startTimeUnixNano) / 1e6,
    duration: found.durationMs ?? 0,
    spans: stats.reduce((sum, one) => sum + (one.spanCount ?? 0), 0),
    errors: stats.reduce((sum, one) => sum + (one.errorCount ?? 0), 0),
    services: Object.keys(found.serviceStats ?? {}),
  };
}
