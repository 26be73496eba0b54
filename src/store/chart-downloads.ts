import { query, type Session } from './session.ts';
import type { ChartDownload } from './types.ts';

export async function findDownload(session: Session, digest: string): Promise<ChartDownload | undefined> {
  const [row] = await query<{ archive: Buffer; provenance: string | null }>(
    session,
    'select archive, provenance from chart_downloads where digest = :digest',
    { digest },
  );
  if (row === undefined) return undefined;
  const { archive, provenance } = row;
  return { archive, ...(provenance === null ? {} : { provenance }) };
}

export async function keepDownload(
  session: Session,
  digest: string,
  { archive, provenance }: ChartDownload,
): Promise<void> {
  await query(
    session,
    `insert into chart_downloads (digest, archive, provenance) values (:digest, :archive, :provenance)
     on conflict (digest) do update set archive = excluded.archive,
       provenance = coalesce(excluded.provenance, chart_downloads.provenance)`,
    { digest, archive, provenance: provenance ?? null },
  );
}
