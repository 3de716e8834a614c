/** A trace in flat arrays, by the index of its spans: what a page of 10,000 spans draws from. Times are nanoseconds since its start. */
import type { AnswerGap, AnswerLog, AnswerSpan, Attributes, TraceAnswer } from './answer';

export interface Stretch {
  from: number;
  to: number;
  waiting: boolean;
}
export interface LogMark {
  at: number;
  /** -1 where the line names no span of the trace. */
  span: number;
  log: AnswerLog;
}
export interface NamedGap extends Stretch {
  span: number;
  after: string;
  before: string;
}
export interface TraceModel {
  id: string;
  /** Milliseconds since 1970. */
  start: number;
  startNano: bigint;
  /** At least one nanosecond, since the pages divide by it. */
  duration: number;
  services: readonly string[];
  spans: readonly AnswerSpan[];
  resources: readonly Attributes[];
  at: Float64Array;
  length: Float64Array;
  depth: Uint32Array;
  /** -1 for roots. */
  parent: Int32Array;
  /** Of the span and all below it. */
  size: Uint32Array;
  /** Index into `services`. */
  service: Uint32Array;
  error: Uint8Array;
  /** Stretches of the critical path that were spent in a span. */
  critical: ReadonlyMap<number, readonly Stretch[]>;
  gaps: readonly NamedGap[];
  logs: readonly LogMark[];
  logsOf: ReadonlyMap<number, readonly LogMark[]>;
  index: ReadonlyMap<string, number>;
  warnings: TraceAnswer['warnings'];
  counts: TraceAnswer['counts'];
  complete: boolean;
}

function grouped<T>(items: Iterable<T>, key: (item: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

/** Parents and sizes of spans that come depth first. */
export function nest(depth: ArrayLike<number>): { parent: Int32Array; size: Uint32Array } {
  const parent = new Int32Array(depth.length).fill(-1);
  const size = new Uint32Array(depth.length).fill(1);
  const open: number[] = [];
  for (let span = 0; span < depth.length; span++) {
    while (open.length && depth[open[open.length - 1]!]! >= depth[span]!) open.pop();
    if (open.length) parent[span] = open[open.length - 1]!;
    open.push(span);
  }
  for (let span = depth.length - 1; span > 0; span--) if (parent[span]! >= 0) size[parent[span]!]! += size[span]!;
  return { parent, size };
}

const stretch = (segment: { start_offset_ns: string; end_offset_ns: string; waiting: boolean }): Stretch => ({
  from: Number(segment.start_offset_ns),
  to: Number(segment.end_offset_ns),
  waiting: segment.waiting,
});

export function modelOf(answer: TraceAnswer): TraceModel {
  const { spans } = answer;
  const names = [...new Set(spans.map((span) => span.service))];
  const place = new Map(names.map((name, index) => [name, index]));
  const index = new Map<string, number>();
  spans.forEach((span, at) => {
    if (!index.has(span.span_id)) index.set(span.span_id, at);
  });
  const depth = Uint32Array.from(spans, (span) => span.depth);
  const startNano = BigInt(answer.start_unix_nano);
  const spanOf = (id: string | null) => (id === null ? -1 : (index.get(id) ?? -1));
  const marks = answer.logs.map((log): LogMark => ({ at: Number(BigInt(log.time_unix_nano) - startNano), span: spanOf(log.span_id), log }));
  const segments = answer.critical_path.map((segment) => ({ ...stretch(segment), span: spanOf(segment.span_id) }));
  const gap = (one: AnswerGap): NamedGap => ({ ...stretch(one), span: spanOf(one.span_id), after: one.after, before: one.before });
  return {
    id: answer.trace_id,
    start: Number(startNano / 1000n) / 1000,
    startNano,
    duration: Math.max(1, Number(answer.duration_ns)),
    services: names,
    spans,
    resources: answer.resources,
    at: Float64Array.from(spans, (span) => Number(span.start_offset_ns)),
    length: Float64Array.from(spans, (span) => Number(span.duration_ns)),
    depth,
    ...nest(depth),
    service: Uint32Array.from(spans, (span) => place.get(span.service)!),
    error: Uint8Array.from(spans, (span) => Number(span.status.code === 'error')),
    critical: grouped(segments, (segment) => segment.span),
    gaps: answer.gaps.map(gap),
    logs: marks,
    logsOf: grouped(marks, (mark) => mark.span),
    index,
    warnings: answer.warnings,
    counts: answer.counts,
    complete: answer.complete,
  };
}
