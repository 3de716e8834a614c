/** Marks on graphs: the times at which the queries of a dashboard's annotations have a value. */
import { keepPreviousData, useQueries } from '@tanstack/react-query';
import { useMemo } from 'react';
import * as metrics from '../../../shared/api/metrics';
import { fill, type Scope } from '../grafana/interpolate';
import type { Annotation } from '../grafana/model';
import { kindOf } from '../grafana/sources';
import { waitsFor } from '../grafana/variables';
import { colorOf } from './colors';
import { legendOf } from './frames';
import { number } from '../../../shared/api/metrics';
import type { Mark } from './place';

const MOST = 100;
const NONE: readonly Mark[] = [];

export function useMarks(annotations: readonly Annotation[], scope: Scope): readonly Mark[] {
  const { start, end, interval } = scope.times;
  const found = useQueries({
    queries: annotations.map((annotation) => {
      const expr = fill(annotation.expr, scope, 'promql');
      const step = Math.max(interval, (end - start) / 500);
      return {
        queryKey: ['marks', expr, start, end],
        queryFn: async ({ signal }: { signal: AbortSignal }) => marksOf(await metrics.range(expr, Math.floor(start), Math.ceil(end), Math.ceil(step), signal), annotation, step),
        enabled: annotation.enabled && kindOf(annotation.source, scope.chosen, '') === 'metrics' && !waitsFor(annotation.expr, scope.chosen),
        placeholderData: keepPreviousData,
      };
    }),
    combine: joined,
  });
  return useMemo(() => (found.length ? found : NONE), [found]);
}

const joined = (results: readonly { data: Mark[] | undefined }[]): Mark[] => results.flatMap((result) => result.data ?? []);

/** A mark where each run of samples without a gap begins. */
export function marksOf(series: readonly metrics.Series[], annotation: Pick<Annotation, 'name' | 'title' | 'color'>, step: number): Mark[] {
  const marks: Mark[] = [];
  for (const { metric, values = [] } of series) {
    for (const [at, value] of values) {
      if (!number(value)) continue;
      const last = marks.at(-1);
      const name = legendOf(annotation.title || annotation.name, metric, annotation.name, true);
      if (last?.title === name && at * 1000 - last.until <= step * 1500) last.until = at * 1000;
      else marks.push({ at: at * 1000, until: at * 1000, title: name, color: colorOf(annotation.color) ?? '#e03131' });
    }
  }
  return marks.slice(0, MOST);
}
