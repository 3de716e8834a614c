/** Calculations over the values of a series: https://grafana.com/docs/grafana/latest/panels-visualizations/calculation-types/. Pure. */
import { own } from '../grafana/json';

type Values = readonly (number | null)[];

const present = (values: Values): number[] => values.filter((value) => value !== null);
const sum = (values: Values): number => present(values).reduce((total, value) => total + value, 0);
const many = (values: Values, of: (known: number[]) => number): number | null => {
  const known = present(values);
  return known.length ? of(known) : null;
};

const mean = (values: Values) => many(values, (known) => sum(known) / known.length);
const variance = (values: Values) => many(values, (known) => known.reduce((total, value) => total + (value - sum(known) / known.length) ** 2, 0) / known.length);

function quantile(known: number[], share: number): number {
  const inOrder = [...known].sort((a, b) => a - b);
  const place = (inOrder.length - 1) * share;
  const low = inOrder[Math.floor(place)]!;
  return low + (inOrder[Math.ceil(place)]! - low) * (place - Math.floor(place));
}

export const CALCS: Readonly<Record<string, (values: Values) => number | null>> = {
  lastNotNull: (values) => values.findLast((value) => value !== null) ?? null,
  last: (values) => values.at(-1) ?? null,
  firstNotNull: (values) => values.find((value) => value !== null) ?? null,
  first: (values) => values[0] ?? null,
  min: (values) => many(values, (known) => known.reduce((a, b) => Math.min(a, b))),
  max: (values) => many(values, (known) => known.reduce((a, b) => Math.max(a, b))),
  mean,
  median: (values) => many(values, (known) => quantile(known, 0.5)),
  sum: (values) => many(values, sum),
  count: (values) => values.length,
  range: (values) => many(values, (known) => known.reduce((a, b) => Math.max(a, b)) - known.reduce((a, b) => Math.min(a, b))),
  delta: (values) => many(values, (known) => known.slice(1).reduce((total, value, index) => total + Math.max(0, value - known[index]!), 0)),
  diff: (values) => many(values, (known) => known.at(-1)! - known[0]!),
  diffperc: (values) => many(values, (known) => (known[0] ? (known.at(-1)! - known[0]) / known[0] : 0)),
  stdDev: (values) => {
    const squared = variance(values);
    return squared === null ? null : Math.sqrt(squared);
  },
  variance,
  distinctCount: (values) => new Set(values).size,
  changeCount: (values) => present(values).filter((value, index, known) => index > 0 && value !== known[index - 1]).length,
};

const OTHER_NAMES: Readonly<Record<string, string>> = { current: 'lastNotNull', avg: 'mean', total: 'sum' };
const WORDS: Readonly<Record<string, string>> = { lastNotNull: 'last', firstNotNull: 'first', stdDev: 'std. dev.', diffperc: 'difference %', distinctCount: 'distinct', changeCount: 'changes' };

export const calcName = (id: string): string => own(OTHER_NAMES, id) ?? id;

/** What a calculation is called in a legend. */
export const calcWord = (id: string): string => own(WORDS, calcName(id)) ?? calcName(id);

/** The value of a calculation; `p95` and the like are quantiles. null where there is none. */
export function calculate(id: string, values: Values): number | null {
  const name = calcName(id);
  if (Object.hasOwn(CALCS, name)) return CALCS[name]!(values);
  const share = /^p(\d{1,2})$/.exec(name)?.[1];
  return share === undefined ? null : many(values, (known) => quantile(known, Number(share) / 100));
}

export const knownCalc = (id: string): boolean => Object.hasOwn(CALCS, calcName(id)) || /^p\d{1,2}$/.test(id);
