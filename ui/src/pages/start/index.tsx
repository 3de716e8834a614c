import { Nothing } from '../../shared/states';

export default function Start() {
  return <Nothing title="Start" />;
}
