/** The two NOTIFY channels. Sent inside a transaction, so that Postgres delivers them when it commits. */
import { query, type Session } from './session.ts';

/** An operation is due earlier than sleepers know. No payload. */
export const wakeChannel = 'chandler_wake';
/** An operation ended; the payload is its uid. */
export const finishedChannel = 'chandler_finished';

export async function announceWake(session: Session): Promise<void> {
  await query(session, 'select pg_notify(:channel, :payload)', { channel: wakeChannel, payload: '' });
}

/**
 * After a lease was given back: anything due may have waited for it (for its slot at a server or cluster), also when
 * the replica that had it takes no more. Silent when nothing is due, and one look at an index then.
 */
export async function announceDue(session: Session): Promise<void> {
  await query(
    session,
    `select pg_notify(:channel, '') where exists (
       select 1 from operations
       where state = 'in progress' and run_at <= statement_timestamp() and lease_until is null)`,
    { channel: wakeChannel },
  );
}

export async function announceFinished(session: Session, operationUid: string): Promise<void> {
  await query(session, 'select pg_notify(:channel, :payload)', {
    channel: finishedChannel,
    payload: operationUid,
  });
}
