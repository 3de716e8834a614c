/** What a panel asks of the stack, and what it gets. */
import * as logs from '../../../shared/api/logs';
import type { LogLine } from '../../../shared/api/logs';
import * as metrics from '../../../shared/api/metrics';
import { fill, type Scope } from '../grafana/interpolate';
import type { Panel, Target } from '../grafana/model';
import { dialectOf, kindOf, type SourceKind } from '../grafana/sources';
import { dotsOf, gridOf, legendOf, sampleFrames, seriesFrames, type Dot, type Frame, type Grid } from './frames';

export interface PanelData {
  frames: Frame[];
  dots: Dot[];
  lines: LogLine[];
  grid: Grid;
  /** What the servers said beside the result. */
  warnings: string[];
}

/** A target with its variables filled in. */
export interface Question {
  target: Target;
  kind: SourceKind;
  expr: string;
}

const DRAWS_LINES: readonly string[] = ['timeseries', 'heatmap', 'stat', 'gauge', 'bargauge', 'state-timeline', 'status-history', 'piechart', 'barchart', 'trend', 'histogram'];

/** What is asked; a target of a source that the stack does not have is said, and asks nobody. */
export function questionsOf(panel: Panel, scope: Scope): Question[] {
  return panel.targets.flatMap((target): Question[] => {
    const kind = kindOf(target.source, scope.chosen, panel.type);
    const expr = fill(target.expr, scope, dialectOf(kind)).trim();
    return target.hidden || !expr || kind === 'other' ? [] : [{ target: { ...target, legend: fill(target.legend, scope) }, kind, expr }];
  });
}

export async function ask(panel: Panel, questions: readonly Question[], scope: Scope, signal: AbortSignal): Promise<PanelData> {
  const { start, end, interval } = scope.times;
  const grid = gridOf(start, end, interval);
  const parts = await Promise.all(questions.map((question) => askOne(panel, question, scope, grid, signal)));
  return {
    frames: parts.flatMap((part) => part.frames ?? []),
    dots: dotsOf(parts.flatMap((part) => part.exemplars ?? []), grid.step),
    lines: parts.flatMap((part) => part.lines ?? []),
    grid,
    warnings: [...new Set(parts.flatMap((part) => part.warnings ?? []))],
  };
}

interface Part {
  frames?: Frame[];
  lines?: LogLine[];
  exemplars?: metrics.ExemplarSeries[];
  warnings?: string[];
}

async function askOne(panel: Panel, question: Question, scope: Scope, grid: Grid, signal: AbortSignal): Promise<Part> {
  if (question.kind === 'logs') return askLogs(panel, question, scope, grid, signal);
  const { target, expr } = question;
  if (target.instant) {
    const told = await metrics.queryAt(expr, scope.times.end, signal);
    const { data } = told;
    const samples = data.resultType === 'vector' ? data.result : data.resultType === 'matrix' ? [] : [{ metric: {}, value: data.result }];
    return { frames: sampleFrames(samples, target, legends(target, expr, samples.length)), warnings: told.warnings };
  }
  const wanted = target.exemplar && ['timeseries', 'heatmap'].includes(panel.type);
  const [told, exemplars] = await Promise.all([
    metrics.queryRange(expr, grid.start, grid.end, grid.step, signal),
    wanted ? metrics.exemplars(expr, scope.times.start, scope.times.end, signal).catch(() => []) : [],
  ]);
  const series = told.data.resultType === 'matrix' ? told.data.result : [];
  return { frames: seriesFrames(series, target, grid, legends(target, expr, series.length)), exemplars, warnings: told.warnings };
}

const legends = (target: Target, expr: string, count: number) => (labels: metrics.Labels) => legendOf(target.legend, labels, expr, count === 1);

async function askLogs(panel: Panel, { target, expr }: Question, scope: Scope, grid: Grid, signal: AbortSignal): Promise<Part> {
  if (DRAWS_LINES.includes(panel.type)) {
    const series = await logs.logSeries(expr, grid.start, grid.end, grid.step, signal);
    return { frames: seriesFrames(series, target, grid, legends(target, expr, series.length)) };
  }
  return { lines: await logs.logLines(expr, scope.times.start, scope.times.end, target.maxLines, { signal }) };
}
