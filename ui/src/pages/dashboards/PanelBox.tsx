/** One panel in its frame: title, description, menu, and what is drawn once it is in view. */
import { ActionIcon, Menu, Paper, Text, Tooltip } from '@mantine/core';
import { useElementSize, useIntersection } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import { Link } from 'react-router';
import { Boundary } from '../../shared/Boundary';
import { ApiError } from '../../shared/api/http';
import { IconAlert, IconChevronDown } from '../../shared/icons';
import { usePlace } from './data/place';
import { scopeOf, usePanel, type PanelState } from './data/usePanel';
import { hasCells, tablesOf } from './data/tables';
import { leftOut, whyNot } from './drawable';
import { destination } from './grafana/destinations';
import { fill } from './grafana/interpolate';
import type { Panel } from './grafana/model';
import { askedElsewhere } from './grafana/elsewhere';
import { KINDS } from './panels';
import { TextPanel } from './panels/TextPanel';
import { TracesPanel } from './panels/TracesPanel';

interface Props {
  panel: Panel;
  /** Search of the URL that shows this panel alone, or all of them again. */
  toggleView: string;
  alone: boolean;
}

const NAMELESS = 'Panel without a title';

/** A panel that was never in view is a heading alone: a dashboard may have a thousand. */
export function PanelBox(props: Props) {
  const { ref, entry } = useIntersection({ rootMargin: '150px' });
  const inView = entry?.isIntersecting ?? false;
  const [seen, setSeen] = useState(false);
  if (inView && !seen) setSeen(true);
  return (
    <div ref={ref} className="panel-place">
      {seen ? <SeenPanel {...props} inView={inView} /> : <UnseenPanel panel={props.panel} />}
    </div>
  );
}

function UnseenPanel({ panel }: { panel: Panel }) {
  const title = fill(panel.title, scopeOf(panel, 0, usePlace()));
  return (
    <Paper withBorder className="panel" component="section" aria-label={title || NAMELESS}>
      <header className="panel-head">
        <Text component="h3" size="sm" fw={500} className="clip">
          {title}
        </Text>
      </header>
    </Paper>
  );
}

function SeenPanel({ panel, toggleView, alone, inView }: Props & { inView: boolean }) {
  const { ref: size, width, height } = useElementSize();
  const state = usePanel(panel, Math.round(width), inView);
  const title = fill(panel.title, state.scope);
  const chosen = state.scope.chosen;
  const missing = useMemo(() => leftOut(panel, chosen), [panel, chosen]);
  return (
    <Paper withBorder className="panel" component="section" aria-label={title || NAMELESS} aria-busy={state.waiting && !state.data}>
      <header className="panel-head">
        <Tooltip label={fill(panel.description, state.scope)} multiline maw={360} openDelay={300} disabled={!panel.description} position="bottom-start">
          <Text component="h3" size="sm" fw={500} className="clip" tabIndex={panel.description ? 0 : undefined} aria-description={panel.description || undefined}>
            {title}
          </Text>
        </Tooltip>
        <Notes warnings={state.data?.warnings ?? []} missing={missing} title={title} />
        <PanelMenu panel={panel} state={state} title={title} toggleView={toggleView} alone={alone} />
      </header>
      <div ref={size} className="panel-body">
        <Boundary>{width > 0 && <Content panel={panel} state={state} width={width} height={height} />}</Boundary>
      </div>
    </Paper>
  );
}

function Notes({ warnings, missing, title }: { warnings: readonly string[]; missing: readonly string[]; title: string }) {
  const all = [...missing.map((one) => `${one.charAt(0).toUpperCase()}${one.slice(1)}.`), ...warnings];
  if (!all.length) return null;
  return (
    <Tooltip label={all.join('\n')} multiline maw={420} style={{ whiteSpace: 'pre-line' }}>
      <ActionIcon size="xs" variant="transparent" color="orange" aria-label={`Notes on ${title}: ${all.join(' ')}`}>
        <IconAlert size={14} />
      </ActionIcon>
    </Tooltip>
  );
}

