/** What all panels of a page share: times, variables, and what a click does. */
import { createContext, useContext } from 'react';
import type { Range } from '../../../shared/range';
import type { Chosen } from '../grafana/interpolate';

export interface BoardPlace {
  title: string;
  range: Range;
  /** Seconds between two scrapes. */
  scrape: number;
  chosen: Readonly<Record<string, Chosen>>;
  /** Charts of this name share their crosshair; undefined where each has its own. */
  group: string | undefined;
  /** Whether all of them show their values at the crosshair. */
  allTooltips: boolean;
  /** Show another range, in milliseconds. */
  zoom: (from: number, to: number) => void;
  /** Marks on every graph. */
  marks: readonly Mark[];
  traceIds: boolean;
}
export interface Mark {
  /** Milliseconds. */
  at: number;
  until: number;
  title: string;
  color: string;
}

const Context = createContext<BoardPlace | null>(null);
export const PlaceProvider = Context.Provider;

export function usePlace(): BoardPlace {
  const place = useContext(Context);
  if (!place) throw new Error('a panel is drawn outside of a dashboard');
  return place;
}
