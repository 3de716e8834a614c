/** What the overview asks for. Each hook is one part of the page. */
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { get } from '../../shared/api/http';
import { instant, labelValues, range, type Labels, type Sample, type Series } from '../../shared/api/metrics';
import { intake, useStack, type Intake, type Stack } from '../../shared/api/obsctl';
import { searchTraces, traceServices, type FoundTraces, type TraceSearch } from '../../shared/api/traces';
import type { Range, RangeState } from '../../shared/range';
import { latest, type Verified } from '../verify/api';
import { edgesOf, edgesOfDependencies, GRAPH, graphQueries, NAMES, present, redRows, requestQueries, type Answers, type Edge, type Red, type RequestQueries } from './sources'; // prettier-ignore

/**
 * Asks again when the range moves. What is under way is let finish: where an answer takes longer than the clock's step,
 * there would never be one.
 */
function useMoving<T>(name: string, shown: RangeState, ask: (signal: AbortSignal) => Promise<T>, enabled = true) {
  const query = useQuery<T>({
    queryKey: ['overview', name, shown.from, shown.to],
    queryFn: ({ signal }) => ask(signal),
    enabled,
    placeholderData: keepPreviousData,
  });
  const { refetch } = query;
  useEffect(() => {
    if (enabled) void refetch({ cancelRefetch: false });
  }, [enabled, refetch, shown.end]);
  return query;
}

const TRAIL_POINTS = 40;
/** A rate needs two scrapes; four leave room for one that is late. */
const SCRAPES = 4;

const NAMES_MILLISECONDS = 30_000;

/** Which of the metrics the stack has; two parts of the page want to know. */
function useNames(shown: Range) {
  const client = useQueryClient();
  const length = Math.round(shown.end - shown.start);
  return async () =>
    new Set(
      await client.query({
        queryKey: ['overview', 'names', length, Math.floor(shown.end / 60)],
        queryFn: ({ signal }) => labelValues('__name__', [`{__name__=~"${NAMES.join('|')}"}`], shown.start, shown.end, signal),
        staleTime: NAMES_MILLISECONDS,
      }),
    );
}

const wholeRange = ({ start, end }: Range) => `${Math.max(60, Math.round(end - start))}s`;

async function answers<T>(queries: RequestQueries, ask: (query: string) => Promise<T[]>): Promise<Answers<T>> {
  const [rate, failed, p95] = await Promise.all([queries.rate, queries.failed, queries.p95].map(ask));
  return { rate: rate!, failed: failed!, p95: p95! };
}

async function requests(stack: Stack, names: ReadonlySet<string>, shown: Range, signal: AbortSignal): Promise<Red[]> {
  const sources = present(names);
  const step = Math.max(1, Math.ceil((shown.end - shown.start) / TRAIL_POINTS));
  const end = Math.floor(shown.end / step) * step;
  const start = end - step * (TRAIL_POINTS - 1);
  const window = `${Math.max(step, Math.ceil(SCRAPES * stack.scrape_interval), 10)}s`;
  const inputs = await Promise.all(
    sources.map(async (source) => {
      const [now, trail] = await Promise.all([
        answers<Sample>(requestQueries(source, wholeRange(shown)), (query) => instant(query, shown.end, signal)),
        answers<Series>(requestQueries(source, window), (query) => range(query, start, end, step, signal)),
      ]);
      return { source, now, trail };
    }),
  );
  const known = stack.services.flatMap((service) => service.components.map((component) => component.service_name || component.name));
  return redRows(inputs, known, Array.from({ length: TRAIL_POINTS }, (_, at) => start + at * step));
}

export function useRequests(shown: RangeState) {
  const { data: stack } = useStack();
  const names = useNames(shown);
  return useMoving('requests', shown, async (signal) => requests(stack!, await names(), shown, signal), stack !== undefined);
}

export interface Graph {
  edges: Edge[];
  /** Whether failures and durations are known. */
  measured: boolean;
}

interface Dependencies {
  data: { parent: string; child: string; callCount: number }[] | null;
}

