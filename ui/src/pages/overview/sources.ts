/** Which metrics say what a service answers and whom it calls. Their names differ by who counts the spans. */
import { duration as seconds } from '../../shared/units';
import { number, type Sample, type Series } from '../../shared/api/metrics';
// What `obsctl top` asks, too: the figures of both agree.
import catalogue from '../../../../templates/overview/requests.json';

/** Requests that services answered. */
export interface RequestSource {
  /** A counter. */
  calls: string;
  /** Buckets of a histogram; `scale` makes seconds of its values. */
  buckets: string;
  scale: number;
  /** The label that names the service. */
  service: string;
  /** Matchers of what is answered, and of what failed among it. */
  answered: string;
  failed: string;
}

/**
 * The first that has a service counts it: spans before requests, since spans know the messages that a worker takes, too.
 * In this order: the embedded server and Tempo's metrics generator; the collector's connector `spanmetrics`, by its unit
 * and its version; metrics of requests, OpenTelemetry's new and old, and those of usual client libraries.
 */
export const REQUESTS: readonly RequestSource[] = catalogue.requests;

/** Requests between services: Tempo's names, which the collector's connector `servicegraph` has, too. */
export const GRAPH = { calls: catalogue.graph.calls, failed: catalogue.graph.failed };
export const GRAPH_BUCKETS: readonly string[] = catalogue.graph.buckets;

/** All names above: what to ask for before anything else. */
export const NAMES: readonly string[] = [
  ...new Set([...REQUESTS.flatMap(({ calls, buckets }) => [calls, buckets]), GRAPH.calls, GRAPH.failed, ...GRAPH_BUCKETS]),
];

/** The sources that this stack has. Of those that count the same calls, the one whose durations are there. */
export function present(names: ReadonlySet<string>): RequestSource[] {
  const counted = REQUESTS.filter((source) => names.has(source.calls));
  return counted.filter(
    (source) => names.has(source.buckets) || !counted.some((other) => other !== source && other.calls === source.calls && names.has(other.buckets)),
  ).filter((source, at, all) => all.findIndex((other) => other.calls === source.calls) === at);
}

/** A text with the values of its `$names`. */
const filled = (template: string, values: Record<string, string>) => template.replace(/\$(\w+)/g, (_, name: string) => values[name]!);

export interface RequestQueries {
  rate: string;
  failed: string;
  p95: string;
}

function filledQueries(templates: RequestQueries, values: Record<string, string>): RequestQueries {
  return { rate: filled(templates.rate, values), failed: filled(templates.failed, values), p95: filled(templates.p95, values) };
}

/** `window` is a duration of PromQL. */
export function requestQueries(source: RequestSource, window: string): RequestQueries {
  const { calls, buckets, service, answered, scale } = source;
  const failed = [answered, source.failed].filter(Boolean).join(',');
  const queries = filledQueries(catalogue.queries.requests, { calls, buckets, service, answered, failed, window });
  return scale === 1 ? queries : { ...queries, p95: `${queries.p95} * ${scale}` };
}

export function graphQueries(names: ReadonlySet<string>, window: string): RequestQueries {
  const buckets = GRAPH_BUCKETS.find((name) => names.has(name)) ?? GRAPH_BUCKETS[0]!;
  return filledQueries(catalogue.queries.graph, { ...GRAPH, buckets, window });
}

export type Trail = readonly (number | null)[];
export interface Red {
  service: string;
  /** Requests per second; null where none is counted. */
  rate: number | null;
  /** The share that failed. */
  failed: number | null;
  /** Seconds. */
  p95: number | null;
  trails: { rate: Trail; failed: Trail; p95: Trail };
  source: RequestSource | null;
}
export interface Answers<T> {
  rate: readonly T[];
  failed: readonly T[];
  p95: readonly T[];
}
export interface RedInput {
  source: RequestSource;
  now: Answers<Sample>;
  trail: Answers<Series>;
}

const EMPTY = { rate: [], failed: [], p95: [] };

/** The share of failures; null where nothing was asked. */
export function share(failed: number | null | undefined, rate: number | null | undefined): number | null {
  return rate ? Math.min(1, (failed ?? 0) / rate) : null;
}

