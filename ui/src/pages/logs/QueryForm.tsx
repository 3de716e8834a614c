/** The query, and what its language says of it. */
import { Button, Textarea } from '@mantine/core';
import { useRef, useState, type SubmitEvent } from 'react';
import { useKeys } from '../../shared/keys';
import type { RangeState } from '../../shared/range';

interface Props {
  query: string;
  labels: readonly string[];
  range: RangeState;
  error: unknown;
  onRun: (query: string) => void;
}

export function QueryForm({ query, error, onRun }: Props) {
  const [draft, setDraft] = useState(query);
  const field = useRef<HTMLTextAreaElement>(null);
  useKeys({ '/': () => field.current?.focus() });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onRun(draft);
  };
  return (
    <form role="search" aria-label="Search logs" className="log-query" onSubmit={submit}>
      <Textarea ref={field} size="xs" autosize minRows={1} aria-label="LogQL query" value={draft} error={error ? true : undefined} onChange={(event) => setDraft(event.currentTarget.value)} />
      <Button size="xs" type="submit">
        Run
      </Button>
    </form>
  );
}
