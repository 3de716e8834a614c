/** The variables of a dashboard with what they can be and what is chosen, which is kept in the URL as `var-NAME`. */
import { keepPreviousData, useQueries } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';
import * as logs from '../../../shared/api/logs';
import * as metrics from '../../../shared/api/metrics';
import { fill, references, type Chosen, type Scope } from '../grafana/interpolate';
import { own } from '../grafana/json';
import type { Option, Variable } from '../grafana/model';
import { dialectOf, kindOf, ROLES, type SourceKind } from '../grafana/sources';
import type { Times } from '../grafana/times';
import { asked, choice, intervalValue, options, staticOptions, waitsFor } from '../grafana/variables';
import { seriesName } from './frames';

export interface VariableState {
  chosen: Readonly<Record<string, Chosen>>;
  /** Variable -> what it can be, without "All". */
  options: Readonly<Record<string, readonly Option[]>>;
  errors: Readonly<Record<string, unknown>>;
  choose: (name: string, value: readonly string[]) => void;
}

/** Alignment of the times that variables ask about, in seconds: values come and go slowly, and every question costs. */
const ALIGNED = 60;

export function useVariables(variables: readonly Variable[], times: Times, title: string): VariableState {
  const [params, setParams] = useSearchParams();
  const answers = useAnswers(variables, params, times, title);
  const choose = useCallback(
    (name: string, value: readonly string[]) =>
      setParams((old) => {
        const next = new URLSearchParams(old);
        next.delete(`var-${name}`);
        for (const one of value) next.append(`var-${name}`, one);
        return next;
      }),
    [setParams],
  );
  const state = useMemo(() => stateOf(variables, params, answers), [variables, params, answers]);
  return useMemo(() => ({ ...state, choose }), [state, choose]);
}

interface Answered {
  values: readonly string[] | undefined;
  error: unknown;
}

function stateOf(variables: readonly Variable[], params: URLSearchParams, answers: readonly Answered[]): Omit<VariableState, 'choose'> {
  const chosen: Record<string, Chosen> = {};
  const all: Record<string, readonly Option[]> = {};
  const errors: Record<string, unknown> = {};
  variables.forEach((variable, index) => {
    const { values, error } = answers[index] ?? { values: undefined, error: undefined };
    const known = staticOptions(variable) ?? (values ? options(values, variable) : []);
    const waiting = needsAnswer(variable) && values === undefined && !error;
    chosen[variable.name] = { variable, value: choice(variable, params.getAll(`var-${variable.name}`), known), all: known.map((one) => one.value), waiting };
    all[variable.name] = known;
    if (error) errors[variable.name] = error;
  });
  return { chosen, options: all, errors };
}

const needsAnswer = (variable: Variable): boolean => variable.type === 'query' && asked(variable.query) !== null;

/** Chains: a variable is asked about once those in its question are known. */
function useAnswers(variables: readonly Variable[], params: URLSearchParams, times: Times, title: string): readonly Answered[] {
  const start = Math.floor(times.start / ALIGNED) * ALIGNED;
  const end = Math.ceil(times.end / ALIGNED) * ALIGNED;
  const key = JSON.stringify(variables.map((variable) => params.getAll(`var-${variable.name}`)));
  return useQueries({
    queries: variables.map((variable, index) => ({
      queryKey: ['variable', title, variable.name, variable.query, dependencyKey(variable, variables, params, key), start, end],
      queryFn: ({ signal }: { signal: AbortSignal }) => answersOf({ variables, params, times: { ...times, start, end }, title, signal, answers: new Map() }, index),
      enabled: variable.type === 'datasource' || needsAnswer(variable),
      staleTime: ALIGNED * 1000,
      placeholderData: keepPreviousData,
    })),
    combine: combined,
  });
}

const combined = (results: readonly { data: readonly string[] | undefined; error: Error | null }[]): Answered[] =>
  results.map((result) => ({ values: result.data, error: result.error ?? undefined }));

/** Only what a variable depends on makes it be asked again. */
function dependencyKey(variable: Variable, variables: readonly Variable[], params: URLSearchParams, whole: string): string {
  const used = references(variable.query);
  const names = variables.filter((one) => used.has(one.name));
  if (names.some((one) => [...references(one.query)].length)) return whole;
  return JSON.stringify(names.map((one) => params.getAll(`var-${one.name}`)));
}

/** One round of questions: each variable is asked about once in it. */
interface Round {
  variables: readonly Variable[];
  params: URLSearchParams;
  times: Times;
  title: string;
  signal: AbortSignal;
  answers: Map<number, Promise<string[]>>;
}

/** The values of one variable. Those that it depends on are asked first; `above` are those that wait for it, so that circles end. */
function answersOf(round: Round, index: number, above: readonly number[] = []): Promise<string[]> {
  const known = round.answers.get(index);
  if (known) return known;
  const variable = round.variables[index]!;
  const answer = settled(round, variable.query, [...above, index]).then((chosen) => askFor(variable, { chosen, times: round.times, title: round.title }, round.signal));
  round.answers.set(index, answer);
  return answer;
}

async function settled(round: Round, query: string, above: readonly number[]): Promise<Record<string, Chosen>> {
  const used = references(query);
  const chosen: Record<string, Chosen> = {};
  for (const [index, variable] of round.variables.entries()) {
    if (!used.has(variable.name)) continue;
    const known = staticOptions(variable);
    const inUrl = round.params.getAll(`var-${variable.name}`);
    const first = { variable, value: choice(variable, inUrl, known ?? []), all: (known ?? []).map((one) => one.value), waiting: !known };
    const enough = known !== null || above.includes(index) || !waitsFor(`$${variable.name}`, { [variable.name]: first });
    const values = enough ? null : options(await answersOf(round, index, above), variable);
    chosen[variable.name] = intervalValue(values ? { ...first, value: choice(variable, inUrl, values), all: values.map((one) => one.value) } : first, round.times);
  }
  return chosen;
}

async function askFor(variable: Variable, scope: Scope, signal: AbortSignal): Promise<string[]> {
  if (variable.type === 'datasource') return [own(ROLES, variable.query) ?? variable.query];
  const kind = kindOf(variable.source, scope.chosen, '');
  const question = asked(fill(variable.query, scope, dialectOf(kind)));
  if (!question) return [];
  return kind === 'logs' ? askLogs(question, scope.times, signal) : askMetrics(question, scope.times, kind, signal);
}

type Question = NonNullable<ReturnType<typeof asked>>;

async function askMetrics(question: Question, { start, end }: Times, kind: SourceKind, signal: AbortSignal): Promise<string[]> {
  if (kind !== 'metrics') return [];
  const match = 'match' in question && question.match ? [question.match] : [];
  switch (question.kind) {
    case 'values':
      return metrics.labelValues(question.label, match, start, end, signal);
    case 'names':
      return metrics.labelNames(match, start, end, signal);
    case 'metrics': {
      const names = await metrics.labelValues('__name__', [], start, end, signal);
      return names.filter((name) => new RegExp(question.pattern).test(name));
    }
    case 'series':
      return (await metrics.series(match, start, end, signal)).map((labels) => seriesName(labels));
    case 'result':
      return (await metrics.instant(question.expr, end, signal)).map(({ metric, value }) => `${seriesName(metric)} ${value?.[1] ?? ''} ${(value?.[0] ?? 0) * 1000}`);
  }
}

async function askLogs(question: Question, { start, end }: Times, signal: AbortSignal): Promise<string[]> {
  if (question.kind === 'values') return logs.logLabelValues(question.label, start, end, signal);
  return question.kind === 'names' ? logs.logLabels(start, end, signal) : [];
}
