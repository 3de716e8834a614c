/** Tooltips of charts, built as elements: what a service sends is text, never HTML. */

export interface Row {
  color: string;
  name: string;
  value: string;
}

const MOST_ROWS = 20;
const LONGEST_NAME = 90;

function element(name: string, text: string, style: Partial<CSSStyleDeclaration> = {}): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  Object.assign(made.style, style);
  return made;
}

export function tooltip(title: string, rows: readonly Row[], hint = ''): HTMLElement {
  const box = element('div', '', { fontSize: '12px', lineHeight: '18px', maxWidth: '420px' });
  box.append(element('div', title, { fontWeight: '600' }));
  for (const { color, name, value } of rows.slice(0, MOST_ROWS)) {
    const row = element('div', '', { display: 'flex', gap: '8px', alignItems: 'center' });
    row.append(element('span', '', { width: '10px', height: '3px', flex: 'none', background: color }));
    row.append(element('span', name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name, { flex: '1', whiteSpace: 'normal', overflowWrap: 'anywhere' }));
    row.append(element('b', value, { whiteSpace: 'nowrap' }));
    box.append(row);
  }
  if (rows.length > MOST_ROWS) box.append(element('div', `and ${rows.length - MOST_ROWS} more`, { opacity: '0.7' }));
  if (hint) box.append(element('div', hint, { opacity: '0.7' }));
  return box;
}

const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: 'short', timeStyle: 'medium' });

/** A moment in local time, with UTC behind it. */
export const momentText = (milliseconds: number): string => `${MOMENT.format(milliseconds)}  (${new Date(milliseconds).toISOString().slice(11, 19)} UTC)`;