function PanelMenu({ panel, state, title, toggleView, alone }: { panel: Panel; state: PanelState; title: string; toggleView: string; alone: boolean }) {
  const elsewhere = askedElsewhere(state.questions, state.scope);
  const links = panel.links.flatMap((link) => destination(link, state.scope) ?? []);
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon size="xs" variant="subtle" color="gray" className="panel-menu" aria-label={`Menu of ${title || 'the panel'}`}>
          <IconChevronDown size={14} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component={Link} to={toggleView}>
          {alone ? 'Show all panels' : 'View'}
        </Menu.Item>
        {elsewhere && (
          <Menu.Item component={Link} to={elsewhere.href}>
            {elsewhere.title}
          </Menu.Item>
        )}
        <Menu.Item onClick={state.again}>Ask again</Menu.Item>
        {links.map((link) =>
          link.external ? (
            <Menu.Item key={link.title} component="a" href={link.href} target="_blank" rel="noreferrer noopener">
              {link.title}
            </Menu.Item>
          ) : (
            <Menu.Item key={link.title} component={Link} to={link.href}>
              {link.title}
            </Menu.Item>
          ),
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

function Said({ children, tone = 'dimmed' }: { children: React.ReactNode; tone?: string }) {
  return (
    <Text size="sm" c={tone} p="xs" ta="center" component="div" className="panel-said">
      {children}
    </Text>
  );
}

interface ContentProps {
  panel: Panel;
  state: PanelState;
  width: number;
  height: number;
}

function Content({ panel, state, width, height }: ContentProps) {
  const { scope, data, error, questions, waiting } = state;
  const why = whyNot(panel, scope.chosen);
  if (why) return <Said>Not drawn: {why}.</Said>;
  if (panel.type === 'text') return <TextPanel panel={panel} scope={scope} />;
  if (panel.type === 'traces') return <TracesPanel panel={panel} scope={scope} height={height} />;
  if (error && !data) return <Wrong error={error} again={state.again} />;
  if (!questions.length) return <Said>The panel asks nothing.</Said>;
  if (!data) return waiting ? <div className="panel-wait" role="status" aria-label="loading" /> : null;
  const Kind = KINDS[panel.type];
  if (!Kind) return <Said>Not drawn: panels of the type “{panel.type}” are not drawn here.</Said>;
  if (isEmpty(panel, state)) return <Empty panel={panel} />;
  return (
    <>
      {Boolean(error) && <Wrong error={error} again={state.again} />}
      <Kind panel={panel} data={data} scope={scope} width={width} height={height} />
    </>
  );
}

function isEmpty(panel: Panel, { data }: PanelState): boolean {
  if (!data) return true;
  if (panel.type === 'logs') return !data.lines.length;
  if (panel.type === 'table') return !hasCells(tablesOf(data.frames));
  return !data.frames.some((frame) => frame.spots.some((spot) => spot[1] !== null));
}

/** Why nothing is there, where the dashboard says it: "May be empty: …". */
function Empty({ panel }: { panel: Panel }) {
  const { traceIds } = usePlace();
  const reason = /\n\n(May be empty.*)$/s.exec(panel.description)?.[1];
  return (
    <Said>
      {panel.type === 'logs' ? 'No lines in this time.' : 'No data in this time.'}
      {reason && <Text size="xs">{reason}</Text>}
      {!reason && !traceIds && <Text size="xs">Try a longer time, or other values above.</Text>}
    </Said>
  );
}

function Wrong({ error, again }: { error: unknown; again: () => void }) {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof ApiError ? error.hint : '';
  return (
    <Said tone="red">
      <span className="wrap-anywhere">
        {message} {hint && <code>{hint}</code>}
      </span>{' '}
      <button type="button" className="text-button" onClick={again}>
        Ask again
      </button>
    </Said>
  );
}