async function graph(stack: Stack, found: ReadonlySet<string>, shown: Range, signal: AbortSignal): Promise<Graph> {
  if (found.has(GRAPH.calls)) {
    const asked = await answers<Sample>(graphQueries(found, wholeRange(shown)), (query) => instant(query, shown.end, signal));
    const edges = edgesOf(asked);
    if (edges.length) return { edges, measured: true };
  }
  if (stack.roles.traces?.dialect !== 'jaeger') return { edges: [], measured: true };
  const length = shown.end - shown.start;
  const params = { endTs: Math.round(shown.end * 1000), lookback: Math.round(length * 1000) };
  const answer = await get<Dependencies>('/proxy/traces/api/dependencies', params, signal);
  return { edges: edgesOfDependencies(answer.data ?? [], length), measured: false };
}

export function useGraph(shown: RangeState) {
  const { data: stack } = useStack();
  const names = useNames(shown);
  return useMoving('graph', shown, async (signal) => graph(stack!, await names(), shown, signal), stack !== undefined);
}

/** Names of Sloth's recording rules: https://sloth.dev/slo-dashboards/. */
const SLO_RULES = ['slo:objective:ratio', 'slo:period_error_budget_remaining:ratio', 'slo:current_burn_rate:ratio'] as const;

export interface Slo {
  id: string;
  service: string;
  name: string;
  /** The share that must be good. */
  objective: number | null;
  /** What is left of the budget, 1 for all of it; below zero where it is overdrawn. */
  budget: number | null;
  /** How much faster than the period allows it is spent now. */
  burn: number | null;
}

export function slosOf(samples: readonly Sample[]): Slo[] {
  const key = (labels: Labels) => labels.sloth_id ?? `${labels.sloth_service ?? ''}/${labels.sloth_slo ?? ''}`;
  const value = (id: string, rule: (typeof SLO_RULES)[number]) => {
    const text = samples.find(({ metric }) => key(metric) === id && metric.__name__ === rule)?.value?.[1];
    return text === undefined || !Number.isFinite(Number(text)) ? null : Number(text);
  };
  const first = new Map([...samples].reverse().map(({ metric }) => [key(metric), metric]));
  return [...first]
    .map(([id, labels]) => ({
      id,
      service: labels.sloth_service ?? '',
      name: labels.sloth_slo ?? id,
      objective: value(id, SLO_RULES[0]),
      budget: value(id, SLO_RULES[1]),
      burn: value(id, SLO_RULES[2]),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

export const useSlos = (shown: RangeState) =>
  useMoving('slos', shown, (signal) => instant(`{__name__=~"${SLO_RULES.join('|')}"}`, shown.end, signal).then(slosOf));

const FAILURES = 8;

async function failures(stack: Stack, search: TraceSearch, signal: AbortSignal): Promise<FoundTraces> {
  if (stack.roles.traces === undefined) return { traces: [], warnings: ['This stack stores no traces.'] };
  return searchTraces(stack, search, signal);
}

export function useFailures(shown: RangeState) {
  const { data: stack } = useStack();
  const search = { service: '', onlyErrors: true, start: shown.start, end: shown.end, limit: FAILURES };
  return useMoving('failures', shown, (signal) => failures(stack!, search, signal), stack !== undefined);
}

/** Names of services that have sent a span; what an empty page is recognised by. */
export function useTracedServices(every: number) {
  const { data: stack } = useStack();
  return useQuery({
    queryKey: ['traced'],
    queryFn: ({ signal }) => traceServices(stack!, signal),
    enabled: stack?.roles.traces !== undefined,
    refetchInterval: ({ state }) => (state.data?.length ? false : every),
  });
}

export const useLatestRun = () =>
  useQuery<Verified | null>({ queryKey: ['verify', 'latest'], queryFn: ({ signal }) => latest(signal), refetchInterval: 15_000 });

const INTAKE_MILLISECONDS = 5000;
const MINUTE = 60;

/** Readings of the last minute, oldest first. */
export function withReading(readings: readonly Intake[], next: Intake): Intake[] {
  const last = readings.at(-1);
  if (last && last.at >= next.at) return [...readings];
  return [...readings.filter((one) => next.at - one.at <= MINUTE + 1), next];
}

export function useIntake() {
  const query = useQuery({ queryKey: ['intake'], queryFn: ({ signal }) => intake(signal), refetchInterval: INTAKE_MILLISECONDS });
  const [readings, setReadings] = useState<Intake[]>([]);
  const { data } = query;
  useEffect(() => {
    if (data) setReadings((old) => withReading(old, data));
  }, [data]);
  return { query, readings };
}
