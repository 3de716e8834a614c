import type { PanelData } from '../data/ask';
import type { Scope } from '../grafana/interpolate';
import type { Panel } from '../grafana/model';

/** What every kind of panel is drawn from. */
export interface PanelProps {
  panel: Panel;
  data: PanelData;
  scope: Scope;
  width: number;
  height: number;
}
