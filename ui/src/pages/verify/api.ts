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
}
export interface Running {
  id: string;
  at?: number;
  service?: string | null;
  services?: string[];
}
export interface Runs {
  running: Running | null;
  runs: Verified[];
}

export const runs = (signal?: AbortSignal) => get<Runs>('/api/verify', {}, signal);
export const latest = (signal?: AbortSignal) => runs(signal).then((answer) => answer.runs[0] ?? null);
export const start = (service: string | null) => write<{ id: string }>('POST', '/api/verify', { service });
