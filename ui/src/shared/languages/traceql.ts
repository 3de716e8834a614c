/** What may stand at a place of a TraceQL query. */
import type { CompletionContext, CompletionResult } from '@codemirror/autocomplete';
import { parser } from './traceql.grammar';

export { parser };

export const INTRINSICS = [
  'name', 'status', 'statusMessage', 'duration', 'kind', 'traceDuration', 'rootName', 'rootServiceName', 'nestedSetParent', 'span:id', 'trace:id',
  'event:name', 'event:timeSinceStart', 'link:spanID', 'link:traceID', 'instrumentation:name', 'instrumentation:version',
] as const; // prettier-ignore
export const FUNCTIONS = ['count', 'avg', 'max', 'min', 'sum', 'by', 'select', 'coalesce', 'rate', 'count_over_time', 'quantile_over_time', 'histogram_over_time', 'compare'] as const;
const CONSTANTS: Record<string, readonly string[]> = {
  status: ['error', 'ok', 'unset'],
  kind: ['server', 'client', 'producer', 'consumer', 'internal', 'unspecified'],
};

export interface TraceqlNames {
  /** Attributes with their scope: `resource.service.name`, `span.http.route`. */
  attributes: () => Promise<readonly string[]>;
  values: (attribute: string) => Promise<readonly string[]>;
}

/** The attribute that is compared at the end of a text, and how much of its value is written. */
export function comparedWith(before: string): { name: string; text: string; quoted: boolean } | null {
  const [, name, quoted, bare] = /([A-Za-z_.][\w.:/-]*)\s*(?:=~|!~|!=|=)\s*(?:"([^"\\]*)|(\w*))$/.exec(before) ?? [];
  return name === undefined ? null : { name, text: quoted ?? bare ?? '', quoted: quoted !== undefined };
}

export function traceqlCompletion(names: TraceqlNames): (context: CompletionContext) => Promise<CompletionResult | null> {
  return async (context) => {
    const before = context.state.sliceDoc(0, context.pos);
    const value = comparedWith(before);
    if (value) {
      const constants = CONSTANTS[value.name];
      const known = constants ?? (await names.values(value.name));
      const apply = (text: string) => (constants || value.quoted ? text : JSON.stringify(text));
      return { from: context.pos - value.text.length, options: known.map((label) => ({ label, type: 'text', apply: apply(label) })) };
    }
    if ((before.match(/"/g)?.length ?? 0) % 2) return null;
    const word = context.matchBefore(/[\w.:/-]*/);
    if (!word || (word.from === word.to && !context.explicit && !/[{|]\s*$/.test(before))) return null;
    const inside = before.lastIndexOf('{') > before.lastIndexOf('}');
    const found = inside ? [...INTRINSICS, ...(await names.attributes())] : FUNCTIONS;
    return { from: word.from, options: found.map((label) => ({ label, type: inside ? 'property' : 'function' })), validFor: /^[\w.:/-]*$/ };
  };
}
