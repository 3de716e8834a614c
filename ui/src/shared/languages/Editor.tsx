/** A query in CodeMirror: colours, completion, the server's error in its place. Enter runs it; Shift-Enter makes a line. Loaded when it is shown. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionSource } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap, insertNewline } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, LanguageSupport, LRLanguage, syntaxHighlighting } from '@codemirror/language';
import { setDiagnostics } from '@codemirror/lint';
import { EditorState, Prec, type Extension } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import type { LRParser } from '@lezer/lr';
import { useEffect, useRef } from 'react';

export interface EditorProps {
  value: string;
  /** Its accessible name. */
  label: string;
  hint?: string;
  /** Its grammar, and what completes it; another one makes another editor. */
  language: Extension;
  /** Where the query is wrong, by the server; `at` is an offset, null where it is not known. */
  error?: { message: string; at: number | null } | undefined;
  onChange?: (value: string) => void;
  onRun: (value: string) => void;
  /** The field loses the focus. */
  onLeave?: (value: string) => void;
}

/** A language by its grammar, and what may stand at a place. */
export const queryLanguage = (parser: LRParser, complete: CompletionSource): Extension => [
  new LanguageSupport(LRLanguage.define({ parser, languageData: { closeBrackets: { brackets: ['(', '[', '{', '"', '`'] } } })),
  autocompletion({ override: [complete], icons: false }),
];

const COLOURS = HighlightStyle.define([
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--query-string)' },
  { tag: tags.number, color: 'var(--query-number)' },
  { tag: tags.propertyName, color: 'var(--query-name)' },
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier, tags.bool], color: 'var(--query-keyword)' },
  { tag: tags.function(tags.variableName), color: 'var(--query-function)' },
  { tag: tags.lineComment, color: 'var(--mantine-color-dimmed)' },
]);

const LOOK = EditorView.theme({
  '&': { fontSize: '12px', border: '1px solid var(--mantine-color-default-border)', borderRadius: '4px', background: 'var(--mantine-color-default)' },
  '&.cm-focused': { outline: '1px solid var(--mantine-primary-color-filled)' },
  '.cm-content': { fontFamily: 'var(--mono)', minHeight: '22px', caretColor: 'var(--mantine-color-text)' },
  '.cm-cursor': { borderLeftColor: 'var(--mantine-color-text)' },
  '.cm-scroller': { maxHeight: '140px', lineHeight: '20px' },
  '.cm-tooltip': { background: 'var(--mantine-color-body)', color: 'var(--mantine-color-text)', border: '1px solid var(--mantine-color-default-border)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { background: 'var(--mantine-primary-color-filled)', color: '#fff' },
});

export default function Editor({ value, label, hint, language, error, onChange, onRun, onLeave }: EditorProps) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const handlers = useRef({ onChange, onRun, onLeave });
  useEffect(() => {
    handlers.current = { onChange, onRun, onLeave };
  });
  const first = useRef(value);
  useEffect(() => {
    const run = (at: EditorView) => {
      handlers.current.onRun(at.state.doc.toString());
      return true;
    };
    const made = new EditorView({
      parent: box.current!,
      state: EditorState.create({
        doc: first.current,
        extensions: [
          language,
          syntaxHighlighting(COLOURS),
          LOOK,
          history(),
          bracketMatching(),
          closeBrackets(),
          keymap.of(completionKeymap),
          Prec.high(keymap.of([{ key: 'Mod-Enter', run }, { key: 'Shift-Enter', run: insertNewline }])),
          keymap.of([{ key: 'Enter', run }, { key: 'Escape', run: (at) => (at.contentDOM.blur(), true) }, ...closeBracketsKeymap, ...historyKeymap, ...defaultKeymap]),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': label }),
          placeholder(hint ?? ''),
          EditorView.updateListener.of((update) => update.docChanged && handlers.current.onChange?.(update.state.doc.toString())),
          EditorView.domEventHandlers({ blur: (_, at) => handlers.current.onLeave?.(at.state.doc.toString()) }),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, [language, label, hint]);
  useEffect(() => {
    const at = view.current;
    first.current = value;
    if (at && at.state.doc.toString() !== value) at.dispatch({ changes: { from: 0, to: at.state.doc.length, insert: value } });
  }, [value]);
  useEffect(() => {
    const at = view.current;
    if (!at) return;
    const length = at.state.doc.length;
    const from = Math.min(error?.at ?? 0, Math.max(0, length - 1));
    const to = error?.at === null ? length : Math.min(length, from + 1);
    at.dispatch(setDiagnostics(at.state, error ? [{ from, to, severity: 'error', message: error.message }] : []));
  }, [error]);
  return <div ref={box} className="query-editor" />;
}
