import { Nothing } from '../../shared/states';

export default function Logs() {
  return <Nothing title="Logs" />;
}
