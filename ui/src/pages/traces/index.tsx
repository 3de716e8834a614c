import { Nothing } from '../../shared/states';

export default function Traces() {
  return <Nothing title="Traces" />;
}
