/** The data of one panel: asked while it is in view, anew when its times or variables change. */
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { seconds, type Range } from '../../../shared/range';
import { fill, type Scope } from '../grafana/interpolate';
import type { Panel } from '../grafana/model';
import { stepOf, timesOf } from '../grafana/times';
import { intervalValue, waitsFor } from '../grafana/variables';
import { ask, questionsOf, type PanelData, type Question } from './ask';
import { usePlace } from './place';

export interface PanelState {
  scope: Scope;
  questions: readonly Question[];
  data: PanelData | undefined;
  error: unknown;
  waiting: boolean;
  again: () => void;
}

/** Pixels for one point, and what a width is rounded to, so that a few pixels more do not ask again. */
const PIXELS_PER_POINT = 2;
const WIDTHS = 100;

/** The scope of a panel: its own times, where it has them, and what a repetition fixes. */
export function scopeOf(panel: Panel, width: number, place: Pick<ReturnType<typeof usePlace>, 'chosen' | 'range' | 'scrape' | 'title'>): Scope {
  const chosen = { ...place.chosen };
  for (const [name, value] of Object.entries(panel.scoped)) if (chosen[name]) chosen[name] = { ...chosen[name], value, waiting: false };
  const range = ownRange(panel, place.range);
  const points = panel.maxDataPoints || Math.max(50, (Math.ceil(width / WIDTHS) * WIDTHS) / PIXELS_PER_POINT);
  const bare: Scope = { chosen, times: timesOf(range, place.scrape, points, null), title: place.title };
  const least = [panel.interval, ...panel.targets.map((target) => target.interval)].flatMap((text) => (text ? [stepOf(fill(text, bare))] : []));
  const known = least.filter((step) => step !== null);
  const times = timesOf(range, place.scrape, points, known.length ? Math.max(...known) : null);
  return { ...bare, times, chosen: Object.fromEntries(Object.entries(chosen).map(([name, one]) => [name, intervalValue(one, times)])) };
}

function ownRange(panel: Panel, range: Range): Range {
  const length = seconds(panel.timeFrom.replace(/^now-/, ''));
  const back = seconds(panel.timeShift.replace(/^now-/, '')) ?? 0;
  const start = length === null ? range.start : range.end - length;
  return { start: start - back, end: range.end - back };
}

export function usePanel(panel: Panel, width: number, inView: boolean): PanelState {
  const place = usePlace();
  const scope = useMemo(() => scopeOf(panel, width, place), [panel, width, place]);
  const questions = useMemo(() => questionsOf(panel, scope), [panel, scope]);
  const waits = panel.targets.some((target) => waitsFor(target.expr, scope.chosen));
  const { start, end, interval } = scope.times;
  const result = useQuery({
    queryKey: ['panel', panel.type, questions.map((one) => [one.kind, one.expr, one.target.refId, one.target.instant, one.target.legend]), panel.key, start, end, interval],
    queryFn: ({ signal }) => ask(panel, questions, scope, signal),
    enabled: inView && width > 0 && !waits && questions.length > 0,
    placeholderData: keepPreviousData,
    structuralSharing: false,
    gcTime: 60_000,
  });
  return { scope, questions, data: result.data, error: result.error, waiting: result.isFetching || waits, again: () => void result.refetch() };
}
