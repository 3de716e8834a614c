/** A field for PromQL with completion and marks where it is wrong. A chunk of its own. */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language';
import { lintKeymap, setDiagnostics } from '@codemirror/lint';
import { EditorState, Prec } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';
import { useEffect, useRef } from 'react';

export interface EditorProps {
  value: string;
  label: string;
  /** What the server says is wrong, and where. */
  error: { message: string; offset: number | null } | null;
  onUse: (value: string) => void;
}

const COLORS = HighlightStyle.define([
  { tag: [tags.keyword, tags.modifier], color: 'var(--mantine-color-violet-text)' },
  { tag: [tags.function(tags.variableName), tags.operatorKeyword], color: 'var(--mantine-color-blue-text)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--mantine-color-teal-text)' },
  { tag: tags.number, color: 'var(--mantine-color-orange-text)' },
  { tag: tags.comment, color: 'var(--mantine-color-dimmed)' },
]);
const LOOK = EditorView.theme({
  '&': { fontSize: '13px', border: '1px solid var(--mantine-color-default-border)', borderRadius: '4px', background: 'var(--mantine-color-default)' },
  '&.cm-focused': { outline: '2px solid var(--mantine-primary-color-filled)' },
  '.cm-content': { fontFamily: 'var(--mono)', caretColor: 'currentColor', padding: '6px 0' },
  '.cm-tooltip': { background: 'var(--mantine-color-body)', border: '1px solid var(--mantine-color-default-border)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { background: 'var(--mantine-primary-color-filled)', color: '#fff' },
});

export default function Editor({ value, label, error, onUse }: EditorProps) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(undefined);
  const use = useRef(onUse);
  const first = useRef(value);
  useEffect(() => {
    use.current = onUse;
  });
  useEffect(() => {
    const promql = new PromQLExtension().setComplete({ remote: { url: '/proxy/metrics', httpMethod: 'GET' } });
    const run = (editor: EditorView) => {
      use.current(editor.state.doc.toString());
      return true;
    };
    const leave = (editor: EditorView) => {
      editor.contentDOM.blur();
      return true;
    };
    const keys = [{ key: 'Enter', run }, { key: 'Mod-Enter', run }, { key: 'Shift-Enter', run: (editor: EditorView) => (editor.dispatch(editor.state.replaceSelection('\n')), true) }]; // prettier-ignore
    const state = EditorState.create({
      doc: first.current,
      extensions: [
        LOOK, syntaxHighlighting(COLORS), history(), bracketMatching(), closeBrackets(), autocompletion(), promql.asExtension(),
        keymap.of(completionKeymap), Prec.low(keymap.of([...keys, { key: 'Escape', run: leave }])),
        keymap.of([...closeBracketsKeymap, ...historyKeymap, ...lintKeymap]), Prec.lowest(keymap.of(defaultKeymap)),
        EditorView.lineWrapping, placeholder('PromQL, then Enter'), EditorView.contentAttributes.of({ 'aria-label': label }),
        EditorView.domEventHandlers({ blur: (_, editor) => use.current(editor.state.doc.toString()) }),
      ],
    }); // prettier-ignore
    const made = new EditorView({ state, parent: box.current! });
    view.current = made;
    return () => {
      made.destroy();
      promql.destroy();
    };
  }, [label]);
  useEffect(() => {
    const editor = view.current;
    first.current = value;
    if (editor && editor.state.doc.toString() !== value) editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);
  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const from = Math.min(error?.offset ?? 0, editor.state.doc.length);
    const found = error && error.offset !== null ? [{ from, to: Math.min(editor.state.doc.length, from + 1), severity: 'error' as const, message: error.message }] : [];
    editor.dispatch(setDiagnostics(editor.state, found));
  }, [error]);
  return <div ref={box} className="query-editor" />;
}