/** A value for every time of the grid; null where the series has none. */
export function onGrid(series: Series | undefined, times: readonly number[]): Trail {
  const values = new Map((series?.values ?? []).map(([at, text]) => [Math.round(at), number(text)]));
  return times.map((at) => values.get(Math.round(at)) ?? null);
}

/** A row for each service: of the first source that has it, and of those that are known and silent. */
export function redRows(inputs: readonly RedInput[], known: readonly string[], times: readonly number[]): Red[] {
  const rows = new Map<string, Red>();
  for (const { source, now, trail } of inputs) {
    const of = <T extends { metric: Record<string, string> }>(list: readonly T[], service: string) =>
      list.find((one) => one.metric[source.service] === service);
    for (const sample of now.rate) {
      const service = sample.metric[source.service];
      if (!service || rows.has(service)) continue;
      const rate = number(sample.value?.[1]);
      const rates = onGrid(of(trail.rate, service), times);
      const failures = onGrid(of(trail.failed, service), times);
      rows.set(service, {
        service,
        rate,
        failed: share(number(of(now.failed, service)?.value?.[1]), rate),
        p95: number(of(now.p95, service)?.value?.[1]),
        trails: { rate: rates, failed: rates.map((one, at) => share(failures[at], one)), p95: onGrid(of(trail.p95, service), times) },
        source,
      });
    }
  }
  for (const service of known)
    if (!rows.has(service)) rows.set(service, { service, rate: null, failed: null, p95: null, trails: EMPTY, source: null });
  return [...rows.values()].sort((a, b) => (a.service < b.service ? -1 : 1));
}

export interface Edge {
  from: string;
  to: string;
  /** `database`, `messaging_system`, `virtual_node`, or empty for a plain request. */
  kind: string;
  /** Requests per second. */
  rate: number | null;
  failed: number | null;
  /** Seconds. */
  p95: number | null;
}

export function edgesOf(answers: Answers<Sample>): Edge[] {
  const key = ({ metric }: Sample) => JSON.stringify([metric.client, metric.server, metric.connection_type ?? '']);
  const failed = new Map(answers.failed.map((sample) => [key(sample), number(sample.value?.[1])]));
  const p95 = new Map(answers.p95.map((sample) => [key(sample), number(sample.value?.[1])]));
  return answers.rate
    .filter(({ metric }) => metric.client && metric.server)
    .map((sample) => {
      const rate = number(sample.value?.[1]);
      const { client, server, connection_type } = sample.metric;
      return { from: client!, to: server!, kind: connection_type ?? '', rate, failed: share(failed.get(key(sample)), rate), p95: p95.get(key(sample)) ?? null };
    })
    .sort((a, b) => (a.from + '\0' + a.to < b.from + '\0' + b.to ? -1 : 1));
}

/** `/api/dependencies` of Jaeger: how many calls, and nothing more. */
export function edgesOfDependencies(dependencies: readonly { parent: string; child: string; callCount: number }[], seconds: number): Edge[] {
  return dependencies.map(({ parent, child, callCount }) => ({ from: parent, to: child, kind: '', rate: callCount / seconds, failed: null, p95: null }));
}

/** How bad a share of failures is. */
export type Health = 'good' | 'some' | 'bad' | 'unknown';
const SOME = 0.001;
const BAD = 0.05;

export function health(failed: number | null): Health {
  if (failed === null) return 'unknown';
  return failed >= BAD ? 'bad' : failed >= SOME ? 'some' : 'good';
}

/** Percent with as many digits as matter. */
export function percent(share: number | null): string {
  if (share === null) return '–';
  const value = share * 100;
  return value === 0 ? '0 %' : value < 0.01 ? '< 0.01 %' : value < 10 ? `${Number(value.toPrecision(2))} %` : `${Math.round(value)} %`;
}

/** Requests per second, or per minute where they are rare. */
export function rateText(rate: number | null): string {
  if (rate === null) return '–';
  if (rate === 0) return '0 /s';
  return rate < 0.1 ? `${Number((rate * 60).toPrecision(2))} /min` : `${Number(rate.toPrecision(3))} /s`;
}

export const durationText = (value: number | null): string => (value === null ? '–' : seconds(Number(value.toPrecision(3))));
