/** What may stand at a place of a LogQL query. Names and values of labels come from who asks. */
import type { Completion, CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { syntaxTree } from '@codemirror/language';
import { parser } from './logql.grammar';

export { parser };

export const RANGE_FUNCTIONS = [
  'rate', 'count_over_time', 'bytes_rate', 'bytes_over_time', 'sum_over_time', 'avg_over_time', 'max_over_time', 'min_over_time', 'first_over_time',
  'last_over_time', 'stddev_over_time', 'stdvar_over_time', 'quantile_over_time', 'rate_counter', 'absent_over_time',
] as const; // prettier-ignore
export const AGGREGATIONS = ['sum', 'avg', 'min', 'max', 'count', 'topk', 'bottomk', 'stddev', 'stdvar', 'sort', 'sort_desc', 'approx_topk'] as const;
export const STAGES = [
  'json', 'logfmt', 'pattern', 'regexp', 'unpack', 'line_format', 'label_format', 'unwrap', 'drop', 'keep', 'decolorize',
] as const; // prettier-ignore

export interface LogqlNames {
  /** Labels of streams. */
  labels: () => Promise<readonly string[]>;
  values: (label: string) => Promise<readonly string[]>;
  /** Fields and metadata of lines, for filters behind the selector. */
  fields: () => Promise<readonly string[]>;
}

const options = (names: readonly string[], type: string, more: Partial<Completion> = {}): Completion[] => names.map((label) => ({ label, type, ...more }));

/** The label whose value is written at the end of a text: `{a="b", c="…` is at `c`. */
export function valueOf(before: string): { label: string; from: number } | null {
  const [, label, text] = /([A-Za-z_]\w*)\s*(?:=~|!~|!=|=)\s*"([^"\\]*)$/.exec(before) ?? [];
  return label === undefined || text === undefined ? null : { label, from: before.length - text.length };
}

/** What kind of word stands at the end of a text. */
export function placeOf(before: string): 'label' | 'stage' | 'grouping' | 'start' | 'line' | null {
  const bare = before.replace(/"(?:[^"\\]|\\.)*"|`[^`]*`/g, '""');
  if (/"[^"]*$/.test(bare.replaceAll('""', '')) || /#[^\n]*$/.test(bare)) return null;
  if (/\{[^}]*$/.test(bare)) return /[{,]\s*\w*$/.test(bare) ? 'label' : null;
  if (/\b(?:by|without|on|ignoring)\s*\([^)]*$/.test(bare)) return 'grouping';
  if (/\|\s*\w*$/.test(bare)) return 'stage';
  if (/\b(?:drop|keep|unwrap|and|or)\s+\w*$|,\s*\w*$/.test(bare) && bare.includes('}')) return 'line';
  return /(?:^|[\s(+\-*/])\w*$/.test(bare) && !bare.includes('}') ? 'start' : null;
}

export function logqlCompletion(names: LogqlNames): (context: CompletionContext) => Promise<CompletionResult | null> {
  return async (context) => {
    const before = context.state.sliceDoc(0, context.pos);
    const value = valueOf(before);
    if (value) {
      const closing = context.state.sliceDoc(context.pos, context.pos + 1) === '"' ? '' : '"';
      const known = await names.values(value.label);
      return { from: value.from, options: known.map((label) => ({ label, type: 'text', apply: JSON.stringify(label).slice(1, -1) + closing })), validFor: /^[^"\\]*$/ };
    }
    if (syntaxTree(context.state).resolveInner(context.pos, -1).name === 'String') return null;
    const word = context.matchBefore(/\w*/);
    const place = placeOf(before);
    if (!word || !place || (word.from === word.to && !context.explicit && place !== 'label' && place !== 'stage')) return null;
    const labels = async (apply: string) => (await names.labels()).map((label) => ({ label, type: 'property', apply: label + apply }));
    const fields = async () => [...new Set([...(await names.fields()), ...(await names.labels())])];
    const found = {
      label: () => labels('="'),
      grouping: async () => options(await fields(), 'property'),
      line: async () => options(await fields(), 'property'),
      stage: async () => [...options(STAGES, 'keyword', { boost: 1 }), ...options(await fields(), 'property')],
      start: () => Promise.resolve<Completion[]>([
        { label: '{', type: 'text', detail: 'lines of streams', boost: 2 },
        ...options([...RANGE_FUNCTIONS, ...AGGREGATIONS], 'function'),
        ...options(['by', 'without'], 'keyword'),
      ]),
    } satisfies Record<typeof place, () => Promise<Completion[]>>;
    return { from: word.from, options: await found[place](), validFor: /^\w*$/ };
  };
}
