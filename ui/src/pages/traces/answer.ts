/** `GET /api/traces/ID`: the trace as `obsctl trace --json` gives it (`obsctl.trace/1`). Nanoseconds are decimal strings. */
import { get } from '../../shared/api/http';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type Attributes = Readonly<Record<string, Json>>;
export type Place = 'root' | 'continued' | 'child' | 'orphan' | 'cycle' | 'duplicate';

export interface AnswerSpan {
  span_id: string;
  parent_span_id: string | null;
  place: Place;
  depth: number;
  service: string;
  name: string;
  kind: string;
  start_offset_ns: string;
  duration_ns: string;
  self_ns: string;
  critical_ns: string;
  skew_ns: string;
  status: { code: string; message: string };
  trace_state: string;
  attributes: Attributes;
  /** An index into `resources`. */
  resource: number;
  events: readonly { name: string; offset_ns: string; attributes: Attributes }[];
  links: readonly { trace_id: string; span_id: string }[];
}
export interface AnswerSegment {
  /** Null where no root was active. */
  span_id: string | null;
  start_offset_ns: string;
  end_offset_ns: string;
  waiting: boolean;
}
export interface AnswerGap extends AnswerSegment {
  after: string;
  before: string;
}
export interface AnswerLog {
  time_unix_nano: string;
  span_id: string | null;
  severity: string;
  service: string;
  body: string;
  attributes: Attributes;
}
export interface TraceAnswer {
  trace_id: string;
  status: string;
  start_unix_nano: string;
  duration_ns: string;
  counts: { spans: number; services: number; errors: number; logs: number; links: number; depth: number };
  complete: boolean;
  warnings: readonly { code: string; message: string; span_id: string; parent_span_id: string | null }[];
  spans: readonly AnswerSpan[];
  resources: readonly Attributes[];
  critical_path: readonly AnswerSegment[];
  gaps: readonly AnswerGap[];
  logs: readonly AnswerLog[];
}

export const assembledTrace = (id: string, signal?: AbortSignal) => get<TraceAnswer>(`/api/traces/${encodeURIComponent(id)}`, {}, signal);
