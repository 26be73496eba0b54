import { type Events, silentEvents } from '../../src/telemetry/events.ts';

export interface RecordedEvent {
  name: keyof Events;
  fields: Record<string, unknown>;
}

/** Events that are kept in `recorded`, in order. */
export function recordingEvents(recorded: RecordedEvent[]): Events {
  const names = Object.keys(silentEvents) as (keyof Events)[];
  const entries = names.map((name) => [
    name,
    (fields: object) => void recorded.push({ name, fields: { ...fields } }),
  ]);
  return Object.fromEntries(entries) as Events;
}
