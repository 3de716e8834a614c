/** The variables of a dashboard: what they ask, what they can be, what is chosen in the URL. Pure. */
import { autoInterval, durationText, type Times } from './times';
import { references, type Chosen } from './interpolate';
import { ALL, type Choice, type Option, type Variable } from './model';

/** What a query variable asks of its data source. */
export type Asked =
  | { kind: 'values'; label: string; match: string }
  | { kind: 'names'; match: string }
  | { kind: 'metrics'; pattern: string }
  | { kind: 'result'; expr: string }
  | { kind: 'series'; match: string };

export function asked(query: string): Asked | null {
  const text = query.trim();
  const values = /^label_values\((?:(.*),)?\s*([\w.:${}[\]"]+)\s*\)$/s.exec(text);
  if (values) return { kind: 'values', match: values[1]?.trim() ?? '', label: values[2]!.replaceAll('"', '') };
  const names = /^label_names\((.*)\)$/s.exec(text);
  if (names) return { kind: 'names', match: names[1]!.trim() };
  const metrics = /^metrics\((.*)\)$/s.exec(text);
  if (metrics) return { kind: 'metrics', pattern: metrics[1]! };
  const result = /^query_result\((.*)\)$/s.exec(text);
  if (result) return { kind: 'result', expr: result[1]! };
  return text && /^[\w:]*(\{.*\})?$/s.test(text) ? { kind: 'series', match: text } : null;
}

/** Values as the variable wants them: those that its pattern takes, its groups, in its order. */
export function options(values: readonly string[], variable: Pick<Variable, 'regex' | 'sort'>): Option[] {
  const pattern = patternOf(variable.regex);
  const made = values.flatMap((value): Option[] => {
    if (!pattern) return [{ text: value, value }];
    const found = [...value.matchAll(pattern)];
    return found.map((match) => {
      const plain = match[1] ?? match[0];
      return { value: match.groups?.value ?? match.groups?.text ?? plain, text: match.groups?.text ?? match.groups?.value ?? plain };
    });
  });
  const distinct = [...new Map(made.map((option) => [option.value, option])).values()];
  return sorted(distinct, variable.sort);
}

function patternOf(text: string): RegExp | null {
  if (!text) return null;
  const parts = /^\/(.*)\/([a-z]*)$/s.exec(text);
  try {
    return parts ? new RegExp(parts[1]!, [...new Set(`${parts[2]!.replace(/[^imsu]/g, '')}g`)].join('')) : new RegExp(`^${text}$`, 'g');
  } catch {
    return null;
  }
}

const number = (option: Option): number => Number(/-?\d+(\.\d+)?/.exec(option.text)?.[0] ?? Infinity);
const plain = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function sorted(all: Option[], how: number): Option[] {
  const kind = Math.ceil(how / 2);
  if (!kind) return all;
  const compare = [
    (a: Option, b: Option) => plain(a.text, b.text),
    (a: Option, b: Option) => number(a) - number(b) || plain(a.text, b.text),
    (a: Option, b: Option) => plain(a.text.toLowerCase(), b.text.toLowerCase()),
    (a: Option, b: Option) => a.text.localeCompare(b.text, undefined, { numeric: true }),
  ][kind - 1];
  const inOrder = compare ? [...all].sort(compare) : all;
  return how % 2 ? inOrder : inOrder.reverse();
}

/** The options of a variable that needs nobody to be asked; null for one that does. */
export function staticOptions(variable: Variable): Option[] | null {
  switch (variable.type) {
    case 'custom':
      return custom(variable);
    case 'interval': {
      const list = variable.query.split(',').map((one) => one.trim().replace(/^["']|["']$/g, '')).filter(Boolean);
      const steps = list.map((value) => ({ text: value, value }));
      return variable.auto ? [{ text: 'auto', value: `$__auto_interval_${variable.name}` }, ...steps] : steps;
    }
    case 'constant':
    case 'textbox':
      return [];
    case 'switch':
      return variable.options.length ? [...variable.options] : [{ text: 'true', value: 'true' }, { text: 'false', value: 'false' }];
    default:
      return null;
  }
}

/** `a, b : 2, c\,d`: values, names with values, commas that belong to a value. */
function custom(variable: Variable): Option[] {
  const parts = variable.query.match(/(?:\\,|[^,])+/g) ?? [];
  const made = parts.map((part) => {
    const whole = part.replaceAll('\\,', ',').trim();
    const [, name, value] = /^(.+?)\s+:\s+(.+)$/s.exec(whole) ?? [];
    return name === undefined ? { text: whole, value: whole } : { text: name, value: value! };
  });
  return made.length ? made : variable.options.filter((option) => option.value !== ALL);
}

/** What is chosen: the URL, else what the file says, else the first that there is. */
export function choice(variable: Variable, inUrl: readonly string[], known: readonly Option[]): Choice {
  const fromUrl = inUrl.map((value) => (value === 'All' && variable.includeAll ? ALL : value));
  if (variable.type === 'constant') return [variable.query || (variable.current[0] ?? '')];
  if (variable.type === 'textbox') return [fromUrl[0] ?? variable.current[0] ?? variable.query];
  if (fromUrl.length) return variable.multi ? fromUrl : fromUrl.slice(0, 1);
  if (variable.type === 'datasource') return known[0] ? [known[0].value] : [];
  const current = variable.current.filter(Boolean);
  if (current.includes(ALL) && variable.includeAll) return [ALL];
  const still = known.length && variable.type === 'query' ? current.filter((value) => known.some((option) => option.value === value)) : current;
  if (still.length) return variable.multi ? still : still.slice(0, 1);
  if (variable.includeAll) return [ALL];
  return known[0] ? [known[0].value] : [];
}

/** Names of variables whose questions end nowhere: they depend on themselves, or on others that do. */
export function circular(variables: readonly Variable[]): ReadonlySet<string> {
  const names = new Set(variables.map((variable) => variable.name));
  let left = variables.filter((variable) => variable.type === 'query').map(({ name, query }) => ({ name, uses: [...references(query)].filter((used) => names.has(used)) }));
  for (;;) {
    const waiting = new Set(left.map(({ name }) => name));
    const next = left.filter(({ uses }) => uses.some((used) => waiting.has(used)));
    if (next.length === left.length) return waiting;
    left = next;
  }
}

/** An automatic interval has its value with the times that are shown. */
export function intervalValue(chosen: Chosen, times: Times): Chosen {
  if (chosen.variable.type !== 'interval' || !chosen.value[0]?.startsWith('$__auto')) return chosen;
  return { ...chosen, value: [durationText(autoInterval(times, chosen.variable.autoCount, chosen.variable.autoMin))] };
}

/** Whether a text needs a value that is still asked for: what it can be decides only where the choice does not. */
export function waitsFor(text: string, chosen: Readonly<Record<string, Chosen>>): boolean {
  return [...references(text)].some((name) => {
    const one = Object.hasOwn(chosen, name) ? chosen[name] : undefined;
    if (!one?.waiting) return false;
    return one.value.length === 0 || (one.value.includes(ALL) && !one.variable.allValue);
  });
}
