/** PromQL for the editor: its grammar, and completion by what the stack's metrics backend knows. */
import { autocompletion } from '@codemirror/autocomplete';
import { PromQLExtension } from '@prometheus-io/codemirror-promql';

export const promql = [new PromQLExtension().setComplete({ remote: { url: '/proxy/metrics', httpMethod: 'GET' } }).asExtension(), autocompletion()];
