import { Nothing } from '../../shared/states';

export default function Alerts() {
  return <Nothing title="Alerts" />;
}
