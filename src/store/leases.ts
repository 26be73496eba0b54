import { query, type Session } from './session.ts';

export async function holdLease(
  session: Session,
  name: string,
  owner: string,
  seconds: number,
): Promise<boolean> {
  const held = await query(
    session,
    `insert into leases as known (name, owner, expires_at)
     values (:name, :owner, clock_timestamp() + :seconds * interval '1 second')
     on conflict (name) do update
     set owner = excluded.owner, expires_at = clock_timestamp() + :seconds * interval '1 second'
     where known.owner = excluded.owner or known.expires_at <= clock_timestamp()
     returning name`,
    { name, owner, seconds },
  );
  return held.length > 0;
}

export async function releaseLease(session: Session, name: string, owner: string): Promise<void> {
  await session.db('leases').where({ name, owner }).delete();
}

/** When the lease that was taken last runs out, or ran out; by the clock of Postgres, so show it as an age only. */
export async function findLeaseEnd(session: Session, name: string): Promise<Date | undefined> {
  const [known] = await query<{ expiresAt: Date }>(
    session,
    'select expires_at as "expiresAt" from leases where name = :name',
    { name },
  );
  return known?.expiresAt;
}

/** Who holds the lease now. */
export async function findLeaseOwner(session: Session, name: string): Promise<string | undefined> {
  const [held] = await query<{ owner: string }>(
    session,
    'select owner from leases where name = :name and expires_at > clock_timestamp()',
    { name },
  );
  return held?.owner;
}
