/**
 * Sees that somebody else changed or deleted what was delivered for a binding, and has it put back. What was applied is
 * known by uid and version; a sighting of a newer version, or of its end, is a change by others. Nothing is read for it.
 *
 * An operation on the binding that is under way hides a sighting; so the one that ends it looks once more.
 */
import type { DeliveredObject } from '../domain/binding.ts';
import { newerVersion } from './observed-versions.ts';
import { enqueueOperation } from './operations.ts';
import { isUuid, query, type Session } from './session.ts';

/** Whoever changes it again and again has it his way in the end: then the drift sweep tells of it. */
const mostPerDay = 50;
const timeoutSeconds = 600;

export async function setDelivered(
  session: Session,
  bindingUid: string,
  objects: readonly DeliveredObject[],
): Promise<void> {
  await query(session, 'update service_bindings set delivered = :objects where uid = :bindingUid', {
    bindingUid,
    objects: JSON.stringify(objects),
  });
}

/**
 * Enqueues a repair for each of these bindings whose delivery is known to have changed.
 * @param goneUids objects that are gone, and that nothing remembers
 */
export async function repairDeliveries(
  session: Session,
  bindingUids: readonly string[],
  goneUids: readonly string[] = [],
): Promise<void> {
  // Anybody may write our labels, and not all that is written there is a uid.
  const uids = bindingUids.filter(isUuid);
  if (uids.length === 0) return;
  const due = await query<{ uid: string; instance_uid: string }>(
    session,
    `select binding.uid, binding.instance_uid
     from service_bindings binding join service_instances instance on instance.uid = binding.instance_uid
     where binding.uid = any (:uids::uuid[]) and binding.state = 'bound'
       and (binding.expires_at is null or binding.expires_at > clock_timestamp())
       and instance.state not in ('deprovisioning', 'deprovisioned')
       and not exists (select 1 from operations where binding_uid = binding.uid and state = 'in progress')
       and exists (
         select 1
         from jsonb_to_recordset(binding.delivered) as applied (uid text, "resourceVersion" text)
         left join observed_objects seen on seen.cluster = binding.delivery_cluster and seen.uid = applied.uid
         where applied.uid = any (:goneUids::text[]) or seen.gone_at is not null
            or ${newerVersion('seen.resource_version', 'applied."resourceVersion"')})
       and :mostPerDay > (
         select count(*) from operations
         where binding_uid = binding.uid and type = 'repair'
           and created_at > clock_timestamp() - interval '1 day')`,
    { uids, goneUids, mostPerDay },
  );
  for (const { uid: bindingUid, instance_uid: instanceUid } of due) {
    await enqueueOperation(session, {
      type: 'repair',
      instanceUid,
      bindingUid,
      timeoutSeconds,
      description: 'What was delivered for the service binding is about to be put back.',
    });
  }
}
