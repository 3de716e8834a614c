/** What is wrong with a trace, or worth knowing: missing parents, clocks that differ, gaps. Each leads to its span. */
import { Anchor, Group, Text } from '@mantine/core';
import { useState } from 'react';
import { inline } from '../../shared/text';
import { duration } from '../../shared/units';
import type { NamedGap, TraceModel } from './model';
import type { View } from './rows';

const SECOND = 1e9;
const SHOWN = 3;
const MARGIN = 0.5;

export interface Note {
  text: string;
  serious: boolean;
  span: number;
  view?: View;
}

/** The gap with half of its length around it. */
function viewOf(trace: TraceModel, gap: NamedGap): View {
  const margin = (gap.to - gap.from) * MARGIN;
  return { from: Math.max(0, (gap.from - margin) / trace.duration), to: Math.min(1, (gap.to + margin) / trace.duration) };
}

function gapText(trace: TraceModel, gap: NamedGap): string {
  const where = gap.span < 0 ? 'outside of every root' : `in ${inline(trace.spans[gap.span]!.name)}`;
  const after = gap.after ? ` after ${inline(gap.after)}` : '';
  const before = gap.before ? ` before ${inline(gap.before)}` : '';
  return `${duration((gap.to - gap.from) / SECOND)} of ${gap.waiting ? 'waiting' : 'nothing'} ${where}${after}${before}`;
}

export function notesOf(trace: TraceModel): Note[] {
  const warnings = trace.warnings.map((warning): Note => ({ text: inline(warning.message), serious: true, span: trace.index.get(warning.span_id) ?? -1 }));
  const gaps = trace.gaps.map((gap): Note => ({ text: gapText(trace, gap), serious: false, span: gap.span, view: viewOf(trace, gap) }));
  return [...warnings, ...gaps];
}

interface Props {
  trace: TraceModel;
  /** The id of a span that the URL names and the trace lacks. */
  missing: string;
  onShow: (span: number) => void;
  onView: (view: View) => void;
}

export function Notes({ trace, missing, onShow, onView }: Props) {
  const [all, setAll] = useState(false);
  const lost: Note[] = missing ? [{ text: `The span ${inline(missing)} is not in this trace.`, serious: true, span: -1 }] : [];
  const notes = [...lost, ...notesOf(trace)];
  if (!notes.length) return null;
  return (
    <Group gap={4} mb={4} component="ul" className="notes" aria-label="Notes on the trace">
      {(all ? notes : notes.slice(0, SHOWN)).map((note, index) => (
        <li key={index}>
          <Text span size="xs" c={note.serious ? 'orange' : 'dimmed'} aria-hidden="true">
            {note.serious ? '⚠ ' : '↔ '}
          </Text>
          {note.span < 0 && !note.view ? (
            <Text span size="xs">
              {note.text}
            </Text>
          ) : (
            <Anchor
              component="button"
              type="button"
              size="xs"
              onClick={() => {
                if (note.view) onView(note.view);
                if (note.span >= 0) onShow(note.span);
              }}
            >
              {note.text}
            </Anchor>
          )}
        </li>
      ))}
      {notes.length > SHOWN && (
        <li>
          <Anchor component="button" type="button" size="xs" onClick={() => setAll(!all)} aria-expanded={all}>
            {all ? 'fewer' : `${notes.length - SHOWN} more`}
          </Anchor>
        </li>
      )}
    </Group>
  );
}
