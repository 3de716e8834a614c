/** Text that services send, made safe to look at: nothing invisible, nothing that turns the order of what follows. */

/** Control characters but tab and newline, marks that turn the direction of text, and characters without width. */
// eslint-disable-next-line no-control-regex -- these are what it looks for
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const LONGEST = 20_000;

function picture(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '␡' : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** The text with control characters shown as pictures (`␛`) or escapes (`\u202e`), and an end where it is very long. */
export function visible(text: string): string {
  const cut = text.length > LONGEST ? `${text.slice(0, LONGEST)}… (${text.length - LONGEST} more characters)` : text;
  return cut.replace(HIDDEN, picture);
}

/** The same in one line. */
export const inline = (text: string): string => visible(text).replace(/\s*\n\s*/g, ' ⏎ ').replaceAll('\t', ' ');
