/** Texts with their variables filled in, as Grafana and its data sources do it. */
import { own } from './json';
import { globalValue, type Times } from './times';
import { ALL, type Choice, type Variable } from './model';

/** A variable with what is chosen for it. */
export interface Chosen {
  variable: Variable;
  value: Choice;
  /** Every value that it can have; what "All" stands for where the variable says nothing else. */
  all: readonly string[];
  /** Whether the values that it can have are still asked for. */
  waiting: boolean;
}
export interface Scope {
  chosen: Readonly<Record<string, Chosen>>;
  times: Times;
  title: string;
  /** `__field.labels.job`, `__value.raw`: what a link is clicked on. */
  clicked?: Readonly<Record<string, string>>;
}
export type Dialect = 'promql' | 'logql' | 'plain';

const REFERENCE = /\$(\w+)|\[\[(\w+?)(?::(\w+))?\]\]|\$\{([\w.]+)(?:\["([^"]*)"\])?(?::([^}]+))?\}/g;

/** The names of the variables that a text refers to. */
export function references(text: string): Set<string> {
  return new Set([...text.matchAll(REFERENCE)].map(([, plain, brackets, , braces]) => plain ?? brackets ?? braces ?? ''));
}

/** Unknown references stay as they are: `$1` is a group of a regular expression. */
export function fill(text: string, scope: Scope, dialect: Dialect = 'plain'): string {
  return text.replace(REFERENCE, (whole, ...groups: (string | undefined)[]) => {
    const [plain, brackets, bracketFormat, braces, key, braceFormat] = groups;
    const format = bracketFormat ?? braceFormat ?? '';
    const name = (plain ?? brackets ?? braces ?? '') + (key === undefined ? '' : `.${key}`);
    const clicked = scope.clicked && own(scope.clicked, name);
    if (clicked !== undefined) return written([clicked], format, dialect, false);
    const chosen = Object.hasOwn(scope.chosen, name) ? scope.chosen[name] : undefined;
    if (chosen) return writtenVariable(chosen, format, dialect, scope);
    if (name === '__url_time_range') return `from=${Math.round(scope.times.start * 1000)}&to=${Math.round(scope.times.end * 1000)}`;
    if (name === '__all_variables') return Object.values(scope.chosen).map(parameters).join('&');
    return globalValue(name, format, scope.times, scope.title) ?? whole;
  });
}

function writtenVariable(chosen: Chosen, format: string, dialect: Dialect, scope: Scope): string {
  const { variable, value } = chosen;
  if (variable.type === 'interval' && value[0]?.startsWith('$__auto')) return globalValue('__auto', '', scope.times, '') ?? '';
  if (format === 'queryparam') return parameters(chosen);
  if (format === 'text') return value.map((one) => (one === ALL ? 'All' : (variable.options.find((option) => option.value === one)?.text ?? one))).join(' + ');
  const all = value.includes(ALL);
  if (all && variable.allValue) return variable.allValue;
  const several = variable.multi || variable.includeAll;
  return written(all ? chosen.all : value, format, variable.type === 'datasource' ? 'plain' : dialect, several);
}

const parameters = ({ variable, value }: Chosen): string => value.map((one) => `var-${encodeURIComponent(variable.name)}=${encodeURIComponent(one)}`).join('&');

const regex = (value: string): string => value.replace(/[\\^$*+?.()|{}[\]/]/g, (letter) => (letter === '/' ? letter : `\\${letter}`));
const quoted = (value: string): string => value.replace(/[\\"]/g, '\\$&');

/** A value as the data sources write it: one as text, of a variable that may have several as a regular expression. */
function written(values: Choice, format: string, dialect: Dialect, several: boolean): string {
  const known = own(FORMATS, format.split(':')[0]!);
  if (known) return known(values);
  if (dialect === 'plain') return values.length > 1 ? `{${values.join(',')}}` : (values[0] ?? '');
  if (!several) return quoted(values.join('|'));
  const escaped = values.map((value) => quoted(regex(value)));
  return escaped.length === 1 ? escaped[0]! : `(${escaped.join('|')})`;
}

const FORMATS: Readonly<Record<string, (values: Choice) => string>> = {
  raw: (values) => values.join(','),
  csv: (values) => values.join(','),
  pipe: (values) => values.join('|'),
  regex: (values) => (values.length === 1 ? regex(values[0]!) : `(${values.map(regex).join('|')})`),
  glob: (values) => (values.length === 1 ? values[0]! : `{${values.join(',')}}`),
  json: (values) => JSON.stringify(values.length === 1 ? values[0] : values),
  doublequote: (values) => values.map((value) => `"${value.replaceAll('"', '\\"')}"`).join(','),
  singlequote: (values) => values.map((value) => `'${value.replaceAll("'", "\\'")}'`).join(','),
  sqlstring: (values) => values.map((value) => `'${value.replaceAll("'", "''")}'`).join(','),
  percentencode: (values) => encodeURIComponent(values.length === 1 ? values[0]! : `{${values.join(',')}}`),
  uriencode: (values) => encodeURI(values.length === 1 ? values[0]! : `{${values.join(',')}}`),
};
