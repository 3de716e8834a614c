/** The query, with what its language and the server say of it. */
import '../../shared/languages/editor.css';
import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useMemo, useRef, useState, type SubmitEvent } from 'react';
import { detectedFields, logLabelValues } from '../../shared/api/logs';
import { useKeys } from '../../shared/keys';
import type { RangeState } from '../../shared/range';
import { errorPlace } from './query';

const Editor = lazy(async () => {
  const [editor, language] = await Promise.all([import('../../shared/languages/Editor'), import('../../shared/languages/logql')]);
  type Given = Omit<Parameters<typeof editor.default>[0], 'language'> & { names: Parameters<typeof language.logqlCompletion>[0] };
  const Logql = ({ names, ...given }: Given) => {
    const logql = useMemo(() => editor.queryLanguage(language.parser, language.logqlCompletion(names)), [names]);
    return <editor.default {...given} language={logql} />;
  };
  return { default: Logql };
});

interface Props {
  query: string;
  labels: readonly string[];
  range: RangeState;
  error: unknown;
  onRun: (query: string) => void;
}

function useNames(labels: readonly string[], range: RangeState) {
  const client = useQueryClient();
  const now = useRef({ labels, range });
  now.current = { labels, range };
  return useMemo(() => {
    const staleTime = 60_000;
    const { start, end } = now.current.range;
    return {
      labels: () => Promise.resolve(now.current.labels),
      values: (label: string) =>
        client.query({ queryKey: ['log label values', label], staleTime, queryFn: () => logLabelValues(label, start, end) }).catch(() => []),
      fields: () =>
        client
          .query({ queryKey: ['log fields'], staleTime, queryFn: () => detectedFields('{service_name=~".+"}', start, end) })
          .then((fields) => fields.map((field) => field.label))
          .catch(() => []),
    };
  }, [client]);
}

export function QueryForm({ query, labels, range, error, onRun }: Props) {
  const [draft, setDraft] = useState(query);
  const [shown, setShown] = useState(query);
  const form = useRef<HTMLFormElement>(null);
  const names = useNames(labels, range);
  if (shown !== query) {
    setShown(query);
    setDraft(query);
  }
  useKeys({ '/': () => form.current?.querySelector<HTMLElement>('.cm-content')?.focus() });
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onRun(draft);
  };
  const message = error instanceof Error ? error.message : '';
  const wrong = useMemo(() => (message ? { message, at: errorPlace(message, query) } : undefined), [message, query]);
  return (
    <form ref={form} role="search" aria-label="Search logs" className="log-query" onSubmit={submit}>
      <Suspense fallback={<div className="query-editor-place mono">{draft}</div>}>
        <Editor value={draft} label="LogQL query" names={names} error={wrong} onChange={setDraft} onRun={onRun} />
      </Suspense>
      <Button size="xs" type="submit">
        Run
      </Button>
    </form>
  );
}
