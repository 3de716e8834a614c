/** A text of the dashboard: Markdown as elements, everything else as it is written. HTML stays text. */
import { fill } from '../grafana/interpolate';
import { text } from '../grafana/json';
import type { Scope } from '../grafana/interpolate';
import type { Panel } from '../grafana/model';
import { Markdown } from '../../../shared/Markdown';

export function TextPanel({ panel, scope }: { panel: Panel; scope: Scope }) {
  const content = fill(text(panel.options.content), scope);
  const plain = panel.options.mode === 'code' || panel.options.mode === 'html';
  return (
    <div className="panel-scroll panel-text" tabIndex={0} role="region" aria-label={`Text: ${panel.title || 'without a title'}`}>
      {plain ? <pre>{content}</pre> : <Markdown text={content} />}
    </div>
  );
}
