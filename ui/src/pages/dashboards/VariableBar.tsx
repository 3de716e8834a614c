/** The choices of a dashboard, above its panels. */
import { Group, MultiSelect, Select, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { isFilledIn } from './drawable';
import type { VariableState } from './data/useVariables';
import { ALL, type Board, type Option, type Variable } from './grafana/model';

const MOST = 200;

export function VariableBar({ board, state }: { board: Board; state: VariableState }) {
  const shown = board.variables.filter((variable) => isFilledIn(variable) && !variable.hidden && variable.type !== 'constant' && !(variable.type === 'datasource' && (state.options[variable.name]?.length ?? 0) < 2));
  if (!shown.length) return null;
  return (
    <Group gap="xs" mb="xs" align="flex-end" role="group" aria-label="Variables">
      {shown.map((variable) => (
        <Choice key={variable.name} variable={variable} state={state} />
      ))}
    </Group>
  );
}

/** What a failed question says. */
const wrong = (error: unknown): string | undefined => (error === undefined ? undefined : error instanceof Error ? error.message : 'its values cannot be asked');

function Choice({ variable, state }: { variable: Variable; state: VariableState }) {
  const value = state.chosen[variable.name]?.value ?? [];
  const options = state.options[variable.name] ?? [];
  const error = wrong(state.errors[variable.name]);
  const common = { size: 'xs', label: variable.hideLabel ? undefined : variable.label, 'aria-label': variable.label, title: variable.description, error, w: { base: '100%', xs: 200 } } as const;
  if (variable.type === 'textbox') return <Typed variable={variable} value={value[0] ?? ''} choose={state.choose} />;
  if (!variable.multi) {
    const data = dataOf(options, value, variable.includeAll);
    return <Select {...common} data={data} value={value[0] ?? null} onChange={(next) => next !== null && state.choose(variable.name, [next])} searchable={data.length > 8} limit={MOST} allowDeselect={false} nothingFoundMessage="No such value" />;
  }
  const several = value.filter((one) => one !== ALL);
  const change = (next: string[]) => state.choose(variable.name, next.length ? next : variable.includeAll ? [ALL] : []);
  return <MultiSelect {...common} data={dataOf(options, several, false)} value={several} onChange={change} placeholder={several.length ? undefined : variable.includeAll ? 'All' : 'None'} searchable clearable limit={MOST} nothingFoundMessage="No such value in this time" />; // prettier-ignore
}

/** Options with what is chosen, also where it is no longer there. */
function dataOf(options: readonly Option[], value: readonly string[], all: boolean) {
  const known = new Map([...(all ? [[ALL, 'All'] as const] : []), ...options.map((option) => [option.value, option.text] as const)]);
  for (const one of value) if (!known.has(one)) known.set(one, one === ALL ? 'All' : one);
  return [...known].map(([id, label]) => ({ value: id, label: label || '(empty)' }));
}

function Typed({ variable, value, choose }: { variable: Variable; value: string; choose: VariableState['choose'] }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const use = () => text !== value && choose(variable.name, text ? [text.trim()] : []);
  return (
    <TextInput
      size="xs"
      label={variable.hideLabel ? undefined : variable.label}
      aria-label={variable.label}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={use}
      onKeyDown={(event) => event.key === 'Enter' && use()}
      w={{ base: '100%', xs: 300 }}
    />
  );
}
