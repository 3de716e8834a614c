import { Nothing } from '../../shared/states';

export default function Metrics() {
  return <Nothing title="Metrics" />;
}
