/** The two NOTIFY channels. Sent inside a transaction, so that Postgres delivers them when it commits. */
import { query, type Session } from './session.ts';

/** An operation is due earlier than sleepers know. No payload. */
export const wakeChannel = 'chandler_wake';
/** An operation ended; the payload is its uid. */
export const finishedChannel = 'chandler_finished';

export async function announceWake(session: Session): Promise<void> {
  await query(session, 'select pg_notify(:channel, :payload)', { channel: wakeChannel, payload: '' });
}

export async function announceFinished(session: Session, operationUid: string): Promise<void> {
  await query(session, 'select pg_notify(:channel, :payload)', {
    channel: finishedChannel,
    payload: operationUid,
  });
}
