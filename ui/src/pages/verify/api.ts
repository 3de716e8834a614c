/** Runs of `verify`, as the server of the pages keeps them. */
import { get, write } from '../../shared/api/http';

export type Status = 'pass' | 'fail' | 'skip' | 'error';
export type Counts = Partial<Record<Status, number>>;

/** A run, in short. */
export interface Verified {
  id: string;
  /** Seconds since 1970. */
  at: number;
  verdict: Status;
  counts: Counts;
  services: string[];
  seconds?: number;
}
export interface Running {
  id: string;
  at: number;
  service: string | null;
}
export interface Runs {
  running: Running | null;
  runs: Verified[];
  /** Why the last run that a page started has no result. */
  failed?: { id: string; error?: string; hint?: string } | null;
}
/** A check as it is judged. */
export interface Judged {
  service: string;
  check: string;
  signal: string;
  verdict: Status;
  message: string;
  hint?: string;
  because?: string[];
  seconds?: number;
}
export interface Evidence {
  query: string;
  answer: string;
}
export interface Check {
  service: string;
  id: string;
  signal: string;
  status: Status;
  summary: string;
  evidence: Evidence[];
  hint: string;
  /** The check that explains this one; empty where it stands for itself. */
  cause: string;
  folds: string[];
  notes: string[];
  seconds: number;
}
export interface Lag {
  p50_seconds: number | null;
  worst_seconds: number | null;
  at_most: number | null;
  found: number;
  missing: number;
}
export interface ServiceRun {
  service: string;
  trace_id?: string | null;
  lag?: Partial<Record<string, Lag>>;
}
export interface Probe {
  service: string;
  request: string;
  status: number | null;
  trace_id: string;
  seconds: number;
  error: string;
}
/** A run in full: its summary, and what `obsctl verify --json` has as `data`. */
export interface Run extends Omit<Verified, 'services'> {
  services: ServiceRun[];
  checks: Check[];
  requests?: Probe[];
}

export const runs = (signal?: AbortSignal) => get<Runs>('/api/verify', {}, signal);
export const latest = (signal?: AbortSignal) => runs(signal).then((answer) => answer.runs[0] ?? null);
export const run = (id: string, signal?: AbortSignal) => get<Run>(`/api/verify/runs/${encodeURIComponent(id)}`, {}, signal);
export const start = (service: string | null) => write<{ id: string }>('POST', '/api/verify', { service });
export const EVENTS = '/api/verify/events';
