/** What Grafana's own variables stand for: https://grafana.com/docs/grafana/latest/visualizations/dashboards/variables/add-template-variables/#global-variables. */
import { seconds, type Range } from '../../../shared/range';

/** Seconds. */
export interface Times extends Range {
  scrape: number;
  /** `$__interval`: the step of a graph. */
  interval: number;
}

/** Limits and round steps in milliseconds, as Grafana rounds them. */
const ROUND: readonly [below: number, step: number][] = [
  [10, 1], [15, 10], [35, 20], [75, 50], [150, 100], [350, 200], [750, 500], [1500, 1000], [3500, 2000], [7500, 5000], [12_500, 10_000],
  [17_500, 15_000], [25_000, 20_000], [45_000, 30_000], [90_000, 60_000], [210_000, 120_000], [450_000, 300_000], [750_000, 600_000],
  [1_050_000, 900_000], [1_500_000, 1_200_000], [2_700_000, 1_800_000], [5_400_000, 3_600_000], [9_000_000, 7_200_000],
  [16_200_000, 10_800_000], [32_400_000, 21_600_000], [86_400_000, 43_200_000], [604_800_000, 86_400_000], [1_814_400_000, 604_800_000],
]; // prettier-ignore

export function rounded(milliseconds: number): number {
  return ROUND.find(([below]) => milliseconds < below)?.[1] ?? 2_592_000_000;
}

/** Seconds of a step as text: `30s`, `>1m`, `500ms`; null where it is none. */
export function stepOf(text: string): number | null {
  const plain = text.replace(/^>/, '').trim();
  const small = /^(\d+(?:\.\d+)?)ms$/.exec(plain);
  if (small) return Number(small[1]) / 1000;
  if (/^\d+$/.test(plain)) return Number(plain);
  return seconds(plain);
}

/** A second at least: the query APIs are asked on a grid of whole seconds. */
export function timesOf(range: Range, scrape: number, points: number, least: number | null): Times {
  const raw = rounded(((range.end - range.start) * 1000) / Math.max(1, points)) / 1000;
  return { ...range, scrape, interval: Math.max(1, raw, least ?? scrape) };
}

/** Long enough for a rate to find two samples, whatever the step. */
export const rateInterval = (times: Times): number => Math.max(times.interval + times.scrape, 4 * times.scrape);

/** What an interval variable stands for that leaves it to the page. */
export const autoInterval = (times: Times, count: number, least: string): number =>
  Math.max(rounded(((times.end - times.start) * 1000) / Math.max(1, count)) / 1000, stepOf(least) ?? 0);

/** A duration as every dialect takes it. */
export function durationText(value: number): string {
  const milliseconds = Math.round(value * 1000);
  return milliseconds % 1000 ? `${milliseconds}ms` : `${milliseconds / 1000}s`;
}

/** The value of a variable of Grafana's own; undefined for any other name. */
export function globalValue(name: string, format: string, times: Times, title: string): string | undefined {
  const range = times.end - times.start;
  const all: Record<string, () => string> = {
    __rate_interval: () => durationText(rateInterval(times)),
    __rate_interval_ms: () => String(Math.round(rateInterval(times) * 1000)),
    __interval: () => durationText(times.interval),
    __interval_ms: () => String(Math.round(times.interval * 1000)),
    __auto: () => durationText(times.interval),
    __range: () => durationText(range),
    __range_s: () => String(Math.round(range)),
    __range_ms: () => String(Math.round(range * 1000)),
    __from: () => moment(times.start, format),
    __to: () => moment(times.end, format),
    __dashboard: () => title,
    __timezone: () => Intl.DateTimeFormat().resolvedOptions().timeZone,
    __name: () => '',
    __org: () => '1',
    __user: () => '',
    __searchFilter: () => '.*',
  };
  const [root, field] = name.split('.', 2) as [string, string?];
  if (field !== undefined && ['__org', '__user', '__dashboard'].includes(root)) return field === 'uid' || field === 'name' || field === 'id' ? all[root]!() : '';
  return Object.hasOwn(all, name) ? all[name]!() : undefined;
}

export const GLOBALS: readonly string[] = [
  '__rate_interval', '__rate_interval_ms', '__interval', '__interval_ms', '__auto', '__range', '__range_s', '__range_ms', '__from', '__to',
  '__dashboard', '__timezone', '__name', '__org', '__user', '__searchFilter',
]; // prettier-ignore

function moment(value: number, format: string): string {
  if (format === 'date' || format === 'date:iso') return new Date(value * 1000).toISOString();
  if (format === 'date:seconds') return String(Math.round(value));
  if (format.startsWith('date:')) return dated(new Date(value * 1000), format.slice(5));
  return String(Math.round(value * 1000));
}

/** The parts of a date that formats of `${__from:date:YYYY-MM}` name, in UTC. */
function dated(date: Date, pattern: string): string {
  const [day, clock] = date.toISOString().split('T') as [string, string];
  const [year, month, monthDay] = day.split('-') as [string, string, string];
  const parts: Record<string, string> = { YYYY: year, MM: month, DD: monthDay, HH: clock.slice(0, 2), mm: clock.slice(3, 5), ss: clock.slice(6, 8) };
  return pattern.replace(/YYYY|MM|DD|HH|mm|ss/g, (part) => parts[part]!);
}
