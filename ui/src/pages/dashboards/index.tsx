import { Nothing } from '../../shared/states';

export default function Dashboards() {
  return <Nothing title="Dashboards" />;
}
