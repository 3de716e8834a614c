/** A dashboard: its variables, its sections, its panels. */
import { Anchor, Group, Menu, Tabs, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import { Link, useLocation, useSearchParams } from 'react-router';
import { useStack } from '../../shared/api/obsctl';
import { IconChevronDown, IconChevronRight } from '../../shared/icons';
import { useKeys } from '../../shared/keys';
import { useRange } from '../../shared/range';
import { Nothing } from '../../shared/states';
import { boards } from './api';
import { PlaceProvider, type BoardPlace } from './data/place';
import { useHeld } from './data/useHeld';
import { useMarks } from './data/useMarks';
import { useVariables } from './data/useVariables';
import { destination } from './grafana/destinations';
import { fill, type Scope } from './grafana/interpolate';
import { packed } from './grafana/layout';
import { TOP, type Board, type BoardLink, type Panel, type Section } from './grafana/model';
import { repeated, scopedTo } from './grafana/repeat';
import { timesOf } from './grafana/times';
import { Lacks } from './Lacks';
import { PanelBox } from './PanelBox';
import { VariableBar } from './VariableBar';

const SCRAPE = 15;
const POINTS = 500;
const TIMES = ['from', 'to', 'refresh'];
const ASKED = ['panel', 'variable'];

export function BoardView({ board, actions, said }: { board: Board; actions?: React.ReactNode; said?: string }) {
  const range = useRange();
  const { data: stack } = useStack();
  const scrape = stack?.scrape_interval ?? SCRAPE;
  const { start, end } = useHeld(range, ASKED);
  const times = useMemo(() => timesOf({ start, end }, scrape, POINTS, null), [start, end, scrape]);
  const variables = useVariables(board.variables, times, board.title);
  const { setRange } = range;
  const zoom = useCallback((from: number, until: number) => setRange(String(Math.floor(from)), String(Math.ceil(until))), [setRange]);
  const scope = useMemo<Scope>(() => ({ chosen: variables.chosen, times, title: board.title }), [variables.chosen, times, board.title]);
  const marks = useMarks(board.annotations, scope);
  const { sections, notes } = useMemo(() => repeated(board.sections, variables.chosen), [board.sections, variables.chosen]);
  const place = useMemo<BoardPlace>(
    () => ({
      title: board.title, range: { start, end }, scrape, chosen: variables.chosen, zoom, marks,
      group: board.tooltip ? `board-${board.uid}` : undefined, allTooltips: board.tooltip === 2,
      traceIds: board.variables.some((variable) => variable.type === 'textbox'),
    }),
    [board, start, end, scrape, variables.chosen, zoom, marks],
  ); // prettier-ignore
  return (
    <PlaceProvider value={place}>
      <Group justify="space-between" gap="xs" mb={4} wrap={actions ? 'wrap' : 'nowrap'} align="flex-start">
        <div style={{ minWidth: 0 }}>
          <Title order={2} size="h4">
            {board.title}
          </Title>
          {board.description && (
            <Text size="sm" c="dimmed">
              {board.description}
            </Text>
          )}
          {said && (
            <Text size="xs" c="dimmed" className="wrap-anywhere">
              {said}
            </Text>
          )}
        </div>
        <Group gap="xs" wrap={actions ? 'wrap' : 'nowrap'}>
          <BoardLinks links={board.links} scope={scope} current={board.uid} />
          {actions}
        </Group>
      </Group>
      <VariableBar board={board} state={variables} />
      <Lacks board={board} notes={notes} />
      <Panels sections={sections} scope={scope} />
    </PlaceProvider>
  );
}

function Panels({ sections, scope }: { sections: readonly Section[]; scope: Scope }) {
  const [params, setParams] = useSearchParams();
  const view = params.get('viewPanel');
  const all = sections.flatMap((section) => section.panels);
  const alone = view === null ? undefined : all.find((panel) => panel.key === view || String(panel.id) === view);
  useKeys({
    Escape: () => {
      if (alone)
        setParams((old) => {
          const next = new URLSearchParams(old);
          next.delete('viewPanel');
          return next;
        });
    },
  });
  const viewOf = (panel: Panel | null) => {
    const next = new URLSearchParams(params);
    if (panel) next.set('viewPanel', panel.key);
    else next.delete('viewPanel');
    return `?${next.toString()}`;
  };
  if (alone) {
    return (
      <div className="panel-alone">
        <PanelBox panel={alone} toggleView={viewOf(null)} alone />
      </div>
    );
  }
  const tabs = [...new Set(sections.map((section) => section.tab))].filter(Boolean);
  const tab = tabs.find((one) => one === params.get('tab')) ?? tabs[0] ?? '';
  const toTab = (index: string | null) =>
    setParams((old) => {
      const next = new URLSearchParams(old);
      next.set('tab', tabs[Number(index)] ?? '');
      return next;
    });
  const shown = sections.filter((section) => !section.tab || section.tab === tab);
  const drawn = shown.map((section) => <SectionView key={section.key} section={section} scope={scope} viewOf={viewOf} />);
  if (!tabs.length) return drawn.length ? drawn : <Nothing title="The dashboard has no panels">What it has besides is above.</Nothing>;
  return (
    <Tabs value={String(tabs.indexOf(tab))} onChange={toTab} keepMounted={false}>
      <Tabs.List mb="xs">
        {tabs.map((name, index) => (
          <Tabs.Tab key={name} value={String(index)}>
            {fill(name, scope)}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value={String(tabs.indexOf(tab))}>{drawn}</Tabs.Panel>
    </Tabs>
  );
}

function SectionView({ section, scope, viewOf }: { section: Section; scope: Scope; viewOf: (panel: Panel) => string }) {
  const [open, setOpen] = useState(!section.collapsed);
  const places = useMemo(() => packed(section.panels), [section]);
  const title = fill(section.title, { ...scope, chosen: scopedTo(section, scope.chosen) });
  return (
    <>
      {!section.key.startsWith(TOP) && (
        <Title order={3} size="sm" mt="xs" mb={4}>
          <button type="button" className="section-head" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? <IconChevronDown size={16} /> : <IconChevronRight size={16} />} {title || 'Row'}
            {!open && <span className="section-count"> ({section.panels.length} panels)</span>}
          </button>
        </Title>
      )}
      {open && (
        <div className="board-grid">
          {places.map(({ panel, place }) => (
            <div key={panel.key} className="board-cell" style={{ '--x': place.x + 1, '--y': place.y + 1, '--w': place.w, '--h': place.h } as React.CSSProperties}>
              <PanelBox panel={panel} toggleView={viewOf(panel)} alone={false} />
            </div>
          ))}
        </div>
      )}
    </>
  );
}

function BoardLinks({ links, scope, current }: { links: readonly BoardLink[]; scope: Scope; current: string }) {
  const { search } = useLocation();
  const listing = links.some((link) => link.dashboards);
  const { data } = useQuery({ queryKey: ['dashboards'], queryFn: ({ signal }) => boards(signal), enabled: listing, staleTime: 60_000 });
  const kept = (link: BoardLink) => new URLSearchParams([...new URLSearchParams(search)].filter(([name]) => (name.startsWith('var-') ? link.keepVariables : link.keepTime && TIMES.includes(name))));
  return links.map((link) => {
    if (!link.dashboards) {
      const target = destination({ title: link.title, url: link.url, blank: link.blank }, scope);
      if (!target) return null;
      return target.external ? (
        <Anchor key={link.title} href={target.href} target="_blank" rel="noreferrer noopener" size="sm" title={link.tooltip}>
          {target.title}
        </Anchor>
      ) : (
        <Anchor key={link.title} component={Link} to={link.keepTime ? withSearch(target.href, kept(link)) : target.href} size="sm" title={link.tooltip} visibleFrom="sm">
          {target.title}
        </Anchor>
      );
    }
    const others = (data ?? []).filter((board) => board.uid !== current && (!link.tags.length || link.tags.every((tag) => board.tags.includes(tag))));
    if (!others.length) return null;
    return (
      <Menu key={link.title} position="bottom-end">
        <Menu.Target>
          <Anchor component="button" type="button" size="sm" style={{ whiteSpace: 'nowrap' }}>
            {link.title}
          </Anchor>
        </Menu.Target>
        <Menu.Dropdown>
          {others.map((board) => (
            <Menu.Item key={board.uid} component={Link} to={`/dashboards/${encodeURIComponent(board.uid)}?${kept(link).toString()}`}>
              {board.title}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    );
  });
}

/** The times that are shown, as they are written: `now-1h` moves on. */
function withSearch(href: string, kept: URLSearchParams): string {
  const [path = '', query = ''] = href.split('?');
  const next = new URLSearchParams(query);
  for (const name of ['from', 'to']) next.delete(name);
  for (const [name, value] of kept) next.append(name, value);
  return `${path}?${next.toString()}`;
}
