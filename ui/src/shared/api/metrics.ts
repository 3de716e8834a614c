/** Prometheus' HTTP API: https://prometheus.io/docs/prometheus/latest/querying/api/. Times in seconds. */
import { get, postForm, type Params } from './http';

export type Labels = Record<string, string>;
/** A time in seconds and a value as text: `NaN`, `+Inf` and `-Inf` are values, too. */
export type Point = [number, string];
export interface Histogram {
  count: string;
  sum: string;
  buckets?: [number, string, string, string][];
}
export interface Series {
  metric: Labels;
  values?: Point[];
  histograms?: [number, Histogram][];
}
export interface Sample {
  metric: Labels;
  value?: Point;
  histogram?: [number, Histogram];
}
export interface Exemplar {
  labels: Labels;
  value: string;
  timestamp: number;
}
export interface ExemplarSeries {
  seriesLabels: Labels;
  exemplars: Exemplar[];
}
export interface Metadata {
  type: string;
  help: string;
  unit: string;
}
export interface RuleAlert {
  labels: Labels;
  annotations: Labels;
  state: 'pending' | 'firing' | 'inactive';
  activeAt?: string;
  value: string;
}
export interface Rule {
  type: 'alerting' | 'recording';
  name: string;
  query: string;
  health: string;
  lastError?: string;
  evaluationTime: number;
  lastEvaluation: string;
  state?: 'pending' | 'firing' | 'inactive' | 'unknown';
  duration?: number;
  labels?: Labels;
  annotations?: Labels;
  alerts?: RuleAlert[];
}
export interface RuleGroup {
  name: string;
  file: string;
  interval: number;
  rules: Rule[];
  evaluationTime: number;
  lastEvaluation: string;
}
export type Result =
  | { resultType: 'vector'; result: Sample[] }
  | { resultType: 'matrix'; result: Series[] }
  | { resultType: 'scalar' | 'string'; result: Point };

interface Answer<T> {
  status: 'success' | 'error';
  data: T;
  warnings?: string[];
  infos?: string[];
}
export interface Told<T> {
  data: T;
  /** What the server had to say beside the result. */
  warnings: string[];
}

const API = '/proxy/metrics/api/v1/';
const LONG_QUERY = 1500;

async function ask<T>(path: string, params: Params, signal?: AbortSignal): Promise<Told<T>> {
  const long = String(params.query ?? '').length > LONG_QUERY;
  const answer = long ? await postForm<Answer<T>>(API + path, params, signal) : await get<Answer<T>>(API + path, params, signal);
  return { data: answer.data, warnings: [...(answer.warnings ?? []), ...(answer.infos ?? [])] };
}

/** An instant query, whole. */
export const queryAt = (query: string, time?: number, signal?: AbortSignal) => ask<Result>('query', { query, time }, signal);

/** A range query, whole. */
export const queryRange = (query: string, start: number, end: number, step: number, signal?: AbortSignal) =>
  ask<Result>('query_range', { query, start, end, step }, signal);

/** The samples of an instant query; a scalar is one sample without labels. */
export async function instant(query: string, time?: number, signal?: AbortSignal): Promise<Sample[]> {
  const { data } = await queryAt(query, time, signal);
  if (data.resultType === 'vector') return data.result;
  if (data.resultType === 'matrix') return [];
  return [{ metric: {}, value: data.result }];
}

/** The series of a range query. */
export async function range(query: string, start: number, end: number, step: number, signal?: AbortSignal): Promise<Series[]> {
  const { data } = await queryRange(query, start, end, step, signal);
  return data.resultType === 'matrix' ? data.result : [];
}

export const exemplars = (query: string, start: number, end: number, signal?: AbortSignal) =>
  ask<ExemplarSeries[]>('query_exemplars', { query, start, end }, signal).then((told) => told.data);

export const labelNames = (match: string[], start?: number, end?: number, signal?: AbortSignal) =>
  ask<string[]>('labels', { 'match[]': match, start, end }, signal).then((told) => told.data);

export const labelValues = (label: string, match: string[], start?: number, end?: number, signal?: AbortSignal) =>
  ask<string[]>(`label/${encodeURIComponent(label)}/values`, { 'match[]': match, start, end }, signal).then((told) => told.data);

export const series = (match: string[], start?: number, end?: number, signal?: AbortSignal) =>
  ask<Labels[]>('series', { 'match[]': match, start, end }, signal).then((told) => told.data);

export const metadata = (signal?: AbortSignal) => ask<Record<string, Metadata[]>>('metadata', {}, signal).then((told) => told.data);

export const rules = (signal?: AbortSignal) => ask<{ groups: RuleGroup[] }>('rules', {}, signal).then((told) => told.data.groups);

/** The number that a sample's text stands for; null where there is none to draw. */
export function number(text: string | undefined): number | null {
  const value = text === undefined ? NaN : Number(text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : text);
  return Number.isFinite(value) ? value : null;
}
