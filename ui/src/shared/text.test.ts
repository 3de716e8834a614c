import { expect, test } from 'vitest';
import { inline, visible } from './text';

test.each([
  ['a\u001b[31mb', 'a␛[31mb'],
  ['a\u0000b', 'a␀b'],
  ['\u007f', '␡'],
  ['\u202egnp.exe', '\\u202egnp.exe'],
  ['a\u200bb', 'a\\u200bb'],
  ['tab\tand\nline', 'tab\tand\nline'],
  ['<b>é 漢字 🙂</b>', '<b>é 漢字 🙂</b>'],
])('%j is shown as %j', (text, shown) => expect(visible(text)).toBe(shown));

test('a text without end has one', () => expect(visible('x'.repeat(20_001))).toMatch(/x… \(1 more characters\)$/));
test('lines become one', () => expect(inline('a\n  b\tc')).toBe('a ⏎ b c'));
