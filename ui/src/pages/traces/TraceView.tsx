/** Waterfall, minimap, find and details of a trace. Folds and zoom are of the moment; the span and what is looked for are in the URL. */
import { ActionIcon, Button, Group, Text, TextInput, Tooltip } from '@mantine/core';
import { useCallback, useDeferredValue, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { IconChevronDown, IconSearch } from '../../shared/icons';
import { useKeys } from '../../shared/keys';
import { useParamState } from '../../shared/params';
import { Minimap } from './Minimap';
import type { TraceModel } from './model';
import { Notes } from './Notes';
import { findSpans, foldedBelow, haystacks, isLog, nextHit, revealing, toggled, visibleRows, WHOLE, type Folded, type View } from './rows';
import { SpanDetails } from './SpanDetails';
import { Waterfall } from './Waterfall';

const NONE: Folded = new Set();
const FEW_LOGS = 200;

function useFolds(trace: TraceModel, chosen: number) {
  const [folded, setFolded] = useState<Folded>(() => (chosen >= 0 ? revealing(trace, NONE, chosen) : NONE));
  return { folded, setFolded, fold: useCallback((span: number) => setFolded((old) => toggled(old, span)), []) };
}

/** What is looked for in the spans, and where it is. */
function useFind(trace: TraceModel, text: string) {
  const deferred = useDeferredValue(text);
  const looked = deferred.trim() !== '';
  const stacks = useMemo(() => (looked ? haystacks(trace) : []), [trace, looked]);
  const list = useMemo(() => findSpans(stacks, deferred), [stacks, deferred]);
  return { list, set: useMemo(() => (looked ? new Set(list) : undefined), [looked, list]) };
}

export function TraceView({ trace, colours }: { trace: TraceModel; colours: readonly string[] }) {
  const [params, change] = useParamState();
  const span = params.get('span');
  const chosen = span === null ? -1 : (trace.index.get(span) ?? -1);
  const text = params.get('find') ?? '';
  const logs = (params.get('lines') ?? (trace.logs.length <= FEW_LOGS ? '1' : '0')) === '1';
  const [view, setView] = useState<View>(WHOLE);
  const { folded, setFolded, fold } = useFolds(trace, chosen);
  const rows = useMemo(() => visibleRows(trace, folded, logs), [trace, folded, logs]);
  const hits = useFind(trace, text);
  const search = useRef<HTMLInputElement>(null);
  const choose = useCallback(
    (next: number) => {
      setFolded((old) => revealing(trace, old, next));
      change({ span: next < 0 ? null : trace.spans[next]!.span_id }, true);
    },
    [change, setFolded, trace],
  );
  const move = (step: 1 | -1) => {
    const spans = rows.filter((row) => !isLog(row));
    const place = spans.indexOf(chosen);
    choose(spans[Math.min(spans.length - 1, Math.max(0, place + (place < 0 ? 1 : step)))] ?? -1);
  };
  const find = (step: 1 | -1) => {
    const hit = nextHit(hits.list, chosen, step);
    if (hit !== undefined) choose(hit);
  };
  const unfold = (open: boolean) => {
    if (chosen >= 0 && trace.size[chosen]! > 1 && folded.has(chosen) === open) fold(chosen);
    else if (!open && chosen >= 0 && trace.parent[chosen]! >= 0) choose(trace.parent[chosen]!);
  };
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowLeft: () => unfold(false),
    ArrowRight: () => unfold(true),
    n: () => find(1),
    N: () => find(-1),
    '/': () => search.current?.focus(),
    Escape: () => (document.activeElement === search.current ? search.current?.blur() : choose(-1)),
  });
  const onKey = (event: KeyboardEvent) => {
    const action: Record<string, () => void> = { ArrowDown: () => move(1), ArrowUp: () => move(-1), Enter: () => chosen < 0 && move(1) };
    const act = action[event.key];
    if (!act || event.target !== event.currentTarget) return;
    event.preventDefault();
    act();
  };
  const actions = useMemo(() => ({ choose, fold }), [choose, fold]);
  return (
    <>
      <Notes trace={trace} onShow={choose} onView={setView} missing={span !== null && chosen < 0 ? span : ''} />
      <Group gap={6} mb={4} className="trace-tools">
        <FoldTools trace={trace} setFolded={setFolded} />
        {trace.logs.length > 0 && (
          <Button size="compact-xs" variant={logs ? 'light' : 'default'} aria-pressed={logs} onClick={() => change({ lines: logs ? '0' : '1' }, true)}>
            Log lines
          </Button>
        )}
        {(view.from > 0 || view.to < 1) && (
          <Button size="compact-xs" variant="light" onClick={() => setView(WHOLE)}>
            Whole trace
          </Button>
        )}
        <TextInput
          ref={search}
          className="find"
          size="xs"
          aria-label="Find in spans"
          placeholder="find in spans  ( / )"
          leftSection={<IconSearch size={14} />}
          value={text}
          onChange={(event) => change({ find: event.currentTarget.value }, true)}
          onKeyDown={(event) => event.key === 'Enter' && find(event.shiftKey ? -1 : 1)}
        />
        <Text size="xs" c="dimmed" role="status" miw={56}>
          {hits.set && (hits.list.length ? `${hits.list.indexOf(chosen) + 1} of ${hits.list.length}` : 'no span')}
        </Text>
        <StepButtons disabled={!hits.list.length} find={find} />
      </Group>
      <Minimap trace={trace} colours={colours} view={view} onView={setView} />
      <div className="trace-body">
        <div className="trace-main">
          <Waterfall {...{ trace, rows, colours, view, folded, chosen, actions, onKey }} hits={hits.set} />
        </div>
        {chosen >= 0 && <SpanDetails key={chosen} trace={trace} span={chosen} onClose={() => choose(-1)} />}
      </div>
    </>
  );
}

function StepButtons({ disabled, find }: { disabled: boolean; find: (step: 1 | -1) => void }) {
  return (
    <>
      <Tooltip label="Previous (N)">
        <ActionIcon variant="default" size="sm" disabled={disabled} onClick={() => find(-1)} aria-label="Previous span found">
          <span className="turned">
            <IconChevronDown size={14} />
          </span>
        </ActionIcon>
      </Tooltip>
      <Tooltip label="Next (n)">
        <ActionIcon variant="default" size="sm" disabled={disabled} onClick={() => find(1)} aria-label="Next span found">
          <IconChevronDown size={14} />
        </ActionIcon>
      </Tooltip>
    </>
  );
}

function FoldTools({ trace, setFolded }: { trace: TraceModel; setFolded: (folded: Folded) => void }) {
  return (
    <Button.Group>
      <Button size="compact-xs" variant="default" onClick={() => setFolded(foldedBelow(trace, 1))}>
        Fold all
      </Button>
      {[2, 3].map((depth) => (
        <Button key={depth} size="compact-xs" variant="default" aria-label={`Show ${depth} levels`} onClick={() => setFolded(foldedBelow(trace, depth))}>
          {depth}
        </Button>
      ))}
      <Button size="compact-xs" variant="default" onClick={() => setFolded(NONE)}>
        Unfold all
      </Button>
    </Button.Group>
  );
}
