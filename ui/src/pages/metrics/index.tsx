/** Metrics: what there is, questions about it, and what makes it many. */
import '../../shared/languages/editor.css';
import '../dashboards/dashboards.css';
import './metrics.css';
import { ActionIcon, Button, Group, SegmentedControl, Skeleton, Text, Title } from '@mantine/core';
import { lazy, Suspense, useCallback, useMemo, useRef } from 'react';
import { useSearchParams } from 'react-router';
import { IconClose } from '../../shared/icons';
import { useKeys } from '../../shared/keys';
import { Browser } from './Browser';
import { Cardinality } from './Cardinality';
import { questionOf, type Family } from './families';
import { Results } from './Results';
import { errorOffset, readState, writeState, type MetricsState, type View } from './state';
import { useAnswers, type Answer } from './useAnswers';

const Editor = lazy(async () => {
  const [editor, { promql }] = await Promise.all([import('../../shared/languages/Editor'), import('./promql')]);
  type Given = Omit<Parameters<typeof editor.default>[0], 'language'>;
  return { default: (given: Given) => <editor.default {...given} language={promql} /> };
});

const VIEWS = [
  { value: 'graph', label: 'Graph' },
  { value: 'table', label: 'Table' },
  { value: 'cardinality', label: 'Cardinality' },
];

export default function Metrics() {
  const [params, setParams] = useSearchParams();
  const state = useMemo(() => readState(params), [params]);
  const change = useCallback((next: (old: MetricsState) => MetricsState) => setParams((old) => writeState(old, next(readState(old)))), [setParams]);
  const answers = useAnswers(state.queries, state.view === 'table');
  const page = useRef<HTMLDivElement>(null);
  useKeys({ '/': () => page.current?.querySelector<HTMLElement>('.cm-content')?.focus() });
  const replace = (index: number, query: string) =>
    state.queries[index] !== query && change((old) => ({ ...old, queries: old.queries.map((one, at) => (at === index ? query : one)) }));
  const pick = useCallback(
    (family: Family) => change((old) => ({ view: old.view === 'cardinality' ? 'graph' : old.view, queries: [...old.queries.filter((query) => query.trim()), questionOf(family)] })),
    [change],
  );
  return (
    <div className="metrics" ref={page}>
      <Browser onPick={pick} />
      <div className="metrics-main">
        <Group justify="space-between" gap="xs" mb="xs">
          <Title order={2} size="h4">
            Metrics
          </Title>
          <SegmentedControl size="xs" aria-label="View" data={VIEWS} value={state.view} onChange={(view) => change((old) => ({ ...old, view: view as View }))} />
        </Group>
        {state.view === 'cardinality' ? (
          <Cardinality />
        ) : (
          <>
            {state.queries.map((query, index) => (
              <QueryField
                key={index}
                query={query}
                index={index}
                answer={answers[index]}
                onUse={(text) => replace(index, text)}
                onRemove={state.queries.length > 1 ? () => change((old) => ({ ...old, queries: old.queries.filter((_, at) => at !== index) })) : undefined}
              />
            ))}
            <Button size="compact-xs" variant="subtle" mb="xs" onClick={() => change((old) => ({ ...old, queries: [...old.queries, ''] }))}>
              Add a query
            </Button>
            <Results queries={state.queries} answers={answers} view={state.view} />
          </>
        )}
      </div>
    </div>
  );
}

interface FieldProps {
  query: string;
  index: number;
  answer: Answer | undefined;
  onUse: (text: string) => void;
  onRemove: (() => void) | undefined;
}

function QueryField({ query, index, answer, onUse, onRemove }: FieldProps) {
  const message = answer?.error ? answer.error.message : '';
  const at = message ? errorOffset(message, query) : null; // what has no place is said below, and marks nothing
  const error = useMemo(() => (at === null ? undefined : { message, at }), [message, at]);
  return (
    <div className="query-field">
      <Group gap={6} wrap="nowrap" align="flex-start">
        <div style={{ flex: 1, minWidth: 0 }}>
          <Suspense fallback={<Skeleton h={34} />}>
            <Editor value={query} label={`Query ${index + 1}`} hint="PromQL, then Enter" error={error} onRun={onUse} onLeave={onUse} />
          </Suspense>
        </div>
        {onRemove && (
          <ActionIcon variant="subtle" color="gray" mt={3} aria-label={`Remove query ${index + 1}`} onClick={onRemove}>
            <IconClose size={16} />
          </ActionIcon>
        )}
      </Group>
      {message && (
        <Text size="xs" c="red" role="alert" className="wrap-anywhere">
          {message}
        </Text>
      )}
      {answer?.warnings.map((warning) => (
        <Text key={warning} size="xs" c="orange" className="wrap-anywhere">
          {warning}
        </Text>
      ))}
    </div>
  );
}
