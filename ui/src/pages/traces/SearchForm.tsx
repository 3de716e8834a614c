/** What to look for. Enter or the button searches; what is chosen from a list counts at once. */
import { Autocomplete, Button, Group, NativeSelect, Switch, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type SubmitEvent, type RefObject } from 'react';
import type { Stack } from '../../shared/api/obsctl';
import { traceOperations, traceServices } from '../../shared/api/traces';
import { LIMITS, wrong, type Form } from './search';

interface Props {
  stack: Stack;
  form: Form;
  first: RefObject<HTMLInputElement | null>;
  onSearch: (form: Form) => void;
}

export function SearchForm({ stack, form, first, onSearch }: Props) {
  const [draft, setDraft] = useState(form);
  const services = useQuery({ queryKey: ['trace services'], queryFn: ({ signal }) => traceServices(stack, signal) });
  const operations = useQuery({
    queryKey: ['trace operations', draft.service],
    queryFn: ({ signal }) => traceOperations(stack, draft.service, signal),
  });
  const bad = wrong(draft);
  const set = (changes: Partial<Form>) => setDraft((old) => ({ ...old, ...changes }));
  const now = (changes: Partial<Form>) => {
    const next = { ...draft, ...changes };
    setDraft(next);
    if (!Object.keys(wrong(next)).length) onSearch(next);
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    now({});
  };
  return (
    <form onSubmit={submit} role="search" aria-label="Search traces" className="trace-search">
      <NativeSelect
        size="xs"
        label="Service"
        value={draft.service}
        onChange={(event) => now({ service: event.currentTarget.value, operation: '' })}
        data={[{ value: '', label: 'all services' }, ...new Set([...(services.data ?? []), ...(draft.service ? [draft.service] : [])])]}
      />
      <Autocomplete
        size="xs"
        label="Operation"
        placeholder={draft.service ? 'any' : 'any (of a service)'}
        value={draft.operation}
        data={[...new Set(operations.data ?? [])]}
        onChange={(operation) => set({ operation })}
        onOptionSubmit={(operation) => now({ operation })}
      />
      <TextInput
        ref={first}
        size="xs"
        label="Attributes"
        placeholder="http.route=/users"
        value={draft.tags}
        error={bad.tags}
        onChange={(event) => set({ tags: event.currentTarget.value })}
      />
      <TextInput size="xs" label="At least" placeholder="100ms" value={draft.min} error={bad.min} onChange={(event) => set({ min: event.currentTarget.value })} />
      <TextInput size="xs" label="At most" placeholder="2s" value={draft.max} error={bad.max} onChange={(event) => set({ max: event.currentTarget.value })} />
      <NativeSelect size="xs" label="Limit" value={draft.limit} data={[...new Set([...LIMITS, draft.limit])]} onChange={(event) => now({ limit: event.currentTarget.value })} />
      <Group gap="xs" wrap="nowrap" className="trace-search-last">
        <Switch size="xs" label="Only errors" checked={draft.errors} onChange={(event) => now({ errors: event.currentTarget.checked })} />
        <Button size="xs" type="submit">
          Search
        </Button>
      </Group>
    </form>
  );
}
