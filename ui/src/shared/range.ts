/** The range of times that all pages show. It is part of the URL: `?from=now-1h&to=now`, or milliseconds since 1970, as in Grafana. */
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useSearchParams } from 'react-router';

/** Seconds since 1970. */
export interface Range {
  start: number;
  end: number;
}

export const DEFAULT_FROM = 'now-30m';
export const PRESETS = ['now-5m', 'now-15m', 'now-30m', 'now-1h', 'now-3h', 'now-6h', 'now-12h', 'now-24h', 'now-2d', 'now-7d'] as const;
export const REFRESHES = ['off', '5s', '10s', '30s', '1m', '5m'] as const;

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Seconds of `30s`, `5m`, `1h30m`; null where it is no duration. */
export function seconds(text: string): number | null {
  if (!/^(\d+[smhdw])+$/.test(text)) return null;
  return [...text.matchAll(/(\d+)([smhdw])/g)].reduce((sum, [, count, unit]) => sum + Number(count) * SECONDS[unit!]!, 0);
}

/** Seconds since 1970 of `now`, `now-1h`, milliseconds, or an ISO time; null where it is none of them. */
export function moment(text: string, now: number): number | null {
  if (text === 'now') return now;
  if (text.startsWith('now-')) {
    const back = seconds(text.slice(4));
    return back === null ? null : now - back;
  }
  if (/^\d+$/.test(text)) return Number(text) / 1000;
  const parsed = Date.parse(text);
  return Number.isNaN(parsed) ? null : parsed / 1000;
}

/** The range of two texts; the default one where they make none. */
export function resolve(from: string, to: string, now: number): Range {
  const end = moment(to, now) ?? now;
  const start = moment(from, now) ?? now - seconds(DEFAULT_FROM.slice(4))!;
  return start < end ? { start, end } : { start: end - 60, end };
}

/** A step in seconds that gives about a point for every two pixels, from a list of round ones. */
export function stepFor(range: Range, width: number): number {
  const raw = (range.end - range.start) / Math.max(50, width / 2);
  return [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400].find((step) => step >= raw) ?? 86_400;
}

export interface RangeState extends Range {
  from: string;
  to: string;
  refresh: string;
  /** Whether the end moves with the clock. */
  live: boolean;
  setRange: (from: string, to: string) => void;
  setRefresh: (every: string) => void;
  /** Look again, at the newest. */
  reload: () => void;
}

/** Aligned to seconds, so that panels that ask at the same time ask the same. */
const clock = () => Math.floor(Date.now() / 1000);

export function useRange(): RangeState {
  const [params, setParams] = useSearchParams();
  const from = params.get('from') ?? DEFAULT_FROM;
  const to = params.get('to') ?? 'now';
  const refresh = params.get('refresh') ?? '10s';
  const [now, setNow] = useState(clock);
  const live = to === 'now';
  const reload = useCallback(() => setNow(clock()), []);
  useEffect(() => {
    const every = seconds(refresh);
    if (!every || !live) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) setNow(clock());
    }, every * 1000);
    return () => clearInterval(timer);
  }, [refresh, live]);
  const change = useCallback(
    (values: Record<string, string>) =>
      setParams((old) => {
        const next = new URLSearchParams(old);
        for (const [name, value] of Object.entries(values)) next.set(name, value);
        return next;
      }),
    [setParams],
  );
  const setRange = useCallback(
    (first: string, last: string) => {
      setNow(clock());
      change({ from: first, to: last });
    },
    [change],
  );
  const setRefresh = useCallback((every: string) => change({ refresh: every }), [change]);
  return useMemo(
    () => ({ ...resolve(from, to, now), from, to, refresh, live, setRange, setRefresh, reload }),
    [from, to, now, refresh, live, setRange, setRefresh, reload],
  );
}

/** What a preset is called. */
export function presetName(from: string): string {
  const names: Record<string, string> = { m: 'minutes', h: 'hours', d: 'days' };
  const [, count, unit] = /^now-(\d+)([mhd])$/.exec(from) ?? [];
  return count && unit ? `Last ${count} ${count === '1' ? names[unit]!.slice(0, -1) : names[unit]!}` : from;
}
