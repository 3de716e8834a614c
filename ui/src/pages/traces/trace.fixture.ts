/** Traces for tests, from a drawing: `a > b > c, d` written as lines with blanks. */
import type { AnswerSpan, TraceAnswer } from './answer';
import { modelOf, type TraceModel } from './model';

export interface Drawn {
  depth: number;
  name: string;
  service?: string;
  at?: number;
  length?: number;
  error?: boolean;
  attributes?: AnswerSpan['attributes'];
}

function span(one: Drawn, index: number): AnswerSpan {
  return {
    span_id: index.toString(16).padStart(16, '0'),
    parent_span_id: null,
    place: one.depth ? 'child' : 'root',
    depth: one.depth,
    service: one.service ?? 'api',
    name: one.name,
    kind: 'internal',
    start_offset_ns: String(one.at ?? 0),
    duration_ns: String(one.length ?? 100),
    self_ns: String(one.length ?? 100),
    critical_ns: '0',
    skew_ns: '0',
    status: { code: one.error ? 'error' : 'unset', message: '' },
    trace_state: '',
    attributes: one.attributes ?? {},
    resource: 0,
    events: [],
    links: [],
  };
}

export function answerOf(spans: readonly Drawn[], more: Partial<TraceAnswer> = {}): TraceAnswer {
  return {
    trace_id: '0af7651916cd43dd8448eb211c80319c',
    status: 'ok',
    start_unix_nano: '1800000000000000000',
    duration_ns: '100',
    counts: { spans: spans.length, services: 1, errors: 0, logs: 0, links: 0, depth: 1 },
    complete: true,
    warnings: [],
    spans: spans.map(span),
    resources: [{}],
    critical_path: [],
    gaps: [],
    logs: [],
    ...more,
  };
}

/** One line for each span; two blanks a level. */
export const traceOf = (drawing: string, more: Partial<TraceAnswer> = {}): TraceModel =>
  modelOf(answerOf(drawing.split('\n').map((line) => ({ depth: line.search(/\S/) / 2, name: line.trim() })), more));
