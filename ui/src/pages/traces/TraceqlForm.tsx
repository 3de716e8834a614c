/** A search in TraceQL, where the stack's traces speak it. What it says replaces the form. */
import '../../shared/languages/editor.css';
import { Button } from '@mantine/core';
import { lazy, Suspense, useMemo, useState, type SubmitEvent } from 'react';
import { get } from '../../shared/api/http';

const Editor = lazy(async () => {
  const [editor, language] = await Promise.all([import('../../shared/languages/Editor'), import('../../shared/languages/traceql')]);
  const traceql = editor.queryLanguage(language.parser, language.traceqlCompletion({ attributes, values }));
  type Given = Omit<Parameters<typeof editor.default>[0], 'language'>;
  return { default: (given: Given) => <editor.default {...given} language={traceql} /> };
});

const TAGS = '/proxy/traces/api/v2/search/tag';

const attributes = (): Promise<readonly string[]> =>
  get<{ scopes?: { name: string; tags?: string[] }[] }>(`${TAGS}s`)
    .then((answer) => (answer.scopes ?? []).filter((scope) => scope.name !== 'intrinsic').flatMap((scope) => (scope.tags ?? []).map((tag) => `${scope.name}.${tag}`)))
    .catch(() => []);

const values = (attribute: string): Promise<readonly string[]> =>
  get<{ tagValues?: { value: string }[] }>(`${TAGS}/${encodeURIComponent(attribute)}/values`)
    .then((answer) => (answer.tagValues ?? []).map((one) => one.value))
    .catch(() => []);

interface Props {
  query: string;
  error: unknown;
  onRun: (query: string) => void;
}

export function TraceqlForm({ query, error, onRun }: Props) {
  const [draft, setDraft] = useState(query);
  const message = query && error instanceof Error ? error.message : '';
  const wrong = useMemo(() => (message ? { message, at: place(message) } : undefined), [message]);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onRun(draft);
  };
  return (
    <form className="traceql" role="search" aria-label="Search traces with TraceQL" onSubmit={submit}>
      <Suspense fallback={<div className="query-editor-place mono">{draft}</div>}>
        <Editor value={draft} label="TraceQL query" hint='{ status = error && duration > 1s }' error={wrong} onChange={setDraft} onRun={onRun} />
      </Suspense>
      <Button size="xs" variant="default" type="submit">
        Run TraceQL
      </Button>
    </form>
  );
}

/** Tempo says `line 1, col 3`; queries have one line. */
function place(message: string): number | null {
  const [, column] = /line 1, col(?:umn)? (\d+)/.exec(message) ?? [];
  return column === undefined ? null : Math.max(0, Number(column) - 1);
}
