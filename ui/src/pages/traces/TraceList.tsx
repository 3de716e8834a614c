/** The traces of a range of times: a search, its answer as points and as a table. */
import { Alert, Button, Group, Text, VisuallyHidden } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useMemo, useRef, useState } from 'react';
import { useNavigate } from 'react-router';
import { useStack, type Stack } from '../../shared/api/obsctl';
import { searchTraces, speaksTraceql, type FoundTraces } from '../../shared/api/traces';
import { colours } from '../../shared/charts/palette';
import { useKeys } from '../../shared/keys';
import { to, useHref } from '../../shared/links';
import { useParamState } from '../../shared/params';
import { useRange } from '../../shared/range';
import { Failed, Nothing, Waiting } from '../../shared/states';
import { Scatter } from './Scatter';
import { formOf, paramsOf, picked, remarks, searchOf, sorted, sortNamed, wrong, type Form } from './search';
import { SearchForm } from './SearchForm';
import { TraceqlForm } from './TraceqlForm';
import { TraceTable } from './TraceTable';

export function TraceList() {
  const { data: stack, error, refetch } = useStack();
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  return stack ? <Search stack={stack} /> : <Waiting />;
}

function Search({ stack }: { stack: Stack }) {
  const [params, change] = useParamState();
  const range = useRange();
  const form = formOf(params);
  const first = useRef<HTMLInputElement>(null);
  const found = useQuery({
    queryKey: ['traces', form, range.start, range.end],
    queryFn: ({ signal }) => searchTraces(stack, searchOf(form, range.start, range.end), signal),
    placeholderData: keepPreviousData,
    enabled: !Object.keys(wrong(form)).length,
  });
  useKeys({ '/': () => first.current?.focus(), Escape: () => first.current?.blur() });
  const search = (next: Form) => {
    change(paramsOf(next));
    range.reload();
  };
  return (
    <div className="fill">
      <VisuallyHidden component="h1">Traces</VisuallyHidden>
      <SearchForm key={JSON.stringify(form)} stack={stack} form={form} first={first} onSearch={(next) => search({ ...next, q: '' })} />
      {speaksTraceql(stack) && <TraceqlForm key={form.q} query={form.q} error={found.error} onRun={(q) => search({ ...form, q })} />}
      {found.error ? (
        <Failed error={found.error} retry={() => void found.refetch()} />
      ) : found.data ? (
        <Answer found={found.data} limit={searchOf(form, 0, 0).limit} searched={Object.keys(paramsOf(form)).some((name) => name !== 'limit' && paramsOf(form)[name])} />
      ) : (
        <Waiting />
      )}
    </div>
  );
}

function Answer({ found, limit, searched }: { found: FoundTraces; limit: number; searched: boolean }) {
  const [params, change] = useParamState();
  const range = useRange();
  const navigate = useNavigate();
  const link = useHref();
  const sort = sortNamed(params.get('sort'));
  const traces = useMemo(() => sorted(found.traces, sort), [found, sort]);
  const hues = useMemo(() => colours([...new Set(found.traces.flatMap((trace) => trace.services))].sort()), [found]);
  const chosen = (params.get('picked') ?? '').split(',').filter(Boolean);
  const [current, setCurrent] = useState(-1);
  const open = (id: string) => void navigate(link(to.trace(id)));
  const move = (step: number) => setCurrent((old) => Math.min(traces.length - 1, Math.max(0, old + step)));
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ...(current >= 0 && traces[current] && document.activeElement === document.body && { Enter: () => open(traces[current]!.id) }),
    x: () => traces[current] && change({ picked: picked(chosen, traces[current].id).join(',') }, true),
  });
  if (!traces.length)
    return (
      <Nothing title="No traces in this range">
        {searched ? 'Search for less, or look at a longer range.' : 'Look at a longer range, or send some: the page Start says how.'}
        {found.warnings.map((warning) => (
          <p key={warning}>{warning}</p>
        ))}
      </Nothing>
    );
  return (
    <>
      <Scatter
        traces={traces}
        start={range.start}
        end={range.end}
        onOpen={open}
        onRange={(from, until) => range.setRange(String(Math.floor(from)), String(Math.ceil(until)))}
      />
      {remarks(found, limit).map((remark) => (
        <Alert key={remark} color="yellow" variant="light" p={4} mb={4}>
          <Text size="xs">{remark}</Text>
        </Alert>
      ))}
      <Group gap="xs" mb={4}>
        <Text size="xs" c="dimmed" role="status">
          {traces.length} {traces.length === 1 ? 'trace' : 'traces'}
        </Text>
        <Button
          size="compact-xs"
          variant="default"
          ml="auto"
          disabled={chosen.length !== 2}
          onClick={() => void navigate(link({ page: to.trace(chosen[0]!).page, params: { compare: chosen[1] } }))}
        >
          Compare the two picked
        </Button>
      </Group>
      <TraceTable
        traces={traces}
        colours={hues}
        current={current}
        picked={chosen}
        sort={sort}
        onPick={(id) => change({ picked: picked(chosen, id).join(',') }, true)}
        onSort={(next) => change({ sort: next === 'newest' ? null : next }, true)}
      />
    </>
  );
}
